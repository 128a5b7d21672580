"""The largest spread at which something still holds: bracketed by factors, then narrowed."""

from collections.abc import Callable
from typing import TypeVar

__all__ = ["widest"]

_FACTOR, _MOST, _NARROWINGS = 1.5, 6, 2

Found = TypeVar("Found")


def widest(first: float, solve_at: Callable[[float], Found], holds: Callable[[Found], bool]) -> Found:
    """What `solve_at` gives at the largest spread at which it holds, to a factor of 1.5^(1/4).

    From `first` on larger spreads are tried until one does not hold, or smaller ones until one does, by a factor
    of 1.5, six times at the most; then the bracket is halved twice. Where none holds, that is what is given for
    the smallest.
    """
    spread, found = first, solve_at(first)
    good = up = holds(found)
    low: float | None = spread if good else None
    high: float | None = None if good else spread
    best = found
    for _ in range(_MOST):
        if low is not None and high is not None:
            break
        spread = spread * _FACTOR if up else spread / _FACTOR
        found = solve_at(spread)
        if holds(found):
            low, best = spread, found
        else:
            high, best = spread, best if low is not None else found
    for _ in range(_NARROWINGS):
        if low is None or high is None:
            break
        spread = (low * high) ** 0.5
        found = solve_at(spread)
        low, high, best = (spread, high, found) if holds(found) else (low, spread, best)
    return best
