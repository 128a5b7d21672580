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
from tfcollide.polytope.exact.blas import one_blas_thread
from tfcollide.polytope.exact.emptiness import Farkas, some_point
from tfcollide.polytope.exact.halfspaces import Polytope
from tfcollide.polytope.exact.linear_program import LinearProgram, ProgramSolution, solve_program

__all__ = ["SLACK_TOLERANCE", "Cuts", "ImplicitEqualities", "implicit_equalities", "interior_point", "is_empty", "solve"]

SLACK_TOLERANCE = 1e-7
"""A constraint that no point of the polytope clears by more is an implicit equality."""

_NOISE = 1e-9
"""Singular values of rows of length one below this share of the largest are taken for zero."""


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
@one_blas_thread()
def _implicit(polytope: Polytope) -> ImplicitEqualities | None:
    """None for an empty polytope. Cached: every question about size begins here."""
    unit, cuts = polytope.unit_rows(), Cuts.of(polytope)
    zero = ~unit.inequalities.any(axis=1)
    if (unit.limits[zero] < -SLACK_TOLERANCE).any():
        return None
    point = _member(polytope, unit)
    if point is None:
        return None
    point, tight = _loosened(polytope, unit, cuts, point)
    inequalities = np.isin(np.arange(zero.size), cuts.inequality[tight])
    lower, upper = (np.isin(np.arange(polytope.size), which[tight]) for which in (cuts.lower, cuts.upper))
    inequalities |= zero & (unit.limits <= SLACK_TOLERANCE)
    return ImplicitEqualities(inequalities, lower, upper, np.clip(point, polytope.lower, polytope.upper))


def _member(polytope: Polytope, unit: Polytope) -> np.ndarray | None:
    """The one that is known, else one that clears every inequality, else any; None where there is none."""
    known = polytope.member
    if known is not None and unit.contains(known, tolerance=1e-9 * max(1.0, np.abs(known).max(initial=0.0))):
        return np.clip(known, polytope.lower, polytope.upper)
    found = _strict(polytope, unit)
    point = some_point(polytope) if found is None else found
    return None if isinstance(point, Farkas) else point


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


def _loosened(polytope: Polytope, unit: Polytope, cuts: Cuts, member: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A point off every cut that has points off it, and the cuts `[R]` that have none.

    Near a member the polytope is the cone of the cuts that are tight there, so that the others, most of them, need
    no look: a small enough step keeps them.
    """
    slack = cuts.limits - cuts.rows @ member
    tight = slack <= SLACK_TOLERANCE * (min(1.0, np.abs(member).max(initial=0.0)) or 1.0)
    if not tight.any():
        return member, tight
    direction, loose = _into_cone(unit.equalities, cuts, tight)
    rate = cuts.rows @ direction
    ends = ~tight & (rate > 0.0)
    step = min(1.0, 0.5 * float((slack[ends] / rate[ends]).min(initial=np.inf)))
    return member + step * direction, tight & ~loose


def _into_cone(equalities: np.ndarray, cuts: Cuts, tight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A direction `[D]` that leaves as many of the `tight` cuts as any, along the others; and which `[R]` it leaves.

    maximize sum of the slacks s, at most 1 each   subject to   equalities v = 0,   cuts v + s = 0

    A bound's slack is its coordinate. Coordinates without a tight bound are free, and are projected away first. Each
    round asks for the slacks that had none so far; the direction is the mean of the rounds.
    """
    rows = scipy.sparse.csr_array(cuts.rows[tight & (cuts.inequality >= 0)]).toarray()
    matrix = np.concatenate([equalities, rows])
    low, high = (np.isin(np.arange(matrix.shape[1]), which[tight]) for which in (cuts.lower, cuts.upper))
    sides, free = low.astype(float) - high, ~(low | high)
    held = np.flatnonzero(sides)
    slacks = np.concatenate([np.zeros([len(equalities), len(rows)]), np.eye(len(rows))])
    columns = np.concatenate([matrix[:, held] * sides[held], slacks], axis=1)
    block = _orthogonal_to(matrix[:, free]) @ columns
    lengths = np.linalg.norm(block, axis=1)
    block = block[lengths > _NOISE] / lengths[lengths > _NOISE, None]
    found, positive = _most_at_once(block)
    direction, moved = np.zeros(matrix.shape[1]), np.zeros(matrix.shape[1], bool)
    direction[held], moved[held] = sides[held] * found[: held.size], positive[: held.size]
    if positive.any():
        direction[free] = np.linalg.lstsq(matrix[:, free], -columns @ found, rcond=_NOISE)[0]
        direction /= np.abs(direction).max()
    left = tight & ((moved[cuts.lower] & (cuts.lower >= 0)) | (moved[cuts.upper] & (cuts.upper >= 0)))
    left[tight & (cuts.inequality >= 0)] = positive[held.size :]
    return direction, left


def _most_at_once(block: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A point `[n]` of block x = 0, 0 <= x <= 1, with as many positive coordinates as any; and which these are.

    Usually all or none can be. So the first program asks for the largest t with all x >= t.
    """
    size, nothing = block.shape[1], np.zeros(len(block))
    if not len(block):
        return np.ones(size), np.ones(size, bool)
    # x = t + u with u >= 0
    rows, bounds = np.column_stack([block, block.sum(axis=1)]), (np.zeros(size + 1), np.ones(size + 1))
    solution = solve_program(LinearProgram(-np.eye(1, size + 1, size)[0], rows, nothing, nothing, *bounds))
    if solution.status == "optimal" and solution.x[-1] > SLACK_TOLERANCE:
        return solution.x[:-1] + solution.x[-1], np.ones(size, bool)
    positive, points = np.zeros(size, bool), []
    while not positive.all():
        program = LinearProgram(-(~positive).astype(float), block, nothing, nothing, np.zeros(size), np.ones(size))
        solution = solve_program(program)
        if solution.status != "optimal" or not (solution.x[~positive] > SLACK_TOLERANCE).any():
            break
        points.append(solution.x)
        positive |= solution.x > SLACK_TOLERANCE
    return (np.mean(points, axis=0) if points else np.zeros(size)), positive


def _orthogonal_to(columns: np.ndarray) -> np.ndarray:
    """`[n, R]` orthonormal rows that span what is orthogonal to all `columns` `[R, F]`."""
    short = np.transpose(np.linalg.qr(columns.T, mode="r"))  # spans the same, and is no wider than it is high
    left, values, _ = np.linalg.svd(short)
    return left[:, np.count_nonzero(values > _NOISE * max(1.0, values.max(initial=0.0))) :].T


def solve(program: LinearProgram) -> ProgramSolution:
    """Solves by interior point, several times faster on many short rows; by simplex where that comes to nothing."""
    solution = solve_program(program, vertex=False)
    return solution if solution.status == "optimal" else solve_program(program)
