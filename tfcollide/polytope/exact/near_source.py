"""Exact corners that stay with the source: vertices of a collision polytope within a box or a ball around it.

    minimize objective . x   subject to   x in polytope,   |x_j - s_j| <= max_change,   |x - s|_2 <= max_total

Corners of the whole polytope never see the source; they lie as far from it as pixels
allow. The smallest box with any collision, and then the smallest with corners that
are far enough apart, say how much of an image has to change. A ball is kinder to L2
distances, a box to single pixels.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import scipy.sparse

from tfcollide.errors import RequestError
from tfcollide.models.affine import AffineMap
from tfcollide.polytope.exact.ball import ball_solver
from tfcollide.polytope.exact.blas import one_blas_thread
from tfcollide.polytope.exact.halfspaces import Polytope
from tfcollide.polytope.exact.linear_program import LinearProgram
from tfcollide.polytope.exact.nearest import nearest
from tfcollide.polytope.exact.relative_interior import solve
from tfcollide.polytope.exact.rounding import inward
from tfcollide.polytope.exact.smallest import Tried, smallest, smallest_distance
from tfcollide.polytope.exact.vertices import (
    ExactCorners,
    diverse_corners,
    diverse_points,
    exact_corners,
    explain,
    extreme_points,
    random_objectives,
    unit_objectives,
)

__all__ = ["NearCorners", "corners_near", "explain_near", "least_change", "within_box"]

AnyPolytope = TypeVar("AnyPolytope", bound=Polytope)

_DISTINCT = 1e-6
"""Corners closer than this (RMS) count as one."""

_DIRECTIONS = ("units", "random", "diverse")
_WORDS = {
    "optimal": "corners were found",
    "infeasible": "no collision exists within this distance of the source",
    "too close": "the corners lie closer together than asked",
}


@dataclasses.dataclass(frozen=True)
class NearCorners:
    """Corners near a source.

    Attributes:
        corners: N of them; NaN where there is none.
        max_change: half the width of the box that they were sought in, given or found; None for no box.
        max_total: the radius of the ball, given or found; None for no ball.
        least_change: the smallest half-width at which a collision exists, whatever
            was asked for; inf where none does.
        spread_reached: the smallest RMS difference of two corners, |x_i - x_j|_2 / sqrt(D);
            inf for a single corner, NaN where one is missing.
        status: "optimal"; "infeasible": no collision within the box and ball; "too
            close": there are corners, but nearer to each other than `spread` (where the
            box or ball was sought: in any; these are the farthest apart of those
            tried); "unbounded"; or "failed: " and the solver's words. See `explain_near`.
    """

    corners: ExactCorners
    max_change: float | None
    max_total: float | None
    least_change: float
    spread_reached: float
    status: str


def explain_near(status: str) -> str:
    """What a status means, in words."""
    return _WORDS.get(status, explain(status))


def within_box(polytope: AnyPolytope, source: np.ndarray, max_change: float) -> AnyPolytope:
    """The part of `polytope` in which no coordinate differs from `source` `[D]` by more than `max_change`.

    Where the box cuts, its sides are rounded inward to float32, so that a point which
    is saved still lies in it. Bounds that are no wider than `max_change` stay as they are.
    """
    low, high = inward(source - max_change, source + max_change)
    cuts = ~((polytope.upper - polytope.lower <= max_change) & (source >= polytope.lower) & (source <= polytope.upper))
    lower = np.where(cuts, np.maximum(polytope.lower, low), polytope.lower)
    upper = np.where(cuts, np.minimum(polytope.upper, high), polytope.upper)
    return dataclasses.replace(polytope, lower=lower, upper=upper)


@one_blas_thread()
def least_change(polytope: Polytope, source: np.ndarray) -> float:
    """The smallest t with a point of `polytope` that differs from `source` `[D]` by at most t a coordinate.

        minimize t   subject to   x in polytope,   -t <= x_j - s_j <= t

    inf where the polytope is empty.
    """
    unit, size = polytope.unit_rows(), source.size
    rows = scipy.sparse.csr_array(np.concatenate([unit.equalities, unit.inequalities]))
    eye, one = scipy.sparse.eye_array(size, format="csr"), scipy.sparse.csr_array(np.ones([size, 1]))
    ends = np.concatenate([unit.values, unit.limits, source, -source])
    program = LinearProgram(
        cost=np.eye(1, size + 1, size)[0],
        rows=scipy.sparse.block_array([[rows, None], [eye, -one], [-eye, -one]], format="csr"),
        row_lower=np.concatenate([unit.values, np.full(len(ends) - len(unit.values), -np.inf)]),
        row_upper=ends,
        lower=np.append(polytope.lower, 0.0),
        upper=np.append(polytope.upper, np.inf),
    )
    solution = solve(program)
    return max(solution.value, 0.0) if solution.status == "optimal" else np.inf


def corners_near(
    affine: AffineMap,
    polytope: Polytope,
    source: np.ndarray,
    groups_or_objectives: Sequence[Sequence[int]] | np.ndarray,
    *,
    direction: str | None = "units",
    spread: float,
    max_change: float | None = None,
    max_total: float | None = None,
    within: str = "box",
    seed: int = 0,
) -> NearCorners:
    """Corners of `polytope` within a box, a ball or both; with neither, within the smallest that will do.

    That is the smallest, of those tried, whose corners in the N directions are all at
    least `spread` apart: half-widths grow from `least_change` (radii from the nearest
    collision), their excess over it doubling, until one will do, and the last step is
    bisected to 2 % of the size. The distance of corners in fixed directions need not
    grow with the set, so a smaller one between those tried is not excluded; but a
    larger spread never gives a smaller one.

    Args:
        affine: the pre-activation as a function of the image.
        polytope: the collisions; best `float32_safe`.
        source: `[D]` float64.
        groups_or_objectives: N groups of units, or `[N, D]` objectives.
        direction: "units" (or None): what `groups_or_objectives` says; "random":
            N directions of `seed`; "diverse": away from each other.
        spread: the least RMS difference of any two corners, in units of the image.
        max_change: half the width of the box.
        max_total: the radius of the ball.
        within: "box" or "ball": which is sought where neither is given.
        seed: of "random" and "diverse".

    Raises:
        RequestError: an unknown word, a negative number, a source of another size,
            or bounds without an end where the smallest box or ball is sought.
    """
    source = np.asarray(source, np.float64)
    _check(polytope, source, direction, within, {"spread": spread, "max_change": max_change, "max_total": max_total})
    find = _finder(affine, polytope, source, groups_or_objectives, direction or "units", seed)
    least, need = least_change(polytope, source), max(spread, _DISTINCT)

    def look(half_width: float, radius: float) -> Tried:
        corners = find(half_width, radius)
        return Tried(half_width, corners, smallest_distance(corners.points))

    if max_change is not None or max_total is not None:
        tried = look(np.inf if max_change is None else max_change, np.inf if max_total is None else max_total)
    elif within == "box":
        widths = least, float(_farthest(polytope, source).max())
        tried = smallest(lambda width: look(width, np.inf), *widths, need, widest=2.0)
        max_change = tried.size
    else:
        closest, whole = nearest(polytope, source).distance, float(np.linalg.norm(_farthest(polytope, source)))
        radii = np.inf if np.isnan(closest) else closest, whole
        tried = smallest(lambda r: look(np.inf, r)._replace(size=r), *radii, need, widest=2.0 / source.size**0.5)
        max_total = tried.size
    return NearCorners(tried.corners, max_change, max_total, least, tried.spread, tried.status(need))


def _finder(
    affine: AffineMap,
    polytope: Polytope,
    source: np.ndarray,
    towards: Sequence[Sequence[int]] | np.ndarray,
    direction: str,
    seed: int,
) -> Callable[[float, float], ExactCorners]:
    """What finds corners within a box and a ball, whose sizes may be inf."""
    count = len(towards)
    if direction == "random":
        objectives = random_objectives(count, polytope.size, seed=seed)
    else:
        objectives = towards if isinstance(towards, np.ndarray) else unit_objectives(affine, towards)

    def find(max_change: float, max_total: float) -> ExactCorners:
        box = within_box(polytope, source, max_change)
        if np.isinf(max_total):
            return diverse_corners(box, count, seed=seed) if direction == "diverse" else exact_corners(box, objectives)
        ball = ball_solver(box, source, max_total)
        if direction != "diverse":
            return extreme_points(ball, objectives)
        middle = nearest(box, source).point
        return diverse_points(ball, np.where(np.isfinite(middle), middle, source), count, seed=seed)

    return find


def _farthest(polytope: Polytope, source: np.ndarray) -> np.ndarray:
    """`[D]`, the most that the bounds let each coordinate differ from `source`."""
    most = np.maximum(source - polytope.lower, polytope.upper - source)
    if not np.isfinite(most).all():
        raise RequestError("bounds without an end", "finite ones, or max_change or max_total")
    return most


def _check(polytope: Polytope, source: np.ndarray, direction: str | None, within: str, sizes: dict[str, float | None]) -> None:
    for name, word, known in (("direction", direction or "units", _DIRECTIONS), ("within", within, ("box", "ball"))):
        if word not in known:
            raise RequestError(f"{name} {word}", f"one of {', '.join(known)}")
    for name, value in sizes.items():
        if value is not None and not value >= 0.0:
            raise RequestError(f"{name}={value}", "a number of at least 0")
    if source.shape != polytope.lower.shape:
        raise RequestError(f"a source of shape {source.shape}", f"{polytope.lower.shape}, one number a coordinate")
