"""Which inequalities of a polytope are equalities in disguise, and a point where no other is tight.

Rows are compared at length one, so that the tolerance is a length in image space.
`interior_point` is for whoever studies a collision set; a run does without.
"""

import dataclasses
import functools
from typing import NamedTuple

import numpy as np
import scipy.sparse

from tfcollide.errors import RequestError
from tfcollide.polytope.exact.halfspaces import Polytope
from tfcollide.polytope.exact.linear_program import LinearProgram, ProgramSolution, solve_program

__all__ = ["SLACK_TOLERANCE", "Cuts", "ImplicitEqualities", "implicit_equalities", "interior_point", "is_empty", "solve"]

SLACK_TOLERANCE = 1e-7
"""A constraint that no point of the polytope clears by more is an implicit equality."""


class Cuts(NamedTuple):
    """Every one-sided constraint with a row that is not zero: rows x <= limits.

    Attributes:
        rows: `[R, D]` sparse, of length one: inequalities, then lower and upper bounds.
        limits: `[R]`.
        inequality: `[R]`, the inequality that a row is, or -1.
        lower: `[R]`, the coordinate whose lower bound a row is, or -1.
        upper: `[R]`, likewise.
    """

    rows: scipy.sparse.csr_array
    limits: np.ndarray
    inequality: np.ndarray
    lower: np.ndarray
    upper: np.ndarray

    @classmethod
    def of(cls, polytope: Polytope) -> "Cuts":
        """The cuts of `polytope`."""
        unit = polytope.unit_rows()
        rows, low, high = (
            np.flatnonzero(kept)
            for kept in (unit.inequalities.any(axis=1), np.isfinite(polytope.lower), np.isfinite(polytope.upper))
        )
        eye = scipy.sparse.eye_array(polytope.size, format="csr")
        parts = [scipy.sparse.csr_array(unit.inequalities[rows]), -eye[low], eye[high]]
        limits = np.concatenate([unit.limits[rows], -polytope.lower[low], polytope.upper[high]])
        which = np.full([3, limits.size], -1)
        for i, (start, numbers) in enumerate(((0, rows), (rows.size, low), (rows.size + low.size, high))):
            which[i, start : start + numbers.size] = numbers
        return cls(scipy.sparse.vstack(parts, format="csr"), limits, *which)


@dataclasses.dataclass(frozen=True)
class ImplicitEqualities:
    """The inequalities that hold with equality all over a polytope, to `SLACK_TOLERANCE`.

    Attributes:
        inequalities: `[I]` bool.
        lower: `[D]` bool, of the lower bounds.
        upper: `[D]` bool, of the upper bounds.
        point: `[D]`, where every other inequality is strict (a relative interior point).
    """

    inequalities: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    point: np.ndarray

    @property
    def fixed(self) -> np.ndarray:
        """`[D]` bool, the coordinates that a bound fixes."""
        return self.lower | self.upper


def is_empty(polytope: Polytope) -> bool:
    """Whether no point satisfies every constraint, to 1e-9 for rows of length one."""
    return _implicit(polytope) is None


def implicit_equalities(polytope: Polytope) -> ImplicitEqualities:
    """Finds the inequalities that are equalities in disguise, and a point where no other is tight.

    Raises:
        RequestError: the polytope is empty.
    """
    found = _implicit(polytope)
    if found is None:
        raise RequestError("an empty polytope", "a collision set with at least one point")
    return found


def interior_point(polytope: Polytope) -> np.ndarray:
    """A point `[D]` of the relative interior.

    Raises:
        RequestError: the polytope is empty.
    """
    return implicit_equalities(polytope).point


