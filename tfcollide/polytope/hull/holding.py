"""Whether a hull holds, asked while there is still time to go on.

Corners that match closely can still have mixtures that miss, most of all where the
target itself is barely of its class. So corners, the middles of edges and some
mixtures, other ones than those that are checked at the end, must keep a share of
the target's own margin, and their features must match.
"""

import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tfcollide.models.classifier import Classifier, Tap
from tfcollide.objectives.terms import Goal
from tfcollide.polytope.hull.checks import terms_and_logits
from tfcollide.polytope.hull.mixing import mix

__all__ = ["MARGIN_SHARE", "HullJudge", "Probe"]

_SAMPLES, _SEED = 200, 0x401D
MARGIN_SHARE = 0.4
"""The share of the target's own margin that every probe must keep."""


class Probe(NamedTuple):
    """What the probes of a hull say.

    Attributes:
        margin_share: the worst probe's margin, as a share of the target's.
        excess: the worst probe's features over what matches; up to 1 they match.
    """

    margin_share: float
    excess: float

    @property
    def score(self) -> float:
        """How good the hull is: from 1 on it holds."""
        matched = 1.0 if self.excess <= 1.0 else 1.0 / self.excess
        return min(self.margin_share / MARGIN_SHARE, matched)

    def __str__(self) -> str:
        words = f"worst probe {self.margin_share:.2f} of the target's margin, asked {MARGIN_SHARE:.2f}"
        return words + (f"; its features {self.excess:.2f} of what matches" if self.excess > 1.0 else "")


class HullJudge:
    """Judges hulls of N corners for one target.

    Args:
        classifier: the network.
        tap: where features are compared.
        goal_image: `[H, W, C]`, the target.
        goal: its features.
        target: the code of its class or labels.
        corners: N.
        excess: terms `[n]` of images -> the worst over what matches.
    """

    def __init__(
        self,
        classifier: Classifier,
        tap: Tap,
        goal_image: np.ndarray,
        goal: Goal,
        target: int,
        corners: int,
        excess: Callable[[dict[str, np.ndarray]], float],
    ):
        self._classifier, self._tap, self._goal, self._target, self._excess = classifier, tap, goal, target, excess
        vertices = np.eye(corners)
        middles = [vertices[list(pair)].mean(axis=0) for pair in itertools.combinations(range(corners), 2)]
        drawn = np.random.default_rng(_SEED).dirichlet(np.ones(corners), _SAMPLES)
        self._weights = np.concatenate([vertices, np.reshape(middles, [-1, corners]), drawn]).astype(np.float32)
        own = classifier.reading.margins(classifier.judge(goal_image[None]).logits, target)[0]
        self._own = max(float(own), float(np.finfo(np.float32).tiny))

    def __call__(self, images: np.ndarray) -> Probe:
        """What the probes of the hull of `images` `[N, H, W, C]` say."""
        terms, logits = terms_and_logits(self._classifier, self._tap, mix(self._weights, images), self._goal)
        return Probe(float(self._classifier.reading.margins(logits, self._target).min()) / self._own, self._excess(terms))
