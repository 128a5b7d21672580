"""The smallest of a family of sets, each within the next, whose corners are far enough apart."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tfcollide.polytope.exact.vertices import ExactCorners

__all__ = ["Tried", "smallest", "smallest_distance"]

_FINE = 0.02
"""The size is found to this share of it."""


class Tried(NamedTuple):
    """A set by its size, its corners, and the smallest distance of two of them; NaN where one is missing."""

    size: float
    corners: ExactCorners
    spread: float

    def status(self, need: float) -> str:
        """That of the first corner which is missing; else "optimal", or "too close" where the spread is below `need`."""
        missing = next((status for status in self.corners.status if status != "optimal"), None)
        return missing or ("optimal" if self.spread >= need else "too close")


def smallest_distance(points: np.ndarray) -> float:
    """The smallest RMS difference of two of `points` `[N, D]`; inf for one point, NaN where one is NaN."""
    count, size = points.shape
    if np.isnan(points).any():
        return np.nan
    apart = np.linalg.norm(points[:, None] - points[None], axis=-1)[np.triu_indices(count, 1)]
    return float(apart.min(initial=np.inf)) / size**0.5


def smallest(look: Callable[[float], Tried], least: float, most: float, need: float, *, widest: float) -> Tried:
    """The smallest size, of those tried, at which corners are at least `need` apart.

    Sizes grow from `least`, their excess over it doubling, until one will do; the last
    step is then bisected to 2 % of the size. The spread need not grow with the set, so
    a smaller size between those tried is not excluded. A larger `need` passes by the
    same sizes, only farther, so its answer is never smaller.

    Args:
        look: what tries a size.
        least: the size at which the set is no longer empty; inf where it always is.
        most: the size at which it no longer grows.
        need: the spread.
        widest: no two points are farther apart than this times the size.

    Returns:
        where no size gives the spread, the one tried with the largest.
    """
    if not np.isfinite(least):
        return look(most)
    low, tried = min(least, most), []
    for size in _growing(low, most):
        if widest * size >= need or size == most:
            tried.append(look(size))
            if tried[-1].spread >= need:
                return _bisected(look, low, tried[-1], need)
        low = size
    return max(tried, key=lambda one: np.nan_to_num(one.spread, nan=-1.0))


def _bisected(look: Callable[[float], Tried], low: float, best: Tried, need: float) -> Tried:
    while best.size - low > _FINE * best.size:
        middle = look((low + best.size) / 2.0)
        if middle.spread >= need:
            best = middle
        else:
            low = middle.size
    return best


def _growing(least: float, most: float) -> list[float]:
    """Sizes above `least`, their excess doubling; the last is `most`."""
    sizes, excess = [], 0.1 * max(least, most / 50.0)
    while least + excess < most:
        sizes.append(least + excess)
        excess *= 2.0
    return [*sizes, most]
