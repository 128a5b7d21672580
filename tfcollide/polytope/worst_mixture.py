"""The mixture with the smallest margin that a gradient can find, and what samples alone allow to be said.

    minimise over w in the simplex   logit_target(sum_n w_n corner_n) - max_{c != target} logit_c(...)

by projected steps of falling length along the normalised gradient, from many
starts at once: vertices, midpoints of edges, the centroid, random mixtures, and the
lowest of those that were sampled. For any network; a proof is `certificate`'s.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf
from scipy.special import betaincinv

from tfcollide.polytope.hull import mix
from tfcollide.polytope.simplex import starts
from tfcollide.records import FailureBound, WorstMixture

__all__ = ["clopper_pearson", "worst_mixture"]

_FIRST_STEP, _LAST_STEP = 0.5, 1e-4


def worst_mixture(
    logits: Callable[[tf.Tensor], tf.Tensor],
    corners: np.ndarray,
    target: int,
    *,
    class_names: tuple[str, ...],
    sampled: np.ndarray | None = None,
    random_starts: int = 64,
    steps: int = 60,
    batch_size: int = 50,
    seed: int = 0,
) -> WorstMixture:
    """Searches the hull of `corners` for the mixture with the smallest margin.

    Args:
        logits: differentiable, images `[n, H, W, C]` -> `[n, L]`.
        corners: `[N, H, W, C]` float32, as saved.
        target: index of the class whose margin counts.
        class_names: one a logit.
        sampled: `[S, N]` mixtures to judge too: the answer is no better than any of them.
        random_starts: beside the fixed ones; so many of the lowest sampled mixtures start as well.
        steps: of each start.
        batch_size: mixtures at once. The work is S + starts * steps * 3 passes, roughly.
        seed: of the random starts.
    """
    judge = _Judge(logits, corners, target, batch_size)
    points = starts(np.random.default_rng(seed), len(corners), random_starts).astype(np.float32)
    if sampled is not None:
        sampled = sampled.astype(np.float32)
        lowest = np.argsort(judge.margins(sampled), kind="stable")[:random_starts]
        points = np.concatenate([points, sampled[lowest]])
    descend = _compile_descent(logits, corners, target, steps)
    ends = np.concatenate([descend(tf.constant(batch)).numpy() for batch in _batches(points, batch_size)]).astype(np.float64)
    tried = np.concatenate([points, (ends / ends.sum(axis=1, keepdims=True)).astype(np.float32)])
    return judge.alone(tried[judge.margins(tried).argmin()], class_names)


def clopper_pearson(failures: int, samples: int, confidence: float = 0.95) -> FailureBound:
    """The exact one-sided upper bound on the share of failures (Clopper and Pearson 1934).

    The largest p for which `failures` or fewer in `samples` independent draws have
    a probability of at least 1 - confidence. With no failure it is
    1 - (1 - confidence)^(1 / samples). Samples must be drawn from the distribution
    that the share is meant of: uniform ones for a share of the volume.

    Args:
        failures: at most `samples`.
        samples: S, at least one for a bound below one.
        confidence: in (0, 1).
    """
    share = 1.0 if failures >= samples else float(betaincinv(failures + 1, samples - failures, confidence))
    return FailureBound(confidence, share)


class _Judge:
    """The network on mixtures as saved: `hull.mix` of float32 weights."""

    def __init__(self, logits: Callable[[tf.Tensor], tf.Tensor], corners: np.ndarray, target: int, batch_size: int):
        self._corners, self._target, self._batch_size = corners, target, batch_size
        self._logits = tf.function(logits, input_signature=[tf.TensorSpec([None, *corners.shape[1:]], tf.float32)])

    def margins(self, weights: np.ndarray) -> np.ndarray:
        """`[S]` for float32 `weights` `[S, N]`."""
        batches = _batches(weights, self._batch_size)
        values = np.concatenate([self._logits(tf.constant(mix(batch, self._corners))).numpy() for batch in batches])
        return _margins(values.astype(np.float64), self._target)

    def alone(self, weights: np.ndarray, class_names: tuple[str, ...]) -> WorstMixture:
        """One mixture by itself, as anyone who checks it would: a batch may sum in another order."""
        values = self._logits(tf.constant(mix(weights[None], self._corners))).numpy().astype(np.float64)
        predicted = class_names[int(values[0].argmax())]
        return WorstMixture(float(_margins(values, self._target)[0]), predicted, tuple(weights.tolist()))


def _margins(logits: np.ndarray, target: int) -> np.ndarray:
    return logits[:, target] - np.delete(logits, target, axis=1).max(axis=1)


def _batches(values: np.ndarray, size: int) -> list[np.ndarray]:
    return [values[i : i + size] for i in range(0, len(values), size)]


def _compile_descent(
    logits: Callable[[tf.Tensor], tf.Tensor], corners: np.ndarray, target: int, steps: int
) -> Callable[[tf.Tensor], tf.Tensor]:
    """Mixtures `[P, N]` -> the lowest that each meets on its way down, `[P, N]`."""
    count, shape = len(corners), corners.shape[1:]
    flat = tf.constant(corners.reshape(count, -1), tf.float32)
    rate = (_LAST_STEP / _FIRST_STEP) ** (1.0 / max(steps - 1, 1))

    def margins(weights: tf.Tensor) -> tf.Tensor:
        values = logits(tf.reshape(weights @ flat, [-1, *shape]))
        others = tf.concat([values[:, :target], values[:, target + 1 :]], axis=1)
        return values[:, target] - tf.reduce_max(others, axis=1)

    def step(k: tf.Tensor, points: tf.Tensor, best: tf.Tensor, lowest: tf.Tensor) -> tuple[tf.Tensor, ...]:
        with tf.GradientTape() as tape:
            tape.watch(points)
            found = margins(points)
        slope = tape.gradient(found, points, unconnected_gradients="zero")
        slope -= tf.reduce_mean(slope, axis=1, keepdims=True)
        length = _FIRST_STEP * rate ** tf.cast(k, tf.float32)
        ahead = _project(points - length * tf.math.divide_no_nan(slope, tf.norm(slope, axis=1, keepdims=True)))
        better = found < lowest
        return k + 1, ahead, tf.where(better[:, None], points, best), tf.where(better, found, lowest)

    def descend(points: tf.Tensor) -> tf.Tensor:
        start = (tf.constant(0), points, points, tf.fill(tf.shape(points)[:1], np.float32(np.inf)))
        return tf.while_loop(lambda k, *_: k < steps, step, start)[2]

    return tf.function(descend, input_signature=[tf.TensorSpec([None, count], tf.float32)])


def _project(points: tf.Tensor) -> tf.Tensor:
    """The nearest points of the simplex, as `simplex.project`."""
    falling = tf.sort(points, axis=1, direction="DESCENDING")
    excess = (tf.cumsum(falling, axis=1) - 1.0) / tf.range(1, tf.shape(points)[1] + 1, dtype=points.dtype)
    kept = tf.reduce_sum(tf.cast(falling > excess, tf.int32), axis=1)
    return tf.maximum(points - tf.gather(excess, kept - 1, axis=1, batch_dims=1)[:, None], 0.0)
