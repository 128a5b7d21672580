"""Which inactive units each corner pushes."""

import numpy as np

from tfcollide.errors import RequestError

__all__ = ["Groups", "choose_units", "parse_units"]

Groups = tuple[tuple[int, ...], ...]
"""One group of units a corner."""


def parse_units(text: str) -> Groups:
    """Reads "3,9,12" (one unit a corner) and "3+9,12+40" (several).

    Raises:
        RequestError: the text is of another form, or a group names a unit twice.
    """
    groups = tuple(tuple(group.strip().split("+")) for group in text.split(","))
    if not all(unit.strip().isdecimal() for group in groups for unit in group):
        raise RequestError(f"--units={text}", "unit numbers such as 3,9,12 or groups such as 3+9,12+40")
    numbers = tuple(tuple(int(unit) for unit in group) for group in groups)
    if any(len(set(group)) < len(group) for group in numbers):
        raise RequestError(f"--units={text}", "each unit once in a group")
    return numbers


def choose_units(active: np.ndarray, num_corners: int, asked: Groups | None = None) -> Groups:
    """The units asked for, checked; or the first inactive ones, as the paper takes them.

    Args:
        active: `[U]` bool, the target's active units.
        num_corners: N.
        asked: groups from `parse_units`, or None.

    Raises:
        RequestError: there are fewer than N inactive units; or a unit asked for is
            active or does not exist.
    """
    inactive = np.flatnonzero(~active)
    if asked is None:
        if num_corners > inactive.size:
            raise RequestError(
                f"--corners={num_corners}",
                f"at most {inactive.size}, the number of inactive units of the target at this tap",
                "Ask for fewer corners, or group units with --units.",
            )
        return tuple((int(unit),) for unit in inactive[:num_corners])
    for unit in (unit for group in asked for unit in group):
        if unit >= active.size:
            raise RequestError(f"--units: unit {unit}", f"a unit from 0 to {active.size - 1}")
        if active[unit]:
            few = ", ".join(str(u) for u in inactive[:8])
            raise RequestError(f"--units: unit {unit}, which is active for the target", f"inactive units, such as {few}")
    return asked
