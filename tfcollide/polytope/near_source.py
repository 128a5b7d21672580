"""Exact corners that stay with the source: vertices of a collision polytope within a box or a ball around it.

    minimise objective . x   subject to   x in polytope,   |x_j - s_j| <= max_change,   |x - s|_2 <= max_total

Corners of the whole polytope never see the source; they lie as far from it as pixels
allow. The smallest box with any collision, and then the smallest with corners that
are far enough apart, say how much of an image has to change.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import scipy.sparse

from tfcollide.errors import RequestError
from tfcollide.models.affine import AffineMap
from tfcollide.polytope.ball import ball_solver
from tfcollide.polytope.blas import one_blas_thread
from tfcollide.polytope.halfspaces import Polytope
from tfcollide.polytope.linear_program import LinearProgram
from tfcollide.polytope.nearest import nearest
from tfcollide.polytope.relative_interior import solve
from tfcollide.polytope.rounding import inward
from tfcollide.polytope.vertices import (
    ExactCorners,
    diverse_corners,
    diverse_points,
    exact_corners,
    extreme_points,
    random_objectives,
    unit_objectives,
)

__all__ = ["NearCorners", "corners_near", "explain_near", "least_change", "smallest_distance", "within_box"]

_FINE = 0.02
"""The smallest box is found to this share of its half-width."""

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
        max_total: the radius of the ball, as given; None for no ball.
        least_change: the smallest half-width at which a collision exists, whatever
            was asked for; inf where none does.
        spread_reached: the smallest RMS difference of two corners, |x_i - x_j|_2 / sqrt(D);
            inf for a single corner, NaN where one is missing.
        status: "optimal"; "infeasible": no collision within the box and ball; "too
            close": there are corners, but nearer to each other than `spread` (where the
            box was sought: in every box; these are the farthest apart of those
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
    return _WORDS.get(status, f"the solver gave up ({status.removeprefix('failed: ')})")


def within_box(polytope: Polytope, source: np.ndarray, max_change: float) -> Polytope:
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

        minimise t   subject to   x in polytope,   -t <= x_j - s_j <= t

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


def smallest_distance(points: np.ndarray) -> float:
    """The smallest RMS difference of two of `points` `[N, D]`; inf for one point, NaN where one is NaN."""
    count, size = points.shape
    if np.isnan(points).any():
        return np.nan
    apart = np.linalg.norm(points[:, None] - points[None], axis=-1)[np.triu_indices(count, 1)]
    return float(apart.min(initial=np.inf)) / size**0.5


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
    seed: int = 0,
) -> NearCorners:
    """Corners of `polytope` within a box, a ball or both; with neither, within the smallest box that will do.

    That box is the smallest, of those tried, whose corners in the N directions are
    all at least `spread` apart: half-widths grow from `least_change`, their excess
    over it doubling, until one will do, and the last step is bisected to 2 % of the
    half-width. (The distance of corners in fixed directions need not grow with the
    box, so a smaller one between those tried is not excluded. A larger spread
    never gives a smaller box.)

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
        seed: of "random" and "diverse".

    Raises:
        RequestError: an unknown direction, a negative number, a source of another
            size, or bounds without an end where the smallest box is sought.
    """
    source = np.asarray(source, np.float64)
    _check(polytope, source, direction, {"spread": spread, "max_change": max_change, "max_total": max_total})
    find = _finder(affine, polytope, source, groups_or_objectives, direction or "units", seed)
    least = least_change(polytope, source)
    need, radius = max(spread, _DISTINCT), np.inf if max_total is None else max_total

    def look(half_width: float) -> _Tried:
        corners = find(half_width, radius)
        return _Tried(half_width, corners, smallest_distance(corners.points))

    if max_change is None and max_total is None:
        tried = _smallest_box(look, least, _whole(polytope, source), need)
    else:
        tried = look(np.inf if max_change is None else max_change)
    box = tried.max_change if np.isfinite(tried.max_change) else None
    return NearCorners(tried.corners, box, max_total, least, tried.spread, tried.status(need))


class _Tried(NamedTuple):
    """Half the width of a box, its corners and the smallest distance of two; NaN where one is missing."""

    max_change: float
    corners: ExactCorners
    spread: float

    def status(self, need: float) -> str:
        missing = next((status for status in self.corners.status if status != "optimal"), None)
        return missing or ("optimal" if self.spread >= need else "too close")


def _smallest_box(look: Callable[[float], _Tried], least: float, most: float, need: float) -> _Tried:
    """See `corners_near`. A larger `need` passes by the same half-widths, only farther."""
    if not np.isfinite(least):
        return look(most)
    low, tried = min(least, most), []
    for width in _growing(low, most):
        # Two points of a box are no farther apart than it is wide.
        if 2.0 * width >= need or width == most:
            tried.append(look(width))
            if tried[-1].spread >= need:
                return _bisected(look, low, tried[-1], need)
        low = width
    return max(tried, key=lambda one: np.nan_to_num(one.spread, nan=-1.0))


def _bisected(look: Callable[[float], _Tried], low: float, best: _Tried, need: float) -> _Tried:
    while best.max_change - low > _FINE * best.max_change:
        middle = look((low + best.max_change) / 2.0)
        if middle.spread >= need:
            best = middle
        else:
            low = middle.max_change
    return best


def _growing(least: float, most: float) -> list[float]:
    """Half-widths above `least`, their excess doubling; the last is `most`."""
    widths, excess = [], 0.1 * max(least, most / 50.0)
    while least + excess < most:
        widths.append(least + excess)
        excess *= 2.0
    return [*widths, most]


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


def _whole(polytope: Polytope, source: np.ndarray) -> float:
    """The half-width at which a box around `source` holds all of the bounds."""
    most = float(np.maximum(source - polytope.lower, polytope.upper - source).max())
    if not np.isfinite(most):
        raise RequestError("bounds without an end", "finite ones, or max_change or max_total")
    return most


def _check(polytope: Polytope, source: np.ndarray, direction: str | None, sizes: dict[str, float | None]) -> None:
    if direction is not None and direction not in _DIRECTIONS:
        raise RequestError(f"direction {direction}", f"one of {', '.join(_DIRECTIONS)}")
    for name, value in sizes.items():
        if value is not None and not value >= 0.0:
            raise RequestError(f"{name}={value}", "a number of at least 0")
    if source.shape != polytope.lower.shape:
        raise RequestError(f"a source of shape {source.shape}", f"{polytope.lower.shape}, one number a coordinate")
