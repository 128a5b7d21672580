"""Which inactive units each corner pushes."""

import numpy as np

from tfcollide.errors import RequestError

__all__ = ["Groups", "choose_units", "parse_units"]

Groups = tuple[tuple[int, ...], ...]
"""One group of units per corner."""


def parse_units(text: str) -> Groups:
    """Reads "3,9,12" (one unit per corner) and "3+9,12+40" (several).

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


def choose_units(
    active: np.ndarray, num_corners: int, asked: Groups | None = None, *, unit_shape: tuple[int, ...] = ()
) -> Groups:
    """The units asked for, checked; or the first inactive ones, as the paper takes them.

    The first units of a convolutional tap would be channels of one pixel; there the
    units are spread out over positions and channels, see `_spread`.

    Args:
        active: `[U]` bool, the target's active units; where a ReLU has a ceiling, only those below it.
        num_corners: N.
        asked: groups from `parse_units`, or None.
        unit_shape: `(H, W, C)` at a convolutional tap.

    Raises:
        RequestError: there are fewer than N inactive units; or a unit asked for is
            active or does not exist.
    """
    inactive = np.flatnonzero(~active)
    if asked is None:
        if num_corners > inactive.size:
            raise RequestError(
                f"{num_corners} corners, each of which pushes a unit of its own",
                f"at most {inactive.size}, the number of inactive units of the target at this tap",
                (f"Say --corners={inactive.size} or less, or c" if inactive.size else "C") + "hoose another --tap or --target.",
                mend_in_python="Ask for fewer corners, or choose another tap or target.",
            )
        chosen = _spread(~active, unit_shape, num_corners) if len(unit_shape) > 1 else inactive[:num_corners].tolist()
        return tuple((int(unit),) for unit in chosen)
    for unit in (unit for group in asked for unit in group):
        if unit >= active.size:
            raise RequestError(f"--units: unit {unit}", f"a unit from 0 to {active.size - 1}")
        if active[unit]:
            received = f"--units: unit {unit}, which is active for the target"
            if not inactive.size:
                mend = "Choose another --target or --tap, or say --objective=match."
                raise RequestError(received, "an inactive unit, of which the target has none at this tap", mend)
            raise RequestError(received, f"inactive units, such as {', '.join(str(u) for u in inactive[:8])}")
    return asked


def _spread(inactive: np.ndarray, shape: tuple[int, ...], count: int) -> list[int]:
    """`count` inactive units, far from each other in every axis.

    The k-th is the first inactive one from frac(1/2 + k a) on, in units of the shape,
    where a_i = g^-i and g^(d+1) = g + 1, the generalized golden ratio for d axes: an
    additive recurrence, whose points fill a box evenly.
    """
    axes = len(shape)
    golden = 2.0
    for _ in range(64):
        golden = (1.0 + golden) ** (1.0 / (axes + 1))
    steps = golden ** -np.arange(1.0, axes + 1)
    free, chosen = inactive.copy(), []
    for k in range(count):
        place = np.floor((0.5 + k * steps) % 1.0 * shape).astype(int)
        start = int(np.ravel_multi_index(tuple(place), shape))
        left = np.flatnonzero(free)
        chosen.append(int(left[np.searchsorted(left, start) % left.size]))
        free[chosen[-1]] = False
    return chosen
