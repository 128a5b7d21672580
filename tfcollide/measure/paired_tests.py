"""Whether two networks differ on the same pairs: exact tests, and how large the difference is.

McNemar's test of two rates is the sign test of pairs on which the two disagree (McNemar 1947, Psychometrika 12); the sign
test of two fronts counts in which of the two the front of a pair is smaller. Both leave out pairs on which the two are alike.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from tfcollide.measure.intervals import Interval, mean_interval, median_interval, rate_interval, repeats

__all__ = [
    "Counted",
    "fewest_untied",
    "front_differences",
    "front_effect",
    "holm",
    "preferred",
    "rate_effect",
    "sign_test",
]

_ALIKE = 1e-6
"""Fronts that differ by less, in shares of source-to-target, are alike: float32 may round so."""


class Counted(NamedTuple):
    """How pairs fall.

    Attributes:
        above: pairs whose difference is above zero.
        below: those whose is below.
        alike: the others.
    """

    above: int
    below: int
    alike: int

    @classmethod
    def of(cls, differences: np.ndarray) -> "Counted":
        """Of differences `[P]`."""
        above, below = int((differences > 0).sum()), int((differences < 0).sum())
        return cls(above, below, len(differences) - above - below)


def sign_test(counted: Counted) -> float:
    """The two-sided p of the exact sign test; 1 where no pair tells the two apart."""
    untied = counted.above + counted.below
    return float(stats.binomtest(counted.above, untied, 0.5).pvalue) if untied else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted for as many tests (Holm 1979, Scandinavian Journal of Statistics 6).

    The i-th smallest of m, from 0 on, times m - i; never less than one before it, at most 1.
    """
    order = np.argsort(p_values, kind="stable")
    scaled = np.asarray(p_values, np.float64)[order] * np.arange(len(order), 0, -1)
    adjusted = np.empty(len(order))
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1.0) if len(order) else scaled
    return [float(one) for one in adjusted]


def fewest_untied(tests: int, level: float) -> int:
    """How many pairs have to differ, all one way, for a p below `level` after Holm's correction for so many tests."""
    return math.floor(math.log2(2 * tests / level)) + 1


def front_differences(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """`[P]`, first - second of fronts `[P]`; a censored one is larger than all others, two of them are alike."""
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    with np.errstate(invalid="ignore"):
        differences = first - second
    alike = (np.isinf(first) & np.isinf(second)) | (np.abs(differences) < _ALIKE)
    return np.where(alike, 0.0, differences)


def rate_effect(first: np.ndarray, second: np.ndarray, images: np.ndarray, *, confidence: float = 0.95) -> Interval:
    """How much larger the first rate is than the second.

    For one network on either side it is Newcombe's interval (1998, Statistics in Medicine 17, method 10), which is no point
    where both agree on all pairs; for several the bootstrap's. Where images repeat, it is the hull of both.

    Args:
        first: `[P]`, 0 or 1 per pair, or the share of several networks.
        second: `[P]`, likewise.
        images: `[P, 2]`, numbers of the images of each pair.
        confidence: of the interval, two-sided.
    """
    single = len(first) > 0 and bool(np.isin(first, (0, 1)).all() and np.isin(second, (0, 1)).all())
    if not single:
        return mean_interval(first - second, images, confidence=confidence)
    low, high = _newcombe(first.astype(bool), second.astype(bool), confidence)
    if repeats(images):
        drawn = mean_interval(first - second, images, confidence=confidence)
        low, high = min(low, drawn.low), max(high, drawn.high)
    return Interval(float(np.mean(first - second)), low, high, confidence)


def front_effect(differences: np.ndarray, images: np.ndarray, *, confidence: float = 0.95) -> Interval:
    """The median of differences of fronts `[P]`, which may be infinite, with its interval; of -differences the mirror image."""
    return median_interval(differences, images, confidence=confidence)


def preferred(counted: Counted, *, confidence: float = 0.95) -> Interval:
    """Among pairs that tell the two apart, the share above zero, with its interval; a half says nothing."""
    return rate_interval(np.arange(counted.above + counted.below) < counted.above, confidence=confidence)


def _newcombe(first: np.ndarray, second: np.ndarray, confidence: float) -> tuple[float, float]:
    """The ends of the interval: Wilson's of both rates, squared and added with the correlation of the pairs."""
    ends = [_wilson(one, confidence) for one in (first, second)]
    (p, low_p, high_p), (q, low_q, high_q) = ends
    margins = [first.sum(), (~first).sum(), second.sum(), (~second).sum()]
    spread = math.sqrt(math.prod(int(one) for one in margins))
    both, neither = float((first & second).sum()), float((~first & ~second).sum())
    one, other = float((first & ~second).sum()), float((~first & second).sum())
    cross = both * neither - one * other
    if cross > 0:
        cross = max(cross - len(first) / 2, 0.0)  # Newcombe's correction for continuity
    correlation = cross / spread if spread else 0.0
    down, up = p - low_p, high_q - q
    far_up, far_down = high_p - p, q - low_q
    below, above = (
        math.sqrt(max(one**2 + two**2 - 2 * correlation * (one * two), 0.0)) for one, two in ((down, up), (far_up, far_down))
    )
    return p - q - below, p - q + above


def _wilson(found: np.ndarray, confidence: float) -> tuple[float, float, float]:
    """The rate and the ends of Wilson's interval."""
    one = stats.binomtest(int(found.sum()), len(found)).proportion_ci(confidence, method="wilson")
    return float(found.mean()), float(one.low), float(one.high)
