"""Whether a hull holds, asked while there is still time to go on.

Corners that match closely can still have mixtures that miss, most of all where the
target itself is barely of its class. So corners, the middles of edges and some
mixtures, other ones than those that are checked at the end, must keep a share of
the target's own margin.
"""

import itertools

import numpy as np

from tfcollide.models.classifier import Classifier
from tfcollide.polytope.hull import mix

__all__ = ["HullJudge"]

_SAMPLES, _SEED, _SHARE = 200, 0x401D, 0.4


class HullJudge:
    """Judges hulls of N corners for one target.

    Args:
        classifier: the network.
        goal_image: `[H, W, C]`, the target.
        target: the code of its class or labels.
        corners: N.
    """

    def __init__(self, classifier: Classifier, goal_image: np.ndarray, target: int, corners: int):
        self._classifier, self._target = classifier, target
        vertices = np.eye(corners)
        middles = [vertices[list(pair)].mean(axis=0) for pair in itertools.combinations(range(corners), 2)]
        drawn = np.random.default_rng(_SEED).dirichlet(np.ones(corners), _SAMPLES)
        self._weights = np.concatenate([vertices, np.reshape(middles, [-1, corners]), drawn]).astype(np.float32)
        self._wanted = _SHARE * self._margins(goal_image[None])[0]

    def __call__(self, images: np.ndarray) -> bool:
        """Whether the hull of `images` `[N, H, W, C]` holds."""
        return bool(self._margins(mix(self._weights, images)).min() > self._wanted)

    def _margins(self, images: np.ndarray) -> np.ndarray:
        return self._classifier.reading.margins(self._classifier.judge(images).logits, self._target)
