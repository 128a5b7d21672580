"""From a problem to corners, exactly: vertices of the collision polytope, or its point nearest to the source."""

import dataclasses

import numpy as np

from tfcollide.library.options import ExactOptions
from tfcollide.library.problem import Problem
from tfcollide.library.solution import Solution
from tfcollide.models.affine import AffineMap
from tfcollide.polytope.exact import geometry, vertices
from tfcollide.polytope.exact.halfspaces import Polytope, collision_polytope
from tfcollide.polytope.exact.near_source import corners_near, explain_near
from tfcollide.polytope.exact.nearest import nearest
from tfcollide.polytope.hull.hull_judge import corner_terms
from tfcollide.records import ExactRecord, Trace
from tfcollide.registry import OBJECTIVES

__all__ = ["EXACT_STOP", "solve_exactly"]

EXACT_STOP = 1e-6
"""The L_pos below which a saved exact corner counts as found; rounding to float32 leaves about 1e-9."""

_NEAREST = {
    "optimal": "the closest collision was found",
    "infeasible": "no collision exists within --max_change and --max_total; raise them",
    "too far": "the closest collision lies further than --max_total",
}


def solve_exactly(affine: AffineMap, problem: Problem, options: ExactOptions) -> Solution:
    """Corners, or the nearest collision, such that no inactive unit is on in float32.

    Args:
        affine: the tap's pre-activation as a function of the image.
        problem: its target is an image.
        options: which corners.
    """
    target, source = (np.asarray(image, np.float64).ravel() for image in (problem.goal_image, problem.start))
    bounds = problem.network.bounds
    polytope = collision_polytope(affine, target, bounds, float32_safe=True)
    points, steps, record = _points(affine, problem, options, polytope, source)
    found = np.isfinite(points).all(axis=1)
    # Where there is no such point the source stands in, and is reported as not converged.
    saved = vertices.saved_corners(affine, target, polytope, np.where(found[:, None], points, source))
    corners = saved.points.reshape(-1, *problem.start.shape)
    terms = corner_terms(problem.tap, corners, problem.goal)
    converged = found & (terms["active_match"] < EXACT_STOP) & (terms["inactive_violation"] <= 0)
    record = dataclasses.replace(
        record,
        feature_residual_float64=tuple(saved.feature_residual_float64.tolist()),
        feature_residual_float32=tuple(saved.feature_residual_float32.tolist()),
        inactive_bound=tuple(saved.inactive_bound.tolist()),
        dimension=geometry.affine_dimension(collision_polytope(affine, target, bounds)),
        found=tuple(found.tolist()),
    )
    return Solution(
        corners,
        corners,
        steps,
        converged,
        np.full(len(corners), -1),
        np.full(len(corners), EXACT_STOP),
        Trace(np.array([steps]), {n: terms[n][None] for n in OBJECTIVES.load("corners").term_weights if n in terms}),
        record,
        ended=_ended(record.too_close, found, converged),
        spread=None if options.nearest else options.spread,
    )


def _ended(too_close: bool, found: np.ndarray, converged: np.ndarray) -> str:
    """Why the solver has no more to give; "stagnated" where rounding to float32 costs a match."""
    if too_close:
        return "too close"
    return "infeasible" if not found.all() else "met" if converged.all() else "stagnated"


def _points(
    affine: AffineMap, problem: Problem, options: ExactOptions, polytope: Polytope, source: np.ndarray
) -> tuple[np.ndarray, int, ExactRecord]:
    """Points `[N, D]` float64, NaN where there is none; the solver's steps; what it says."""
    change, total = options.max_change, options.max_total
    if options.nearest is not None:
        closest = nearest(polytope, source, norm=options.nearest, max_change=change, max_total=total)
        said = (_NEAREST.get(closest.status) or vertices.explain(closest.status),)
        return closest.point[None], 0, ExactRecord(options.nearest, said, closest.distance, closest.duality_gap)
    near = corners_near(
        affine,
        polytope,
        source,
        problem.units if options.pushes_units else np.zeros([len(problem.units), polytope.size]),
        direction=options.direction,
        spread=options.spread * problem.network.bounds.range,
        max_change=change,
        max_total=total,
        seed=options.seed,
    )
    words = tuple(vertices.explain(status) for status in near.corners.status)
    if near.status in ("infeasible", "too close"):
        mend = "raise --max_change or --max_total" if near.status == "infeasible" else "lower --spread"
        words = (f"{explain_near(near.status)}; {mend}",) * len(words)
    record = ExactRecord(
        options.direction or "units",
        words,
        max_change=near.max_change,
        max_total=near.max_total,
        least_change=near.least_change,
        too_close=near.status == "too close",
    )
    return near.corners.points, int(near.corners.iterations.sum()), record
