"""What a comparison of two sides on the same pairs says: of each network, of each pair, of both together."""

import dataclasses
from collections.abc import Mapping

from tfcollide.measure.intervals import Interval

__all__ = [
    "LEVEL",
    "CompareRecord",
    "Measured",
    "PairRow",
    "PairedTest",
    "SeedSpread",
    "SharedPair",
    "Transfer",
]

LEVEL = 0.05
"""Two sides are told apart where an adjusted p is below this."""


@dataclasses.dataclass(frozen=True)
class Measured:
    """One network of a side, as it was audited.

    Attributes:
        side: "A" or "B".
        name: "A", or "A1", "A2", ... of several.
        network: its own name.
        weights: a hash of them; None of an audit that has none.
        test_accuracy: None where it is not known.
        converged: whether the search had converged; None where that was not checked.
        taps: of the comparison, in this network.
        rates: of pairs with a hull, one per tap.
        fronts: medians, one per tap.
    """

    side: str
    name: str
    network: str
    weights: str | None
    test_accuracy: float | None
    converged: bool | None
    taps: tuple[str, ...]
    rates: tuple[Interval, ...]
    fronts: tuple[Interval, ...]


@dataclasses.dataclass(frozen=True)
class PairRow:
    """One pair at one tap of either side. docs/how-to/compare.md says what each column means.

    Attributes:
        tap_a: the ReLU in A.
        tap_b: the ReLU in B.
        pair: the number of the pair.
        source: what the source is called.
        target: what the target is called.
        source_class: that the source is filed under.
        target_class: that the target is filed under.
        held_a: the share of A's networks for which a hull was found within the headline's limits: 0 or 1 of one.
        held_b: the same of B.
        front_a: the front, of several networks the median; None where it is censored.
        front_b: the same of B.
    """

    tap_a: str
    tap_b: str
    pair: int
    source: str
    target: str
    source_class: str
    target_class: str
    held_a: float
    held_b: float
    front_a: float | None
    front_b: float | None


@dataclasses.dataclass(frozen=True)
class PairedTest:
    """One question at one tap of either side: which of the two collides more easily.

    Attributes:
        what: "rate" (pairs with a hull; McNemar's test) or "front" (the change of one image; the sign test).
        tap_a: the ReLU in A.
        tap_b: the ReLU in B.
        easier_a: pairs that collide in A alone, or in A with a smaller change.
        easier_b: the same of B.
        alike: pairs on which the two do not differ.
        p: two-sided, exact.
        adjusted: by Holm, for all tests of this comparison.
        effect: A's rate less B's, or the median of A's fronts less B's.
        share: of the pairs that tell the two apart, those that are easier in A.
    """

    what: str
    tap_a: str
    tap_b: str
    easier_a: int
    easier_b: int
    alike: int
    p: float
    adjusted: float
    effect: Interval
    share: Interval

    @property
    def easier(self) -> str | None:
        """The side that collides more easily; None where the two are not told apart."""
        return None if self.adjusted >= LEVEL else "A" if self.easier_a > self.easier_b else "B"


@dataclasses.dataclass(frozen=True)
class SeedSpread:
    """What varies between networks of a side, such as training seeds.

    Attributes:
        what: "rate" or "front".
        tap_a: the ReLU in A.
        tap_b: the ReLU in B.
        values_a: one per network; None where most fronts are censored.
        values_b: the same of B.
        difference: of the means, A less B, with Welch's t interval; None where a value is missing, or all are equal.
    """

    what: str
    tap_a: str
    tap_b: str
    values_a: tuple[float | None, ...]
    values_b: tuple[float | None, ...]
    difference: Interval | None


@dataclasses.dataclass(frozen=True)
class Transfer:
    """Hulls of one network, judged by one.

    Attributes:
        found_in: the network that they were found in, such as "A".
        judged_by: the network that was asked.
        tap: at which they were found.
        hulls: how many.
        whole: hulls of which all mixtures are read as the target.
        as_target: the share of all mixtures that are.
        as_source: the share that is read as the source.
    """

    found_in: str
    judged_by: str
    tap: str
    hulls: int
    whole: int
    as_target: float | None
    as_source: float | None


@dataclasses.dataclass(frozen=True)
class SharedPair:
    """Images with the target's features in both networks at once, near one source.

    Attributes:
        pair: the number of the pair.
        status: "found", "none" (proven, by a Farkas vector), "none found" (no proof) or "failed: ...".
        change: of the nearest, a share of source-to-target; None where there is none.
        ratio_a: that, over the change of A's own nearest; None likewise.
        ratio_b: the same of B.
        residual_a: the largest difference of a feature from the target's, in A.
        residual_b: the same in B.
        proof_residual: of the Farkas vector, which proves that there is no image with a smaller sum of pixels (each from 0 to
            1) than its inverse; None where there is one.
        dimension: of the set of such images, whatever their change; -1: empty.
        seconds: of processor time.
    """

    pair: int
    status: str
    change: float | None
    ratio_a: float | None
    ratio_b: float | None
    residual_a: float | None
    residual_b: float | None
    proof_residual: float | None
    dimension: int
    seconds: float


@dataclasses.dataclass(frozen=True, eq=False)
class CompareRecord:
    """A comparison.

    Attributes:
        dataset: its name.
        budget: of the audits.
        headline: (largest change, smallest spread) of a hull that counts.
        pairs: how many.
        repeated: whether some image is in two pairs, so that pairs are not independent.
        networks: A's, then B's.
        rows: one per pair and tap.
        tests: of rates and fronts, tap by tap.
        seeds: what varies between networks of a side; empty where a side has one.
        transfers: whose hulls hold in which network.
        no_transfers: why there are none; None where there are.
        shared: pairs for which images were sought that collide in both at once.
        no_shared: why there are none; None where there are.
        max_change: of any one pixel, a share of the pixel range, within which they were; None: no limit.
        made_with: versions, and how to repeat it, name -> text.
    """

    dataset: str
    budget: str
    headline: tuple[float, float]
    pairs: int
    repeated: bool
    networks: tuple[Measured, ...]
    rows: tuple[PairRow, ...]
    tests: tuple[PairedTest, ...]
    seeds: tuple[SeedSpread, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    no_transfers: str | None = None
    shared: tuple[SharedPair, ...] = ()
    no_shared: str | None = None
    max_change: float | None = None
    made_with: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def side(self, side: str) -> list[Measured]:
        """The networks of "A" or "B"."""
        return [one for one in self.networks if one.side == side]

    @property
    def easier(self) -> str | None:
        """The side that collides more easily where tests tell the two apart and agree; "both" where they disagree."""
        told = {one.easier for one in self.tests} - {None}
        return None if not told else told.pop() if len(told) == 1 else "both"
