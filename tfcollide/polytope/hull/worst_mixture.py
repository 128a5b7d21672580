"""The mixture with the smallest margin that a gradient can find, and what samples alone allow to be said.

    minimize over w in the simplex   margin(logits(sum_n w_n corner_n))        as of `models.reading`

by projected steps of falling length along the normalized gradient, from many
starts at once: vertices, midpoints of edges, the centroid, random mixtures, and those
that are known to be low. For any network; a proof is `certificate`'s.
"""

import functools
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
from scipy.special import betaincinv

from tfcollide.files.checkpoint import Ledger
from tfcollide.models.reading import Reading
from tfcollide.polytope.hull.mixing import mix
from tfcollide.polytope.hull.simplex import project, starts
from tfcollide.records import FailureBound, WorstMixture
from tfcollide.runtime.progress import progress

__all__ = ["MixtureSearch", "clopper_pearson"]

_FIRST_STEP, _LAST_STEP = 0.5, 1e-4


class MixtureSearch:
    """The search over hulls of one network; compiled once, for any number of corners and any target.

    Args:
        logits: differentiable, images `[n, H, W, C]` -> `[n, L]`.
        shape: (H, W, C).
        class_names: one a logit.
        reading: how logits are read; None: as one class of several.
        steps: of each start.
    """

    def __init__(
        self,
        logits: Callable[[tf.Tensor], tf.Tensor],
        shape: Sequence[int],
        class_names: tuple[str, ...],
        *,
        reading: Reading | None = None,
        steps: int = 60,
    ):
        self._class_names = class_names
        self._reading = reading or Reading(len(class_names))
        images = tf.TensorSpec([None, *shape], tf.float32)
        points, signs = tf.TensorSpec([None, None], tf.float32), tf.TensorSpec([None], tf.float32)
        self._logits = tf.function(logits, input_signature=[images])
        self._descend = tf.function(_descent(logits, self._reading, steps), input_signature=[points, images, signs])

    def __call__(
        self,
        corners: np.ndarray,
        target: int,
        *,
        known: np.ndarray | None = None,
        random_starts: int = 64,
        batch_size: int = 500,
        seed: int = 0,
        ledger: Ledger | None = None,
    ) -> WorstMixture:
        """Searches the hull of `corners` for the mixture with the smallest margin.

        Args:
            corners: `[N, H, W, C]` float32, as saved.
            target: the code of the class or labels whose margin counts.
            known: `[K, N]` mixtures to start from too: the answer is no better than any of them.
            random_starts: beside the fixed ones.
            batch_size: mixtures at once. The work is starts * steps * 3 passes, roughly.
            seed: of the random starts.
            ledger: keeps what is finished.
        """
        ledger = ledger or Ledger()
        if len(corners) == 1:
            return self._found_at(np.ones(1, np.float32), corners, target)
        points = starts(np.random.default_rng(seed), len(corners), random_starts).astype(np.float32)
        if known is not None:
            points = np.concatenate([points, known.astype(np.float32)])
        hull, goal, ends = tf.constant(corners, tf.float32), tf.constant(self._reading.signs(target)), []
        with progress(total=len(points), desc="worst mixture", unit=" starts", leave=False) as bar:
            for i, batch in enumerate(_batches(points, batch_size)):
                ends.append(ledger.do(f"worst mixture/{i}", functools.partial(self._down, batch, hull, goal)))
                bar.update(len(batch))
        lowest = np.concatenate([part["end"] for part in ends]).astype(np.float64)
        tried = np.concatenate([points, (lowest / lowest.sum(axis=1, keepdims=True)).astype(np.float32)])
        logits = [self._logits(tf.constant(mix(batch, corners))).numpy() for batch in _batches(tried, batch_size)]
        lowest_of_all = self._reading.margins(np.concatenate(logits), target).argmin()
        return self._found_at(tried[lowest_of_all], corners, target)

    def _down(self, points: np.ndarray, corners: tf.Tensor, signs: tf.Tensor) -> dict[str, np.ndarray]:
        return {"end": self._descend(tf.constant(points), corners, signs).numpy()}

    def _found_at(self, weights: np.ndarray, corners: np.ndarray, target: int) -> WorstMixture:
        """One mixture by itself, as anyone who checks it would: a batch may sum in another order."""
        values = self._logits(tf.constant(mix(weights[None], corners))).numpy()
        predicted = self._reading.name(int(self._reading.predicted(values)[0]), self._class_names)
        return WorstMixture(float(self._reading.margins(values, target)[0]), predicted, tuple(weights.tolist()))


def clopper_pearson(failures: int, samples: int, confidence: float = 0.95, *, sampling: str = "uniform") -> FailureBound:
    """The exact one-sided upper bound on the share of failures (Clopper and Pearson 1934).

    The largest p for which `failures` or fewer in `samples` independent draws have
    a probability of at least 1 - confidence. With no failure it is
    1 - (1 - confidence)^(1 / samples). The share is one of the distribution that the
    samples come from: of the hull's volume for uniform ones.

    Args:
        failures: at most `samples`.
        samples: S, at least one for a bound below one.
        confidence: in (0, 1).
        sampling: the name of that distribution.
    """
    share = 1.0 if failures >= samples else float(betaincinv(failures + 1, samples - failures, confidence))
    return FailureBound(confidence, share, sampling)


def _batches(values: np.ndarray, size: int) -> list[np.ndarray]:
    return [values[i : i + size] for i in range(0, len(values), size)]


def _descent(logits: Callable[[tf.Tensor], tf.Tensor], reading: Reading, steps: int) -> Callable[..., tf.Tensor]:
    """Mixtures `[P, N]` of corners `[N, H, W, C]` -> the lowest that each meets on its way down, `[P, N]`."""
    rate = (_LAST_STEP / _FIRST_STEP) ** (1.0 / max(steps - 1, 1))

    def descend(points: tf.Tensor, corners: tf.Tensor, signs: tf.Tensor) -> tf.Tensor:
        flat = tf.reshape(corners, [-1, np.prod(corners.shape[1:])])

        def margin(weights: tf.Tensor) -> tf.Tensor:
            return reading.margin(logits(tf.reshape(weights @ flat, [-1, *corners.shape[1:]])), signs)

        def step(k: tf.Tensor, points: tf.Tensor, best: tf.Tensor, lowest: tf.Tensor) -> tuple[tf.Tensor, ...]:
            with tf.GradientTape() as tape:
                tape.watch(points)
                found = margin(points)
            slope = tape.gradient(found, points, unconnected_gradients="zero")
            slope -= tf.reduce_mean(slope, axis=1, keepdims=True)
            length = _FIRST_STEP * rate ** tf.cast(k, tf.float32)
            ahead = project(points - length * tf.math.divide_no_nan(slope, tf.norm(slope, axis=1, keepdims=True)))
            better = found < lowest
            return k + 1, ahead, tf.where(better[:, None], points, best), tf.where(better, found, lowest)

        start = (tf.constant(0), points, points, tf.fill(tf.shape(points)[:1], np.float32(np.inf)))
        return tf.while_loop(lambda k, *_: k < steps, step, start)[2]

    return descend
