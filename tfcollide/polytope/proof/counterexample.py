"""The search for a mixture that gets another class, while a proof is under way."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tfcollide.models.reading import Reading
from tfcollide.polytope.hull.mixing import mix
from tfcollide.polytope.hull.simplex import project

__all__ = ["Landscape", "CounterexampleSearch"]


class Landscape(NamedTuple):
    """The margin as a function of the convex weights.

    Attributes:
        margins: weights `[P, N]` -> margins `[P]`, and their gradients `[P, N]`, about as exact as float32 at least.
        reach: margins up to here are tried on the network itself: it may fail where these do not.
    """

    margins: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
    reach: float


class CounterexampleSearch:
    """Looks for mixtures of small margin, and asks the network about those that may fail.

    Args:
        landscape: where to look.
        corners: `[N, H, W, C]` float32.
        target: the code of the class or labels that every mixture should get.
        logits: images `[n, H, W, C]` -> `[n, L]`, as the network computes them.
        reading: how logits are read.

    Attributes:
        smallest: the smallest margin met.
        lowest: `[N]`, the mixture where it was met; None before the first look.
    """

    _DESCENTS = 8

    def __init__(
        self,
        landscape: Landscape,
        corners: np.ndarray,
        target: int,
        logits: Callable[[np.ndarray], np.ndarray],
        reading: Reading,
    ):
        self._landscape, self._corners, self._target, self._logits = landscape, corners, target, logits
        self._reading = reading
        self.smallest = np.inf
        self.lowest: np.ndarray | None = None

    def look(self, weights: np.ndarray, *, steps: int) -> tuple[float, np.ndarray] | None:
        """Tries mixtures `[P, N]`, and takes `steps` down from the lowest of them."""
        margins, _ = self._landscape.margins(weights)
        points = weights[margins.argsort(kind="stable")[: self._DESCENTS]]
        tried = [(weights, margins)]
        for step in range(steps):
            lowest, slopes = self._landscape.margins(points)
            tried.append((points, lowest))
            slopes = slopes - slopes.mean(axis=1, keepdims=True)
            length = np.linalg.norm(slopes, axis=1, keepdims=True)
            points = project(points - 0.5 * 0.6**step * slopes / np.where(length > 0, length, 1.0))
        weights, margins = (np.concatenate(column) for column in zip(*tried, strict=True))
        if margins.min() < self.smallest:
            self.smallest, self.lowest = float(margins.min()), weights[margins.argmin()]
        return self._judge(weights[margins.argsort(kind="stable")[:16]])

    def _judge(self, weights: np.ndarray) -> tuple[float, np.ndarray] | None:
        """A refutation, if the network itself gives one of these mixtures another class."""
        saved = weights.astype(np.float32)
        margins, _ = self._landscape.margins(saved.astype(np.float64))
        if margins.min() > self._landscape.reach:
            return None
        images = mix(saved, self._corners)
        for i in np.flatnonzero(self._reading.predicted(self._logits(images)) != self._target):
            # Alone, as anyone who checks it would: another batch may sum in another order.
            alone = self._logits(mix(saved[i : i + 1], self._corners))
            if self._reading.predicted(alone)[0] != self._target:
                return float(self._reading.margins(alone, self._target)[0]), saved[i]
        return None
