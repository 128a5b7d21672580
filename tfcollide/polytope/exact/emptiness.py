"""A point of a polytope, or the proof that it has none.

The proof is a Farkas vector: multipliers of the constraints, not negative for inequalities
and bounds, whose combination reads 0 <= -1. Whoever doubts it multiplies it out:

    equalities' y + inequalities' m - below + above = 0
    values . y + limits . m - lower . below + upper . above = -1
"""

from typing import NamedTuple

import numpy as np

from tfcollide.polytope.exact.blas import one_blas_thread
from tfcollide.polytope.exact.halfspaces import Polytope
from tfcollide.polytope.exact.linear_program import TOLERANCE, LinearProgram, solve_program

__all__ = ["Farkas", "farkas_vector", "some_point"]


class Farkas(NamedTuple):
    """Multipliers that show that a polytope is empty, see the module.

    Attributes:
        equalities: `[E]`.
        inequalities: `[I]`, at least 0.
        below: `[D]`, of the lower bounds, at least 0, and 0 where there is no bound.
        above: `[D]`, of the upper bounds, likewise.
        residual: the largest entry of the first equation of the module, which float64 does not make exactly 0:
            what is proven is that there is no point with |x|_1 < 1 / residual.
    """

    equalities: np.ndarray
    inequalities: np.ndarray
    below: np.ndarray
    above: np.ndarray
    residual: float


@one_blas_thread()
def some_point(polytope: Polytope) -> np.ndarray | Farkas:
    """A point `[D]` of `polytope`, to 1e-9 for rows of length one; or why there is none."""
    for j in np.flatnonzero(polytope.lower > polytope.upper)[:1].tolist():
        side = np.eye(1, polytope.size, j)[0] / (polytope.lower[j] - polytope.upper[j])
        return Farkas(np.zeros(len(polytope.values)), np.zeros(len(polytope.limits)), side, side, 0.0)
    unit = polytope.unit_rows()
    found = solve_program(
        LinearProgram(
            cost=np.zeros(polytope.size),
            rows=np.concatenate([unit.equalities, unit.inequalities]),
            row_lower=np.concatenate([unit.values, np.full(len(unit.limits), -np.inf)]),
            row_upper=np.concatenate([unit.values, unit.limits]),
            lower=polytope.lower,
            upper=polytope.upper,
        )
    )
    if found.status == "optimal":
        return found.x
    proof = _proof(polytope, unit, -found.row_dual)
    return _least_violated(polytope, unit) if proof is None else proof


def farkas_vector(polytope: Polytope) -> Farkas | None:
    """The proof that `polytope` is empty; None where it has a point."""
    found = some_point(polytope)
    return found if isinstance(found, Farkas) else None


def _least_violated(polytope: Polytope, unit: Polytope) -> np.ndarray | Farkas:
    """The point whose worst violation of a row is least; slower, and never without an answer.

    minimize t   subject to   |equalities x - values| <= t,   inequalities x - limits <= t,   x within its bounds
    """
    count, rows = len(unit.values), np.concatenate([unit.equalities, -unit.equalities, unit.inequalities])
    found = solve_program(
        LinearProgram(
            cost=np.eye(1, polytope.size + 1, polytope.size)[0],
            rows=np.concatenate([rows, -np.ones([len(rows), 1])], axis=1),
            row_lower=np.full(len(rows), -np.inf),
            row_upper=np.concatenate([unit.values, -unit.values, unit.limits]),
            lower=np.append(polytope.lower, 0.0),
            upper=np.append(polytope.upper, np.inf),
        )
    )
    if found.status != "optimal":
        raise RuntimeError(f"HiGHS gave up: {found.status}")
    if found.value > 2.0 * TOLERANCE:
        over, under, rest = np.split(-found.row_dual, [count, 2 * count])
        proof = _proof(polytope, unit, np.concatenate([over - under, rest]))
        if proof is not None:
            return proof
    return np.clip(found.x[:-1], polytope.lower, polytope.upper)


def _proof(polytope: Polytope, unit: Polytope, multipliers: np.ndarray) -> Farkas | None:
    """From multipliers of `unit`'s rows to a proof; None where they prove nothing."""
    rows, count = np.concatenate([unit.equalities, unit.inequalities]), len(unit.values)
    one_sided = np.arange(len(rows)) >= count
    y = np.where(one_sided, np.maximum(multipliers, 0.0), multipliers)
    left = _without_bound(polytope, rows.T @ y)
    used = np.abs(y) > 1e-12 * np.abs(y).max(initial=0.0)
    if left.any() and used.any():  # what no bound takes up is made as small as float64 has it
        y[used] -= np.linalg.lstsq(rows[used].T, left, rcond=1e-12)[0]
        y = np.where(one_sided, np.maximum(y, 0.0), y)
    sums = rows.T @ y
    below, above = (np.where(np.isfinite(end), side, 0.0) for end, side in _sides(polytope, sums))
    lower, upper = (np.where(np.isfinite(end), end, 0.0) for end in (polytope.lower, polytope.upper))
    level = float(y @ np.concatenate([unit.values, unit.limits]) - lower @ below + upper @ above)
    size = float(np.abs(y).sum() + below.sum() + above.sum())
    if not level < -TOLERANCE * size or not size:
        return None
    lengths = np.linalg.norm(np.concatenate([polytope.equalities, polytope.inequalities]), axis=1)
    scaled = y / np.where(lengths > 1e-100, lengths, 1.0) / -level
    residual = float(np.abs(_without_bound(polytope, sums)).max(initial=0.0)) / -level
    return Farkas(scaled[:count], scaled[count:], below / -level, above / -level, residual)


def _sides(polytope: Polytope, sums: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Each bound, and the multipliers `[D]` that bring `sums` `[D]` to 0."""
    return [(polytope.lower, np.maximum(sums, 0.0)), (polytope.upper, np.maximum(-sums, 0.0))]


def _without_bound(polytope: Polytope, sums: np.ndarray) -> np.ndarray:
    """`sums` `[D]` where no bound can take them up, else 0."""
    needed = np.where(sums > 0.0, polytope.lower, polytope.upper)
    return np.where(np.isfinite(needed), 0.0, sums)
