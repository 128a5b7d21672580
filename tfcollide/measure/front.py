"""The front: how features match against the change from the source, and the smallest change at which they match.

    minimize   match(x) / E  +  pull |x - s|^2 / |t - s|^2     over images x within the bounds

for one falling pull after the other, each search begun where the last one ended (continuation). E is the target's squared
features, and match(x) the squared difference on the target's active units, and what is above zero on the others: where the
tap is affine it is convex, and 0 just where the features are the target's. The pull at which features begin to match is
bracketed, then narrowed. What descent finds is an upper bound: nobody has shown that no smaller change would do.

For a hull x stands for N corners; some fixed mixtures of them have to match, too, and corners to keep a distance.
"""

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from scipy.optimize import minimize

from tfcollide.objectives import terms
from tfcollide.optimize.hull_terms.crowding import crowding
from tfcollide.polytope.exact.blas import one_blas_thread
from tfcollide.runtime.compiled import compiled
from tfcollide.shapes import Bounds

__all__ = ["Front", "FrontPoint", "FrontSearch"]

_FIRST_PULL, _FACTOR, _LEAST_PULL = 100.0, 10.0**-0.25, 1e-9
_NARROWINGS = 3
_CROWDED, _APART = 0.01, 10.0  # with a weight of 1 the corners of an MNIST hull came to half the distance asked for


@dataclasses.dataclass(frozen=True)
class FrontPoint:
    """One point of a front.

    Attributes:
        pull: the weight of the change.
        change: L2 distance to the source over that from source to target, the mean over the corners.
        feature_distance: the largest of the corners and of the mixtures that were looked at.
    """

    pull: float
    change: float
    feature_distance: float


@dataclasses.dataclass(frozen=True)
class Front:
    """A front.

    Attributes:
        points: by falling pull.
        end: the smallest change at which features match; None where none was reached.
        images: `[N, H, W, C]` float32, those of the end, or of the last point.
    """

    points: tuple[FrontPoint, ...]
    end: FrontPoint | None
    images: np.ndarray


