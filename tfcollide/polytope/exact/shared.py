"""Images that collide in two networks at once: where two collision polytopes meet, or a proof that they do not.

    {x : A x = c, G x <= d, lower <= x <= upper}     of both networks' rows together

By Farkas's lemma there is no such x exactly where numbers y, one per row and at least 0 at inequalities, make

    min_{lower <= x <= upper} (y' R) x   >   y' r          R, r: all rows and their right sides

since every x that meets all rows has (y' R) x <= y' r. The left side is found a coordinate at a time.
"""

import dataclasses
import math

import numpy as np

from tfcollide.polytope.exact.blas import one_blas_thread
from tfcollide.polytope.exact.halfspaces import Polytope
from tfcollide.polytope.exact.linear_program import LinearProgram, solve_program
from tfcollide.polytope.exact.near_source import within_box
from tfcollide.polytope.exact.nearest import Nearest, nearest

__all__ = ["Farkas", "Meeting", "farkas", "farkas_gap", "intersection", "meeting"]

_ROUNDING = 2.0**-40
"""By this share of the terms of a sum float64 may have rounded it, and to spare."""


@dataclasses.dataclass(frozen=True, eq=False)
class Farkas:
    """A proof that a polytope is empty.

    Attributes:
        equalities: `[E]`, a number per equality, of rows of length one.
        inequalities: `[I]`, likewise, at least 0.
        gap: by how much the left side exceeds the right one, less what float64 may have rounded; above 0.
    """

    equalities: np.ndarray
    inequalities: np.ndarray
    gap: float


@dataclasses.dataclass(frozen=True, eq=False)
class Meeting:
    """Where two collision polytopes meet near a source.

    Attributes:
        closest: the point of both that is nearest to the source in L2, or why there is none.
        proof: that there is none; None where there is one, or where the proof failed.
        alone: the L2 distances from the source to each polytope by itself; NaN where it has no point within the box.
    """

    closest: Nearest
    proof: Farkas | None
    alone: tuple[float, float]

    @property
    def ratios(self) -> tuple[float, float]:
        """The distance over each network's own; at least 1."""
        first, second = (self.closest.distance / one if one else math.nan for one in self.alone)
        return first, second


def intersection(first: Polytope, second: Polytope) -> Polytope:
    """The points of both."""
    return Polytope(
        np.concatenate([first.equalities, second.equalities]),
        np.concatenate([first.values, second.values]),
        np.concatenate([first.inequalities, second.inequalities]),
        np.concatenate([first.limits, second.limits]),
        np.maximum(first.lower, second.lower),
        np.minimum(first.upper, second.upper),
    )


def meeting(first: Polytope, second: Polytope, source: np.ndarray, *, max_change: float | None = None) -> Meeting:
    """The point of both polytopes that is nearest to `source` `[D]`, or a proof that there is none.

    Args:
        first: the collisions of one network.
        second: those of another, over the same images.
        source: where the change starts from.
        max_change: the most that any one coordinate may change; None: as far as the bounds reach.
    """
    if max_change is not None:
        first, second = (within_box(one, source, max_change) for one in (first, second))
    both = intersection(first, second)
    closest, alone = nearest(both, source), (nearest(first, source).distance, nearest(second, source).distance)
    return Meeting(closest, None if closest.status == "optimal" else farkas(both), alone)


@one_blas_thread()
def farkas(polytope: Polytope) -> Farkas | None:
    """A proof that a polytope with finite bounds is empty; None where there is a point, or too little room to prove it.

    The multipliers are those of the program that asks how far the rows must give way:

        minimize t   subject to   -t <= A x - c <= t,   G x - d <= t,   x in the bounds
    """
    unit = polytope.unit_rows()
    if (unit.lower > unit.upper).any():
        return Farkas(np.zeros(len(unit.values)), np.zeros(len(unit.limits)), float((unit.lower - unit.upper).max()))
    rows = np.concatenate([unit.equalities, -unit.equalities, unit.inequalities])
    limits = np.concatenate([unit.values, -unit.values, unit.limits])
    program = LinearProgram(
        cost=np.eye(1, unit.size + 1, unit.size)[0],
        rows=np.concatenate([rows, -np.ones([len(rows), 1])], axis=1),
        row_lower=np.full(len(rows), -np.inf),
        row_upper=limits,
        lower=np.append(unit.lower, 0.0),
        upper=np.append(unit.upper, np.inf),
    )
    solution = solve_program(program)
    if solution.status != "optimal":
        return None
    dual = np.maximum(-solution.row_dual, 0.0)
    up, down, inequalities = np.split(dual, [len(unit.values), 2 * len(unit.values)])
    found = Farkas(up - down, inequalities, 0.0)
    gap = farkas_gap(polytope, found)
    return dataclasses.replace(found, gap=gap) if gap > 0 else None


def farkas_gap(polytope: Polytope, proof: Farkas) -> float:
    """What the multipliers of a proof prove, whoever found them: above 0 there is no point.

    Raises nothing: numbers below 0 at inequalities prove nothing, and give minus infinity.
    """
    unit = polytope.unit_rows()
    if (proof.inequalities < 0).any():
        return -math.inf
    y = np.concatenate([proof.equalities, proof.inequalities])
    rows, limits = np.concatenate([unit.equalities, unit.inequalities]), np.concatenate([unit.values, unit.limits])
    slope = y @ rows
    least = np.where(slope > 0, slope * unit.lower, slope * unit.upper)
    largest = np.maximum(np.abs(unit.lower), np.abs(unit.upper))
    rounding = _ROUNDING * float((np.abs(y) @ np.abs(rows)) @ largest + np.abs(y) @ np.abs(limits))
    return float(least.sum() - y @ limits) - rounding
