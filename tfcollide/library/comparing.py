"""Two networks, or several of two kinds, on the same pairs: is the next one better?"""

import dataclasses
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from tfcollide import __version__
from tfcollide.errors import RequestError
from tfcollide.files.atomic import new_folder, to_json
from tfcollide.library.audit_options import AuditOptions
from tfcollide.library.audit_walk import NamedPair
from tfcollide.library.auditing import Audited, audit_together
from tfcollide.library.calling import called, record_of
from tfcollide.library.given import network_given
from tfcollide.library.shared_collisions import shared_pairs
from tfcollide.library.transfer import transfers
from tfcollide.measure.audit_record import AuditRecord
from tfcollide.measure.compare_record import CompareRecord, SharedPair
from tfcollide.measure.compare_sides import compare_records
from tfcollide.measure.compare_tables import compare_frame
from tfcollide.models.classifier import Classifier
from tfcollide.report.side_by_side.compare_files import write_compare
from tfcollide.report.side_by_side.compare_words import compare_verdict

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Compared", "Side", "Sides", "check_limits", "compare", "compare_sides"]

Side: TypeAlias = "Classifier | Audited | Sequence[Classifier] | Sequence[Audited]"
"""One side of a comparison: a network of `wrap`, a finished audit, or several of one of them, such as training seeds."""


class Sides(NamedTuple):
    """What is compared.

    Attributes:
        audits: A's, then B's; each of the same pairs.
        pairs: of images as A's first network reads them; None where they are not at hand.
        why: no network, or no pair, is at hand; None where they are.
    """

    audits: tuple[tuple[Audited, ...], tuple[Audited, ...]]
    pairs: Sequence[NamedPair] | None = None
    why: str | None = None


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Compared:
    """A finished comparison.

    Attributes:
        record: every number.
    """

    record: CompareRecord

    def to_frame(self, table: str = "pairs") -> "DataFrame":
        """A table: "pairs", "tests", "networks", "transfers", "shared" or "seeds"; docs/how-to/compare.md has the columns.

        Raises:
            RequestError: there is no such table.
        """
        with called():
            return compare_frame(self.record, table)

    def save(self, folder: str | Path) -> Path:
        """Writes `report.html`, `compare.json`, `table.md` and `pairs.csv`.

        Args:
            folder: must not exist; it appears whole or not at all.

        Raises:
            RequestError: the folder exists.
        """
        with called():
            path = Path(folder).absolute()
            with new_folder(path) as inside:
                write_compare(inside, self.record)
        return path

    def __repr__(self) -> str:
        """The verdict."""
        return f"Compared({compare_verdict(self.record)})"


def compare(
    a: Side,
    b: Side,
    images: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    *,
    max_change: float | None = None,
    shared: int = 10,
    progress: bool = False,
    **settings: object,
) -> Compared:
    """Which of two networks collides more easily, on the same pairs, and whether hulls of one hold in the other.

    It compares these checkpoints. For architectures give several networks per side, each trained with another seed.

    Args:
        a: a network of `wrap`, or a list of them; or a finished `audit`, or a list of these.
        b: the same, to set beside it.
        images: `[n, H, W, C]`, of `audit`; not with finished audits.
        labels: `[n]`, their classes; likewise.
        max_change: the most that a pixel may change, a share of the pixel range, of images that collide in both networks
            at once; None: no limit.
        shared: for how many pairs such images are looked for, where both ReLUs are affine in the image.
        progress: whether bars are drawn on standard error.
        **settings: of `AuditOptions`: budget, num_pairs, taps, match_quantile, seed, ...

    Returns:
        A `Compared`: `.record` has every number, `.to_frame()` a table, `.save(folder)` writes a report.

    Raises:
        RequestError: an argument cannot be used, or audits are not of the same pairs.

    Examples:
        >>> compared = tc.compare(network, network, images, labels, budget="quick", num_pairs=2)
        >>> [test.p for test in compared.record.tests]
        [1.0, 1.0]
    """
    with called(progress):
        check_limits(max_change, shared)
        sides = [tuple(one) if isinstance(one, (list, tuple)) else (one,) for one in (a, b)]
        everyone = [one for side in sides for one in side]
        if not all(sides) or not everyone:
            raise RequestError("an empty list of networks", "at least one on either side")
        if all(isinstance(one, Audited) for one in everyone):
            if images is not None or settings:
                raise RequestError("finished audits with --images or settings", "networks, or audits alone")
            return compare_sides(Sides((sides[0], sides[1])), max_change=max_change, shared=shared)
        options = record_of(AuditOptions, settings).check()
        networks = [network_given(one) for one in everyone]
        if images is None or labels is None:
            raise RequestError("networks without --images and --labels", "both: what they are audited on")
        audits, pairs = audit_together(networks, images, labels, options)
        split = len(sides[0])
        made = Sides((tuple(audits[:split]), tuple(audits[split:])), pairs)
        return compare_sides(made, max_change=max_change, shared=shared)