class FrontSearch:
    """The search at one tap, compiled once for any pair.

    Args:
        pre_activation: images `[n, H, W, C]` -> `[n, U]`.
        bounds: of the pixels.
        corners: N.
        spread: the L2 distance that corners should keep, in the model's units; of no use to one corner.
    """

    def __init__(self, pre_activation: Callable[[tf.Tensor], tf.Tensor], bounds: Bounds, corners: int = 1, spread: float = 0.0):
        self._look, self._bounds, self._corners, self._spread = pre_activation, bounds, corners, spread
        self._weights = tf.constant(_fixed_mixtures(corners))
        self._evaluate: Any = compiled(self._loss)

    @one_blas_thread()  # L-BFGS-B solves systems of forty numbers, which threads take fifteen times as long for
    def __call__(
        self,
        source: np.ndarray,
        target: np.ndarray,
        goal: terms.Goal,
        *,
        matches_at: float,
        iterations: int = 60,
        noise: float = 0.05,
        seed: int = 0,
        on_point: Callable[[FrontPoint], None] = lambda point: None,
    ) -> Front:
        """The front of a pair.

        Args:
            source: `[H, W, C]` float32.
            target: `[H, W, C]` float32.
            goal: the target's features.
            matches_at: the feature distance up to which features match.
            iterations: of each search, at the most (L-BFGS-B; Byrd, Lu, Nocedal and Zhu 1995).
            noise: on the start of several corners, a share of the pixel range.
            seed: of the noise.
            on_point: told of each point.
        """
        goal = terms.staying(goal, source, target)
        images = self._start(source, noise, seed)
        points: list[tuple[FrontPoint, np.ndarray]] = []

        def at(pull: float, images: np.ndarray) -> tuple[FrontPoint, np.ndarray]:
            found = self._descend(images, goal, pull, iterations)
            points.append(found)
            on_point(found[0])
            return found

        pull, before, end = _FIRST_PULL, images, None
        while pull >= _LEAST_PULL:
            point, images = at(pull, before)
            if point.feature_distance <= matches_at:
                end = self._narrow(at, point, images, before, matches_at)
                break
            pull, before = pull * _FACTOR, images
        ordered = tuple(sorted((point for point, _ in points), key=lambda point: -point.pull))
        return Front(ordered, end[0] if end else None, end[1] if end else images)

    def _narrow(
        self, at: Callable[..., Any], point: FrontPoint, images: np.ndarray, before: np.ndarray, matches_at: float
    ) -> tuple[FrontPoint, np.ndarray]:
        """The match of least change between the first pull that matches and the one before it."""
        best, low, high = (point, images), point.pull, point.pull / _FACTOR
        for _ in range(_NARROWINGS):
            middle = (low * high) ** 0.5
            point, images = at(middle, before)
            if point.feature_distance <= matches_at:
                low, best = middle, min(best, (point, images), key=lambda found: found[0].change)
            else:
                high, before = middle, images
        return best

    def _start(self, source: np.ndarray, noise: float, seed: int) -> np.ndarray:
        images = np.repeat(source[None], self._corners, axis=0).astype(np.float32)
        if self._corners > 1:
            images += noise * self._bounds.range * np.random.default_rng(seed).standard_normal(images.shape, np.float32)
        return np.clip(images, *self._bounds)

    def _descend(self, images: np.ndarray, goal: terms.Goal, pull: float, iterations: int) -> tuple[FrontPoint, np.ndarray]:
        shape, weight, scale = images.shape, tf.constant(pull, tf.float32), self._bounds.range
        # TensorFlow takes longer to find the function for its arguments than a small network takes.
        evaluate = self._evaluate.get_concrete_function(tf.constant(images), goal, weight)

        def value(x: np.ndarray) -> tuple[float, np.ndarray]:
            moved = (x.reshape(shape) * scale).astype(np.float32)
            loss, gradient, _, _ = evaluate(tf.constant(moved), goal, weight)
            return float(loss), gradient.numpy().astype(np.float64).ravel() * scale

        found = minimize(
            value,
            images.astype(np.float64).ravel() / scale,
            jac=True,
            method="L-BFGS-B",
            bounds=[tuple(bound / scale for bound in self._bounds)] * images.size,
            options={"maxiter": iterations, "maxfun": 2 * iterations, "maxcor": 20, "ftol": 1e-9, "gtol": 1e-9},
        )
        images = np.clip(found.x.reshape(shape) * scale, *self._bounds).astype(np.float32)
        _, _, change, distance = evaluate(tf.constant(images), goal, weight)
        return FrontPoint(pull, float(change), float(distance)), images

    def _loss(self, images: tf.Tensor, goal: terms.Goal, pull: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """The loss, its gradient, the change and the largest feature distance."""
        with tf.GradientTape() as tape:
            tape.watch(images)
            flat = tf.reshape(images, [self._corners, -1])
            mixtures = tf.reshape(self._weights @ flat, [-1, *images.shape[1:]])
            features = self._look(tf.concat([images, mixtures], 0))
            active = terms.active_match(features, goal.post_activation, goal.active, goal.ceiling)
            over = tf.reduce_sum((1.0 - goal.active) * tf.square(tf.nn.relu(features)), axis=-1)
            energy = tf.reduce_sum(goal.active * tf.square(goal.post_activation)) + np.float32(np.finfo(np.float32).tiny)
            change = terms.source_pull(images, goal.source) / goal.span
            loss = tf.reduce_sum(active + over) / energy + pull * tf.reduce_sum(change)
            if self._corners > 1:
                loss += _APART * self._corners * tf.nn.relu(crowding(flat, self._spread) - _CROWDED)
        distance = terms.feature_distance(features, goal.post_activation, goal.ceiling)
        return loss, tape.gradient(loss, images), tf.reduce_mean(tf.sqrt(change)), tf.reduce_max(distance)


def _fixed_mixtures(corners: int) -> np.ndarray:
    """`[S, N]` float32: the middles of edges and the centroid; none of one corner."""
    if corners == 1:
        return np.zeros([0, 1], np.float32)
    vertices = np.eye(corners, dtype=np.float32)
    middles = [vertices[list(pair)].mean(axis=0) for pair in itertools.combinations(range(corners), 2)]
    return np.stack([*middles, vertices.mean(axis=0)])
