"""Intervals of what a sample of pairs says: of a rate, and of a median in which some values are only known to be large.

Two pairs that share an image are not independent. Where images repeat, images are drawn again rather than pairs, and a
pair counts as often as its two images do together (the pigeonhole bootstrap: Owen 2007, "The pigeonhole bootstrap",
Annals of Applied Statistics 1), which errs on the side of wide intervals.
"""

import dataclasses
import math

import numpy as np
from scipy import stats

__all__ = ["Interval", "mean_interval", "median_interval", "rate_interval", "repeats", "too_few"]

_RESAMPLES = 2_000


@dataclasses.dataclass(frozen=True)
class Interval:
    """A number and where it may lie.

    Attributes:
        value: what the sample says; infinite where it lies beyond everything that was seen, not a number of no pairs.
        low: the lower end; infinite likewise, or where too few pairs say nothing of it.
        high: the upper end; infinite likewise.
        confidence: of both ends together.
    """

    value: float
    low: float
    high: float
    confidence: float = 0.95

    @property
    def half_width(self) -> float:
        """Half the way from end to end."""
        return (self.high - self.low) / 2

    def overlaps(self, other: "Interval") -> bool:
        """Whether some number lies in both."""
        return self.low <= other.high and other.low <= self.high


def rate_interval(found: np.ndarray, images: np.ndarray | None = None, *, confidence: float = 0.95, seed: int = 0) -> Interval:
    """A share of pairs, with its Clopper-Pearson interval.

    Args:
        found: `[P]` bool.
        images: `[P, 2]`, numbers of the images of each pair; None, or without repeats: pairs are independent. Else the
            interval is the hull of Clopper and Pearson's and of the bootstrap over images.
        confidence: of the interval, two-sided.
        seed: of the bootstrap.
    """
    found = np.asarray(found, bool)
    if not len(found):
        return Interval(float("nan"), 0.0, 1.0, confidence)
    exact = stats.binomtest(int(found.sum()), len(found)).proportion_ci(confidence, method="exact")
    low, high = float(exact.low), float(exact.high)
    if images is not None and repeats(images):
        weights = _weights(len(found), images, _RESAMPLES, seed)
        shares = weights @ found / weights.sum(axis=1)
        drawn = _percentiles(shares, shares, confidence)
        low, high = min(low, drawn[0]), max(high, drawn[1])
    return Interval(float(found.mean()), low, high, confidence)


def mean_interval(values: np.ndarray, images: np.ndarray | None = None, *, confidence: float = 0.95, seed: int = 0) -> Interval:
    """A mean with its percentile bootstrap interval.

    Args:
        values: `[P]`, finite.
        images: `[P, 2]`, numbers of the images of each pair; None: pairs are independent.
        confidence: of the interval, two-sided.
        seed: of the draws.
    """
    if not len(values):
        return Interval(float("nan"), float("nan"), float("nan"), confidence)
    weights = _weights(len(values), images, _RESAMPLES, seed)
    means = weights @ np.asarray(values, np.float64) / weights.sum(axis=1)
    return Interval(float(np.mean(values)), *_percentiles(means, means, confidence), confidence)


def median_interval(
    values: np.ndarray, images: np.ndarray | None = None, *, confidence: float = 0.95, seed: int = 0
) -> Interval:
    """A median with its percentile bootstrap interval, which is no narrower than the one that the sign test gives.

    The median is the middle value, or the mean of the two middle ones: infinite where one of these is, not a number where
    they are infinite to either side. The sign test's ends are the k-th value from below and from above, with the largest k
    for which fewer than k of as many fair coins show heads with at most half of what confidence lacks (Thompson 1936, "On
    confidence ranges for the median", Annals of Mathematical Statistics 7). Ends are values that occur, so that ties stay
    ties and no infinite value is mixed with a finite one. Where there is no such k (`too_few`), there are no ends. Of
    negated values everything is negated and mirrored, to the last bit.

    Args:
        values: `[P]`; infinite where a value is censored, that is, only known to be larger (smaller) than all others.
        images: `[P, 2]`, numbers of the images of each pair, which are drawn again where they repeat; None: pairs are
            independent.
        confidence: of the interval, two-sided.
        seed: of the bootstrap.
    """
    values = np.asarray(values, np.float64)
    if not len(values):
        return Interval(float("nan"), float("nan"), float("nan"), confidence)
    with np.errstate(invalid="ignore"):  # -infinity and infinity: not a number
        middle = float(np.median(values))
    ordered, place = np.sort(values), _place(len(values), confidence)
    if not place:
        return Interval(middle, -math.inf, math.inf, confidence)
    drawn = _percentiles(*_drawn_medians(values, images, seed), confidence)
    low, high = min(float(ordered[place - 1]), drawn[0]), max(float(ordered[-place]), drawn[1])
    return Interval(middle, low, high, confidence)


def too_few(count: int, *, confidence: float = 0.95) -> bool:
    """Whether so few values say nothing of the ends of their median: at 95 %, fewer than six, as 2 / 2^5 is above 0.05."""
    return _place(count, confidence) == 0


def repeats(images: np.ndarray) -> bool:
    """Whether some image is in two pairs `[P, 2]`."""
    return len(np.unique(images)) < np.size(images)


def _weights(pairs: int, images: np.ndarray | None, resamples: int, seed: int) -> np.ndarray:
    """`[R, P]`, how often each pair counts in each resample; no resample is empty."""
    rng = np.random.default_rng(seed)
    if images is None or not repeats(images):
        return rng.multinomial(pairs, np.full(pairs, 1 / pairs), size=resamples).astype(np.float64)
    names, first, place = np.unique(images, return_index=True, return_inverse=True)
    drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=resamples)
    order = np.argsort(np.argsort(first))  # by appearance: whatever the images are numbered, the draws are the same
    weights = np.prod(drawn[:, order[place].reshape(-1, 2)], axis=2).astype(np.float64)
    weights[weights.sum(axis=1) == 0] = 1.0
    return weights


def _place(count: int, confidence: float) -> int:
    """Which value from below, from 1 on, is the lower end of a median's interval; 0: none."""
    return int(stats.binom.ppf((1 - confidence) / 2, count, 0.5))


def _drawn_medians(values: np.ndarray, images: np.ndarray | None, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """`[R]` each, the lower and the upper of the two middle values of each resample."""
    order = np.argsort(values)
    ahead = 2 * np.cumsum(_weights(len(values), images, _RESAMPLES, seed)[:, order], axis=1)
    whole = ahead[:, -1:] / 2
    return values[order][(ahead >= whole).argmax(axis=1)], values[order][(ahead > whole).argmax(axis=1)]


def _percentiles(lows: np.ndarray, highs: np.ndarray, confidence: float) -> tuple[float, float]:
    """The ends of a bootstrap's interval, as many resamples from below as from above."""
    share = (1 - confidence) / 2
    low, high = (float(np.quantile(some, share, method="inverted_cdf")) for some in (lows, -highs))
    return low, -high
