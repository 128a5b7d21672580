"""Exact corners: vertices of a collision polytope, by linear programming.

    minimize objective . x   subject to   x in polytope

One program per corner; each is solved by itself, two or more at a time.
"""

import dataclasses
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from tfcollide.errors import RequestError
from tfcollide.models.affine import AffineMap
from tfcollide.polytope.exact.blas import one_blas_thread
from tfcollide.polytope.exact.geometry import Flat, flattened
from tfcollide.polytope.exact.halfspaces import Polytope, active_units
from tfcollide.polytope.exact.linear_program import LinearProgram, ProgramSolution, solve_program
from tfcollide.polytope.exact.rounding import network_upper_bound

__all__ = [
    "ExactCorners",
    "SavedCorners",
    "Solver",
    "diverse_corners",
    "diverse_points",
    "exact_corners",
    "explain",
    "extreme_points",
    "random_objectives",
    "saved_corners",
    "unit_objectives",
    "vertex_solver",
]

Solver = Callable[[np.ndarray], ProgramSolution]
"""Finds the point of a set at which an objective `[D]` is least."""

_WORDS = {
    "optimal": "a corner was found",
    "infeasible": "no image within the bounds has these features: the half-spaces have no point in common",
    "unbounded": "there is no corner in this direction: the set has no end there; give finite bounds",
}


@dataclasses.dataclass(frozen=True)
class ExactCorners:
    """Vertices of a polytope, one an objective.

    Attributes:
        points: `[N, D]` float64; NaN where the status is not "optimal".
        status: N words: "optimal", "infeasible", "unbounded" or "failed: ..." (see `explain`).
        values: `[N]`, objective . x at each; NaN likewise.
        iterations: `[N]` steps of the simplex method.
    """

    points: np.ndarray
    status: tuple[str, ...]
    values: np.ndarray
    iterations: np.ndarray


@dataclasses.dataclass(frozen=True)
class SavedCorners:
    """Corners as they are saved, in float32, beside the float64 solution.

    Attributes:
        points: `[N, D]` float32, inside the bounds.
        feature_residual_float64: `[N]`, max over units of |max(W x + b, 0) - max(W t + b, 0)|
            at the float64 solution, in float64.
        feature_residual_float32: `[N]`, the same at the saved point, still in float64: what
            rounding the image alone costs, which no tightening of equations avoids.
        inactive_bound: `[N]`, the largest pre-activation of an inactive unit that a
            float32 network can compute at the saved point, in any order of summation;
            at most 0 is a proof that no inactive unit is on. -inf where every unit is active.
    """

    points: np.ndarray
    feature_residual_float64: np.ndarray
    feature_residual_float32: np.ndarray
    inactive_bound: np.ndarray


def explain(status: str) -> str:
    """What a status means, in words."""
    return _WORDS.get(status, f"the solver gave up ({status.removeprefix('failed: ')})")


def unit_objectives(affine: AffineMap, groups: Sequence[Sequence[int]]) -> np.ndarray:
    """`[N, D]`: the sum of the rows of each group of units, so that a corner makes them most negative."""
    return np.stack([affine.weights[:, list(group)].sum(axis=1) for group in groups])


def random_objectives(count: int, size: int, *, seed: int) -> np.ndarray:
    """`[count, size]` directions, uniform on the sphere."""
    directions = np.random.default_rng(seed).standard_normal([count, size])
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)


@one_blas_thread()
def exact_corners(polytope: Polytope, objectives: np.ndarray, *, workers: int | None = None) -> ExactCorners:
    """A vertex of `polytope` for each objective.

    Args:
        polytope: the set.
        objectives: `[N, D]`; row n is minimized.
        workers: threads (HiGHS releases Python's lock); None for one a core. The
            result does not depend on it.

    Raises:
        RequestError: the objectives have another size than the polytope's points.
    """
    objectives = np.asarray(objectives, np.float64)
    if objectives.ndim != 2 or objectives.shape[1] != polytope.size:
        raise RequestError(f"objectives of shape {objectives.shape}", f"(N, {polytope.size})")
    return extreme_points(vertex_solver(polytope), objectives, workers=workers)


def diverse_corners(polytope: Polytope, count: int, *, seed: int, rounds: int = 4) -> ExactCorners:
    """Vertices that lie far from each other, one after the other; the first in a random direction.

    For each next vertex the sum of the distances to those found, a convex function,
    is maximized by successive linearization: the vertex that is best for the gradient
    at the last one is never worse than it. It starts away from the mean of those
    found; where that leads to none that is new, a random direction is tried. A
    polytope with fewer vertices than asked for repeats some.

    Args:
        polytope: the set; bounded.
        count: N.
        seed: of the random directions.
        rounds: linearizations a vertex, at most.
    """
    middle = (polytope.lower + polytope.upper) / 2.0
    middle = np.where(np.isfinite(middle), middle, 0.0)
    return diverse_points(vertex_solver(polytope), middle, count, seed=seed, rounds=rounds)


def vertex_solver(polytope: Polytope) -> Solver:
    """What finds the vertex of `polytope` at which an objective `[D]` is least."""
    # Few directions are left by many equations; then the program is solved among these.
    flat = flattened(polytope) if 2 * len(polytope.values) > polytope.size else None
    if flat is not None:
        return lambda cost: _vertex_among(flat, cost)
    base = _program(polytope)
    return lambda cost: solve_program(base._replace(cost=cost))


