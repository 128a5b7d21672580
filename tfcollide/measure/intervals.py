"""Intervals of what a sample of pairs says: of a rate, and of a median in which some values are only known to be large.

Two pairs that share an image are not independent. Where images repeat, images are drawn again rather than pairs, and a
pair counts as often as its two images do together (the pigeonhole bootstrap: Owen 2007, "The pigeonhole bootstrap",
Annals of Applied Statistics 1), which errs on the side of wide intervals.
"""

import dataclasses

import numpy as np
from scipy import stats

__all__ = ["Interval", "mean_interval", "median_interval", "rate_interval", "repeats"]

_RESAMPLES = 2_000


@dataclasses.dataclass(frozen=True)
class Interval:
    """A number and where it may lie.

    Attributes:
        value: what the sample says; infinite where it lies beyond everything that was seen, not a number of no pairs.
        low: the lower end.
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
        shares = np.sort(weights @ found / weights.sum(axis=1))
        low, high = min(low, _quantile(shares, (1 - confidence) / 2)), max(high, _quantile(shares, (1 + confidence) / 2))
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
    means = np.sort(weights @ np.asarray(values, np.float64) / weights.sum(axis=1))
    low, high = _quantile(means, (1 - confidence) / 2), _quantile(means, (1 + confidence) / 2)
    return Interval(float(np.mean(values)), low, high, confidence)


def median_interval(
    values: np.ndarray,
    images: np.ndarray | None = None,
    *,
    confidence: float = 0.95,
    resamples: int = _RESAMPLES,
    seed: int = 0,
) -> Interval:
    """A median with its percentile bootstrap interval.

    Every quantile is a value that occurs, the lower one of two, so that ties stay ties and no infinite value is mixed
    with a finite one.

    Args:
        values: `[P]`; infinite where a value is censored, that is, only known to be larger than all others.
        images: `[P, 2]`, numbers of the images of each pair; None: pairs are independent.
        confidence: of the interval, two-sided.
        resamples: how often the sample is drawn again.
        seed: of the draws.
    """
    values = np.asarray(values, np.float64)
    if not len(values):
        return Interval(float("nan"), float("nan"), float("nan"), confidence)
    order = np.argsort(values, kind="stable")
    weights = _weights(len(values), images, resamples, seed)[:, order]
    ahead = np.cumsum(weights, axis=1)
    place = (2 * ahead >= ahead[:, -1:]).argmax(axis=1)
    medians = np.sort(values[order][place])
    middle = values[order][(len(values) - 1) // 2]
    return Interval(
        float(middle), _quantile(medians, (1 - confidence) / 2), _quantile(medians, (1 + confidence) / 2), confidence
    )


def repeats(images: np.ndarray) -> bool:
    """Whether some image is in two pairs `[P, 2]`."""
    return len(np.unique(images)) < np.size(images)


def _weights(pairs: int, images: np.ndarray | None, resamples: int, seed: int) -> np.ndarray:
    """`[R, P]`, how often each pair counts in each resample; no resample is empty."""
    rng = np.random.default_rng(seed)
    if images is None or not repeats(images):
        return rng.multinomial(pairs, np.full(pairs, 1 / pairs), size=resamples).astype(np.float64)
    names, place = np.unique(images, return_inverse=True)
    drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=resamples)
    weights = np.prod(drawn[:, place.reshape(-1, 2)], axis=2).astype(np.float64)
    weights[weights.sum(axis=1) == 0] = 1.0
    return weights


def _quantile(ordered: np.ndarray, share: float) -> float:
    return float(np.quantile(ordered, share, method="inverted_cdf"))
