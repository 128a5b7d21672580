"""Extreme points of a polytope within an L2 ball.

    minimize cost . x   subject to   x in polytope, |x - s|_2 <= radius

A second-order cone program (Clarabel). Where the vertex of the polytope at which the
cost is least lies in the ball, it is the answer, to the digits of `vertices`.
"""

import numpy as np
import scipy.sparse

from tfcollide.polytope.exact.change import Change, solve_conic
from tfcollide.polytope.exact.halfspaces import Polytope
from tfcollide.polytope.exact.linear_program import ProgramSolution
from tfcollide.polytope.exact.vertices import Solver, vertex_solver

__all__ = ["ball_solver"]

_ROOM = 2.0**-23
"""By this share of the size of a point its distance may change when it is rounded to float32, and to spare."""


def ball_solver(polytope: Polytope, source: np.ndarray, radius: float) -> Solver:
    """What finds the point of `polytope` within `radius` of `source` `[D]` at which an objective `[D]` is least.

    The ball is made smaller by what rounding to float32 can add to the distance, so
    that a point which is saved still lies in it.
    """
    vertex, change = vertex_solver(polytope), Change.of(polytope, source)
    inside = radius - _ROOM * (float(np.linalg.norm(source)) + radius)
    no_quadratic = scipy.sparse.csc_array((source.size, source.size))
    nowhere = np.full(source.size, np.nan)

    def solve(cost: np.ndarray) -> ProgramSolution:
        found = vertex(cost)
        near = found.status == "optimal" and np.linalg.norm(found.x - source) <= inside
        if near or found.status == "infeasible":
            return found
        if inside < 0.0:
            return ProgramSolution("infeasible", nowhere, np.nan, np.zeros(0), found.iterations)
        direction = cost / (float(np.linalg.norm(cost)) or 1.0)
        status, z, dual = solve_conic(change, no_quadratic, direction, inside)
        if z is None or dual is None:
            return ProgramSolution(status, nowhere, np.nan, np.zeros(0), found.iterations)
        x = np.clip(source + _polished(change, z), polytope.lower, polytope.upper)
        return ProgramSolution("optimal", x, float(cost @ x), dual, found.iterations)

    return solve


def _polished(change: Change, z: np.ndarray) -> np.ndarray:
    """The least step that meets the equations to the last digits, by coordinates that are at no bound."""
    free = (z > change.least) & (z < change.most)
    rows, missing = change.rows[change.equation], (change.limits - change.rows @ z)[change.equation]
    part = rows[:, free]
    better = z.copy()
    # Least squares, since rows may depend on each other.
    better[free] += part.T @ np.linalg.lstsq(part @ part.T, missing, rcond=1e-12)[0]
    better = np.clip(better, change.least, change.most)
    return better if change.miss(better) <= change.miss(z) else z