def check_limits(max_change: float | None, shared: int) -> None:
    """Raises `RequestError` for limits that no network can make right."""
    if max_change is not None and not 0 < max_change <= 1:
        raise RequestError(f"--max_change={max_change}", "a share of the pixel range, above 0 and up to 1")
    if shared < 0:
        raise RequestError(f"--shared={shared}", "a number of at least 0")


def compare_sides(sides: Sides, *, max_change: float | None, shared: int, command: str | None = None) -> Compared:
    """Compares finished audits of the same pairs.

    Args:
        sides: the audits.
        max_change: as of `compare`.
        shared: as of `compare`.
        command: how to repeat it.

    Raises:
        RequestError: they are of other pairs, or were asked for otherwise.
    """
    records = tuple(tuple(one.record for one in side) for side in sides.audits)
    _check_alike([one for side in records for one in side])
    made = {"tfcollide": __version__, "numpy": np.__version__, "python": platform.python_version()}
    bare = compare_records(records, made_with=made | ({"command": command} if command else {}))
    found, no_shared = _shared(sides, bare, max_change, shared)
    return Compared(
        dataclasses.replace(bare, **_transferred(sides, bare), shared=found, no_shared=no_shared, max_change=max_change)
    )


def _check_alike(records: Sequence[AuditRecord]) -> None:
    """Refuses audits that do not answer the same question."""
    first = records[0]
    ends = [(one.source, one.target) for one in first.fronts_at(first.tap)]
    for other in records[1:]:
        if other.dataset != first.dataset or [(one.source, one.target) for one in other.fronts_at(other.tap)] != ends:
            mend = "Compare the networks themselves, or audit both with one --pairs=FILE."
            raise RequestError(
                f"audits of {first.network} and {other.network} on other pairs", "audits of the same pairs", mend
            )
        if to_json([other.settings, other.headline]) != to_json([first.settings, first.headline]):
            said = f"audits of {first.network} and {other.network} with other budgets ({first.budget}, {other.budget})"
            raise RequestError(said, "audits with one budget and one match quantile", "Audit again.")


def _transferred(sides: Sides, bare: CompareRecord) -> dict[str, Any]:
    """The fields of a record that say whose hulls hold where."""
    audits = [one for side in sides.audits for one in side]
    networks = [one.network for one in audits if one.network is not None]
    if len(networks) < len(audits):
        return {"no_transfers": sides.why or "the audits were read back without their networks"}
    shapes = {one.image_shape for one in networks}
    if len(shapes) > 1:
        return {"no_transfers": f"the networks read images of {len(shapes)} sizes"}
    names = [one.name for one in bare.networks]
    hulls = {name: (one.hulls, one.record.seed) for name, one in zip(names, audits, strict=True)}
    samples = int(audits[0].record.settings["samples"])
    found = transfers(hulls, dict(zip(names, networks, strict=True)), samples)
    return {"transfers": found, "no_transfers": None if found else "no hull was found in any of them"}


def _shared(
    sides: Sides, bare: CompareRecord, max_change: float | None, count: int
) -> tuple[tuple[SharedPair, ...], str | None]:
    """Images that collide in both of the first networks, and why none were looked for."""
    first, second = (side[0].network for side in sides.audits)
    if first is None or second is None or sides.pairs is None:
        return (), sides.why or "the images of the pairs are not at hand"
    if not count:
        return (), "not asked for"
    taps = bare.tests[0].tap_a, bare.tests[0].tap_b
    try:
        return shared_pairs((first, second), taps, sides.pairs[:count], max_change), None
    except RequestError as error:
        return (), str(error)
