"""What is known beyond sampling: a certificate, what others say of it, edges that were walked, exact corners."""

import dataclasses
from typing import Literal

from tfcollide.numerals import rounded_down, significant
from tfcollide.records.proven_parts import PARTS_FILE, ProvenParts

__all__ = ["Certificate", "EdgeRecord", "ExactRecord", "ProofRecord", "SecondOpinion"]


@dataclasses.dataclass(frozen=True, repr=False)
class Certificate:
    """A proof over the whole hull, or what came of trying.

    Attributes:
        status: "certified", "refuted" or "undecided".
        margin: target's logit minus the best other: the smallest one proven
            ("certified", "undecided"; -inf where nothing could be bounded), or the
            mixture's own, as the network computes it ("refuted").
        share_proven: of the hull, by volume, where the margin is proven positive.
        mixture: N convex weights that break it ("refuted"), else None.
        arithmetic: of the network: "float32", in any order of summation; or "real", where
            rounding may take more than the margin, and only real numbers are spoken of.
        excludes: algorithms and number formats of the network that are not covered.
        margin_real: the smallest margin proven in real arithmetic; what it has more than
            `margin` is the price of float32. None where nothing is proven.
        boxes: parts of the hull that were bounded.
        parts: which ones are proven, of a hull that is not certified as a whole; None where none is. A file of
            its own holds them.
    """

    status: Literal["certified", "refuted", "undecided"]
    margin: float
    share_proven: float
    mixture: tuple[float, ...] | None = None
    arithmetic: Literal["float32", "real"] = "float32"
    excludes: tuple[str, ...] = ()
    margin_real: float | None = None
    boxes: int = 0
    parts: ProvenParts | None = dataclasses.field(default=None, compare=False, metadata={"file": PARTS_FILE})

    def __repr__(self) -> str:
        """In one line."""
        how = f"{self.boxes:,} part{'' if self.boxes == 1 else 's'}"
        said = {
            "certified": f"margin {rounded_down(self.margin)} or more in {self.arithmetic} arithmetic, {how}",
            "refuted": f"margin {significant(self.margin)} at the mixture {tuple(round(w, 3) for w in self.mixture or ())}",
            "undecided": f"{100 * self.share_proven:.1f} % of the hull proven, {how}",
        }
        return f"Certificate({self.status}: {said[self.status]})"


@dataclasses.dataclass(frozen=True)
class EdgeRecord:
    """One edge of a hull, walked from breakpoint to breakpoint in float64: exact but for its rounding.

    Attributes:
        corners: the numbers of its two ends.
        margin: the smallest one along it.
        weight: of the second corner, where that is.
        breakpoints: where the network bends; between two it is linear.
        changes: every change of what is read: the weight of the second corner, and the codes before and behind it.
        compared: at how many places the float32 network was asked: breakpoints, and ends of the parts that are walked.
        difference: how far its margin was from that in float64 there, at most.
    """

    corners: tuple[int, int]
    margin: float
    weight: float
    breakpoints: int
    changes: tuple[tuple[float, int, int], ...]
    compared: int
    difference: float


@dataclasses.dataclass(frozen=True)
class ProofRecord:
    """A proof of the hull that can be checked without the program that found it.

    Attributes:
        file: its name in the run's directory; None where it could not be written.
        reason: why not; else None.
        margin: that the file proves; at least 0.9 of the certificate's.
        parts: sub-simplices in it.
    """

    file: str | None
    reason: str | None = None
    margin: float | None = None
    parts: int | None = None


@dataclasses.dataclass(frozen=True)
class SecondOpinion:
    """What an independent verifier says of the exported claim.

    Attributes:
        verifier: its name and version.
        verdict: "unsat" (no mixture is misread), "sat" (one is), "timeout", or what else it answered.
        seconds: that it took.
        limit: the seconds that it had.
        mixture: N convex weights of the witness ("sat"), else None.
        predicted: what the network itself reads in that mixture, in float32; else None.
        margin: of the target there; else None. "sat" is confirmed where it is not positive.
    """

    verifier: str
    verdict: str
    seconds: float
    limit: float
    mixture: tuple[float, ...] | None = None
    predicted: str | None = None
    margin: float | None = None


@dataclasses.dataclass(frozen=True)
class ExactRecord:
    """What the exact solver says of its corners.

    Attributes:
        kind: the direction ("units", "random", "diverse") or the norm ("l1", "l2").
        status: a sentence per corner.
        distance: from the source to its nearest collision, in that norm; else None.
        duality_gap: the distance less a proven lower bound of it; else None.
        feature_residual_float64: largest feature difference of each float64 solution.
        feature_residual_float32: the same of each saved corner.
        inactive_bound: the largest value an inactive unit can take in float32, proven.
        dimension: of the collision polytope.
        found: whether there is such a point, a truth value per corner.
        max_change: half the width of the box around the source that the corners were sought in, given or found.
        max_total: the radius of the ball, likewise; None for no ball.
        least_change: the smallest half-width of a box in which there is any collision.
        too_close: whether there are corners, but closer together than was asked.
    """

    kind: str
    status: tuple[str, ...]
    distance: float | None = None
    duality_gap: float | None = None
    feature_residual_float64: tuple[float, ...] = ()
    feature_residual_float32: tuple[float, ...] = ()
    inactive_bound: tuple[float, ...] = ()
    dimension: int | None = None
    found: tuple[bool, ...] = ()
    max_change: float | None = None
    max_total: float | None = None
    least_change: float | None = None
    too_close: bool = False