def _vertex_among(flat: Flat, cost: np.ndarray) -> ProgramSolution:
    size = flat.frame.shape[1]
    if not size:
        return ProgramSolution("optimal", flat.point, float(cost @ flat.point), np.zeros(0), 0)
    free = np.full(size, np.inf)
    program = LinearProgram(cost @ flat.frame, flat.rows, np.full(len(flat.limits), -np.inf), flat.limits, -free, free)
    found = solve_program(program)
    x = flat.point + flat.frame @ found.x
    return found._replace(x=x, value=float(cost @ x))


@one_blas_thread()
def extreme_points(solve: Solver, objectives: np.ndarray, *, workers: int | None = None) -> ExactCorners:
    """`exact_corners` of any convex set that `solve` knows; `objectives` `[N, D]`."""
    workers = min(workers or len(os.sched_getaffinity(0)), len(objectives))
    if workers <= 1:
        return _collect([solve(cost) for cost in objectives], objectives.shape[1])
    with ThreadPoolExecutor(workers) as pool:
        return _collect(list(pool.map(solve, objectives)), objectives.shape[1])


@one_blas_thread()
def diverse_points(solve: Solver, middle: np.ndarray, count: int, *, seed: int, rounds: int = 4) -> ExactCorners:
    """`diverse_corners` of any bounded convex set that `solve` knows, about `middle` `[D]`."""
    found: list[ProgramSolution] = []
    for direction in random_objectives(count, middle.size, seed=seed):
        candidates = _climb(solve, np.stack([f.x for f in found]), middle, rounds) if found else []
        if not any(_rank(c.x, found)[0] for c in candidates):
            candidates.append(solve(direction))
        failed = next((c for c in candidates if c.status != "optimal"), None)
        if failed is not None:
            return _collect(found + [failed] * (count - len(found)), middle.size)
        found.append(max(candidates, key=lambda c: _rank(c.x, found)))
    return _collect(found, middle.size)


@one_blas_thread()
def saved_corners(affine: AffineMap, target: np.ndarray, polytope: Polytope, points: np.ndarray) -> SavedCorners:
    """Rounds corners to float32 and says what that costs.

    Args:
        affine: the pre-activation as a function of the image.
        target: `[D]`, the target image.
        polytope: whose bounds the saved points keep.
        points: `[N, D]` float64 corners; best of a `float32_safe` polytope.
    """
    saved = points.astype(np.float32)
    features, inactive = np.maximum(affine(target), 0.0), ~active_units(affine, target)

    def residual(x: np.ndarray) -> np.ndarray:
        return np.abs(np.maximum(affine(x), 0.0) - features).max(axis=1)

    bound = network_upper_bound(affine, saved)[:, inactive].max(axis=1, initial=-np.inf)
    return SavedCorners(saved, residual(points), residual(saved), bound)


def _program(polytope: Polytope) -> LinearProgram:
    unit = polytope.unit_rows()
    return LinearProgram(
        cost=np.zeros(polytope.size),
        rows=np.concatenate([unit.equalities, unit.inequalities]),
        row_lower=np.concatenate([unit.values, np.full(len(unit.limits), -np.inf)]),
        row_upper=np.concatenate([unit.values, unit.limits]),
        lower=polytope.lower,
        upper=polytope.upper,
    )


def _climb(solve: Solver, found: np.ndarray, middle: np.ndarray, rounds: int) -> list[ProgramSolution]:
    """The vertex away from the mean of those found, and those on the way up from it in sum_i |x - found_i|."""
    passed = [solve(found.mean(axis=0) - middle)]
    while passed[-1].status == "optimal" and len(passed) <= rounds:
        step = solve(-_outward(passed[-1].x, found))
        if step.status == "optimal" and not _reach(step.x, found) > _reach(passed[-1].x, found) * (1 + 1e-9):
            break
        passed.append(step)
    return passed


def _reach(x: np.ndarray, found: np.ndarray) -> float:
    return float(np.linalg.norm(x - found, axis=1).sum())


def _outward(x: np.ndarray, found: np.ndarray) -> np.ndarray:
    """The gradient of `_reach`; a point of `found` at x adds nothing, which is a subgradient."""
    apart = np.linalg.norm(x - found, axis=1, keepdims=True)
    return ((x - found) / np.where(apart > 0.0, apart, 1.0)).sum(axis=0)


def _rank(x: np.ndarray, found: list[ProgramSolution]) -> tuple[bool, float]:
    """To rank by: whether x is new, then how far it is from those found."""
    if not found:
        return True, 0.0
    points = np.stack([f.x for f in found])
    return bool(np.linalg.norm(x - points, axis=1).min() > 1e-6), _reach(x, points)


def _collect(solutions: list[ProgramSolution], size: int) -> ExactCorners:
    return ExactCorners(
        np.array([s.x for s in solutions]).reshape(-1, size),
        tuple(s.status for s in solutions),
        np.array([s.value for s in solutions]),
        np.array([s.iterations for s in solutions]),
    )
