"""The search for a mixture that gets another class, while a proof is under way."""

from collections.abc import Callable

import numpy as np

from tfcollide.models.reading import Reading
from tfcollide.polytope.hull.mixing import mix
from tfcollide.polytope.hull.simplex import project
from tfcollide.polytope.proof.relaxation import Hull, forward

__all__ = ["Search"]


class Search:
    """Looks for mixtures of small margin, in float64, and asks the network about those that may fail.

    Args:
        hull: the network as a function of the convex weights.
        corners: `[N, H, W, C]` float32.
        target: the code of the class or labels that every mixture should get.
        logits: images `[n, H, W, C]` -> `[n, L]`, as the network computes them.
        reading: how logits are read.

    Attributes:
        smallest: the smallest float64 margin met.
    """

    _DESCENTS = 8

    def __init__(
        self, hull: Hull, corners: np.ndarray, target: int, logits: Callable[[np.ndarray], np.ndarray], reading: Reading
    ):
        self._hull, self._corners, self._target, self._logits = hull, corners, target, logits
        self._reading = reading
        self.smallest = np.inf

    def look(self, weights: np.ndarray, *, steps: int) -> tuple[float, np.ndarray] | None:
        """Tries mixtures `[P, N]`, and takes `steps` down from the lowest of them."""
        margins, _ = self._margins(weights)
        points = weights[margins.argsort(kind="stable")[: self._DESCENTS]]
        tried = [(weights, margins)]
        for step in range(steps):
            lowest, slopes = self._margins(points)
            tried.append((points, lowest))
            slopes = slopes - slopes.mean(axis=1, keepdims=True)
            length = np.linalg.norm(slopes, axis=1, keepdims=True)
            points = project(points - 0.5 * 0.6**step * slopes / np.where(length > 0, length, 1.0)).numpy()
        weights, margins = (np.concatenate(column) for column in zip(*tried, strict=True))
        self.smallest = min(self.smallest, float(margins.min()))
        return self._judge(weights[margins.argsort(kind="stable")[:16]])

    def _margins(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Float64 margins `[P]` at `weights` `[P, N]`, and their gradients `[P, N]`."""
        hull = self._hull
        values = forward(hull, weights)
        margins = values[-1] @ hull.margin_rows.T
        against = margins.argmin(axis=1)
        slopes = hull.margin_rows[against]
        for k in range(len(hull.stages) - 1, 0, -1):
            slopes = slopes @ hull.stages[k].weight
            slopes = slopes * (values[k - 1] > 0) if hull.stages[k - 1].relu else slopes
        return margins[np.arange(len(margins)), against], slopes @ hull.pre_activation.T

    def _judge(self, weights: np.ndarray) -> tuple[float, np.ndarray] | None:
        """A refutation, if the network itself gives one of these mixtures another class."""
        saved = weights.astype(np.float32)
        margins, _ = self._margins(saved.astype(np.float64))
        # Float32 may fail where float64 does not; by how much is a guess that only decides what to try.
        if margins.min() > 1e-4 * max(np.abs(self._hull.pre_activation).max(), 1.0):
            return None
        images = mix(saved, self._corners)
        for i in np.flatnonzero(self._reading.predicted(self._logits(images)) != self._target):
            # Alone, as anyone who checks it would: another batch may sum in another order.
            alone = self._logits(mix(saved[i : i + 1], self._corners))
            if self._reading.predicted(alone)[0] != self._target:
                return float(self._reading.margins(alone, self._target)[0]), saved[i]
        return None
