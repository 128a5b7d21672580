"""A spread at which something still holds, and none much larger was found to: bracketed by factors, then narrowed."""

from collections.abc import Callable
from typing import TypeVar

__all__ = ["widest"]

_FACTOR, _FARTHEST, _FINE, _MOST = 1.5, 1.5**6.5, 1.1, 16

_Result = TypeVar("_Result")


def widest(first: float, solve_at: Callable[[float], _Result], holds: Callable[[_Result], bool]) -> _Result:
    """What `solve_at` gives at the largest spread that was found to hold: a lower bound of the largest that does.

    From `first` on larger spreads are tried until one does not hold, or smaller ones until one does, by a factor
    of 1.5, six times at the most; then the bracket is halved until its ends are within 10 % of each other. What holds
    at a spread need not hold at all smaller ones, so one failure is not believed: the spread 10 % above it is tried,
    and where that holds the search goes on from there. Two failures in a row end it, as do 16 tries. Where none
    holds, that is what is given for the smallest.
    """
    low: float | None = None
    high: float | None = None
    spread, best = first, solve_at(first)
    for trial in range(_MOST):
        found = solve_at(spread) if trial else best
        if holds(found):
            low, best = spread, found
            high = None if high is None or spread > high else high
        elif low is not None and high is not None and spread > high:
            break
        else:
            high, best = spread, found if low is None else best
        spread = _next(low, high)
        if not first / _FARTHEST < spread < first * _FARTHEST:
            break
    return best


def _next(low: float | None, high: float | None) -> float:
    """The spread to try after `low`, the largest that held, and `high`, the smallest above it that did not."""
    if low is None or high is None:
        return low * _FACTOR if low is not None else (high or 0.0) / _FACTOR
    return (low * high) ** 0.5 if high > _FINE * low else high * _FINE