@functools.lru_cache(maxsize=4)
def _implicit(polytope: Polytope) -> ImplicitEqualities | None:
    """None for an empty polytope. Cached: every question about size begins here."""
    unit, cuts = polytope.unit_rows(), Cuts.of(polytope)
    zero = ~unit.inequalities.any(axis=1)
    if (unit.limits[zero] < -SLACK_TOLERANCE).any() or (polytope.lower > polytope.upper).any():
        return None
    point, tight = _strict(polytope, unit), np.zeros(cuts.limits.size, bool)
    if point is None:
        point, tight = _loosen(polytope, unit, cuts)
    if point is None:
        return None
    inequalities = np.isin(np.arange(zero.size), cuts.inequality[tight])
    lower, upper = (np.isin(np.arange(polytope.size), which[tight]) for which in (cuts.lower, cuts.upper))
    inequalities |= zero & (unit.limits <= SLACK_TOLERANCE)
    return ImplicitEqualities(inequalities, lower, upper, np.clip(point, polytope.lower, polytope.upper))


def _strict(polytope: Polytope, unit: Polytope) -> np.ndarray | None:
    """A point that clears every inequality by a hundred tolerances; None where there is none.

    One program of the polytope's own size that settles the usual case, in which
    nothing is an implicit equality.
    """
    room = 100.0 * SLACK_TOLERANCE
    some = unit.inequalities.any(axis=1)
    rows = np.concatenate([unit.equalities, unit.inequalities[some]])
    row_upper = np.concatenate([unit.values, unit.limits[some] - room])
    row_lower = np.concatenate([unit.values, np.full(some.sum(), -np.inf)])
    lower, upper = polytope.lower + room, polytope.upper - room
    if (lower > upper).any():
        return None
    solution = solve_program(LinearProgram(np.zeros(polytope.size), rows, row_lower, row_upper, lower, upper))
    return solution.x if solution.status == "optimal" else None


def _loosen(polytope: Polytope, unit: Polytope, cuts: Cuts) -> tuple[np.ndarray | None, np.ndarray]:
    """Gives each row that can have slack some; returns the mean of the points, and the rows left tight.

    Each round maximizes the sum of the slacks, at most 1 each, of the rows that had none so far.
    """
    tight = np.ones(cuts.limits.size, bool)
    points: list[np.ndarray] = []
    while True:
        chosen = scipy.sparse.eye_array(tight.size, format="csc")[:, np.flatnonzero(tight)]
        solution = solve_program(_with_slacks(polytope, unit, cuts, scipy.sparse.csr_array(chosen)))
        if solution.status != "optimal":
            return (np.mean(points, axis=0) if points else None), tight
        points.append(solution.x[: polytope.size])
        loose = cuts.limits - cuts.rows @ points[-1] > SLACK_TOLERANCE
        if not (tight & loose).any():
            return np.mean(points, axis=0), tight
        tight &= ~loose


def _with_slacks(polytope: Polytope, unit: Polytope, cuts: Cuts, slack: scipy.sparse.csr_array) -> LinearProgram:
    """Maximize sum s over equalities x = values, cuts x + slack s <= limits, 0 <= s <= 1; the columns are (x, s)."""
    equations, count = len(unit.values), slack.shape[1]
    rows = scipy.sparse.vstack(
        [
            scipy.sparse.hstack([scipy.sparse.csr_array(unit.equalities), scipy.sparse.csr_array((equations, count))]),
            scipy.sparse.hstack([cuts.rows, slack]),
        ],
        format="csr",
    )
    row_lower = np.concatenate([unit.values, np.full(cuts.limits.size, -np.inf)])
    lower, upper = np.append(polytope.lower, np.zeros(count)), np.append(polytope.upper, np.ones(count))
    cost = np.append(np.zeros(polytope.size), -np.ones(count))
    return LinearProgram(cost, rows, row_lower, np.concatenate([unit.values, cuts.limits]), lower, upper)


def solve(program: LinearProgram) -> ProgramSolution:
    """Solves by interior point, several times faster on many short rows; by simplex where that comes to nothing."""
    solution = solve_program(program, vertex=False)
    return solution if solution.status == "optimal" else solve_program(program)
