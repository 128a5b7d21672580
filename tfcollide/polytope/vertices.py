"""Exact corners: vertices of a collision polytope, by linear programming.

    minimise objective . x   subject to   x in polytope

One program a corner; each is solved by itself, two or more at a time.
"""

import dataclasses
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from tfcollide.errors import RequestError
from tfcollide.models.affine import AffineMap
from tfcollide.polytope.halfspaces import Polytope
from tfcollide.polytope.linear_program import LinearProgram, Solution, minimise
from tfcollide.polytope.rounding import network_upper_bound

__all__ = [
    "ExactCorners",
    "SavedCorners",
    "diverse_corners",
    "exact_corners",
    "explain",
    "random_objectives",
    "saved_corners",
    "unit_objectives",
]

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


def exact_corners(polytope: Polytope, objectives: np.ndarray, *, workers: int | None = None) -> ExactCorners:
    """A vertex of `polytope` for each objective.

    Args:
        polytope: the set.
        objectives: `[N, D]`; row n is minimised.
        workers: threads (HiGHS releases Python's lock); None for one a core. The
            result does not depend on it.

    Raises:
        RequestError: the objectives have another size than the polytope's points.
    """
    objectives = np.asarray(objectives, np.float64)
    if objectives.ndim != 2 or objectives.shape[1] != polytope.size:
        raise RequestError(f"objectives of shape {objectives.shape}", f"(N, {polytope.size})")
    base = _program(polytope)
    solutions = _solve_all([base._replace(cost=cost) for cost in objectives], workers)
    return _collect(solutions, polytope.size)


def diverse_corners(
    polytope: Polytope, count: int, *, seed: int, starts: int = 2, rounds: int = 4, workers: int | None = None
) -> ExactCorners:
    """Vertices that lie far from each other, one after the other.

    Each next vertex maximises the sum of squared distances to those found, a convex
    function, by successive linearisation: the vertex that is best for the gradient
    at the last one is never worse than it. Of several starts the one furthest from
    its nearest predecessor is kept. A polytope with fewer vertices than asked for
    repeats some.

    Args:
        polytope: the set; bounded.
        count: N.
        seed: of the random directions to start from.
        starts: directions tried a vertex, each its own programs.
        rounds: linearisations a start, at most.
        workers: threads; None for one a core. The result does not depend on it.
    """
    base = _program(polytope)
    directions = random_objectives(count * starts, polytope.size, seed=seed).reshape(count, starts, -1)
    found: list[Solution] = []
    for tries in directions:
        candidates = _solve_all([base._replace(cost=cost) for cost in tries], workers)
        if any(c.status != "optimal" for c in candidates):
            failed = next(c for c in candidates if c.status != "optimal")
            return _collect(found + [failed] * (count - len(found)), polytope.size)
        if found:
            candidates = _climb(base, candidates, np.stack([f.x for f in found]), rounds, workers)
            found.append(max(candidates, key=lambda c: min(float(np.linalg.norm(c.x - f.x)) for f in found)))
        else:
            found.append(candidates[0])
    return _collect(found, polytope.size)


def saved_corners(affine: AffineMap, target: np.ndarray, polytope: Polytope, points: np.ndarray) -> SavedCorners:
    """Rounds corners to float32 and says what that costs.

    Args:
        affine: the pre-activation as a function of the image.
        target: `[D]`, the target image.
        polytope: whose bounds the saved points keep.
        points: `[N, D]` float64 corners; best of a `float32_safe` polytope.
    """
    saved = points.astype(np.float32)
    pre_activation = affine(target)
    features, inactive = np.maximum(pre_activation, 0.0), pre_activation <= 0.0

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


def _solve_all(programs: list[LinearProgram], workers: int | None) -> list[Solution]:
    workers = min(workers or len(os.sched_getaffinity(0)), len(programs))
    if workers <= 1:
        return [minimise(program) for program in programs]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(minimise, programs))


def _climb(base: LinearProgram, starts: list[Solution], found: np.ndarray, rounds: int, workers: int | None) -> list[Solution]:
    """Vertices at which sum_i |x - found_i|^2 cannot be raised by linearisation, or after `rounds`."""
    best = starts
    for _ in range(rounds):
        steps = _solve_all([base._replace(cost=found.sum(axis=0) - len(found) * s.x) for s in best], workers)
        better = [_spread(n.x, found) > _spread(s.x, found) * (1 + 1e-9) for n, s in zip(steps, best, strict=True)]
        best = [n if b else s for n, s, b in zip(steps, best, better, strict=True)]
        if not any(better):
            break
    return best


def _spread(x: np.ndarray, found: np.ndarray) -> float:
    return float(((x - found) ** 2).sum())


def _collect(solutions: list[Solution], size: int) -> ExactCorners:
    return ExactCorners(
        np.array([s.x for s in solutions]).reshape(-1, size),
        tuple(s.status for s in solutions),
        np.array([s.value for s in solutions]),
        np.array([s.iterations for s in solutions]),
    )
