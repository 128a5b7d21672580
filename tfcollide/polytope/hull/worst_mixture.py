"""The mixture with the smallest margin that a gradient can find, and what samples alone allow to be said.

    minimize over w in the simplex   margin(logits(sum_n w_n corner_n))        as of `models.reading`

The simplex is small, so much of it can be looked at by forward passes: vertices, points of edges, middles of triangles,
random mixtures, and those that are known to be low. The lowest that lie apart are descended a little, by projected steps
along the normalized gradient; the lower half of these with shorter steps; and the lowest of those to the end. For any
network; a proof is `certificate`'s.
"""

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from scipy.special import betaincinv

from tfcollide.files.checkpoint import Ledger
from tfcollide.models.reading import Reading
from tfcollide.polytope.hull.mixing import mix, mixed
from tfcollide.polytope.hull.simplex import apart, coarse, project_compiled
from tfcollide.records import FailureBound, WorstMixture
from tfcollide.runtime.compiled import compiled
from tfcollide.runtime.progress import progress

__all__ = ["MixtureSearch", "clopper_pearson"]

_Hull = tuple[tf.Tensor, tf.Tensor]  # corners, and the signs of the target
_APART = 0.3  # L1 distance of points that are descended


class _Round(NamedTuple):
    """A part of the descent: so many steps, their lengths falling evenly on a log scale.

    Attributes:
        share: how many points are descended, as a share of vertices, edges, and twice the random mixtures.
        first: length of the first step.
        last: length of the last step.
        steps: of each point.
    """

    share: float
    first: float
    last: float
    steps: int


_ROUNDS = (_Round(5 / 16, 0.25, 0.05, 7), _Round(1 / 6, 0.1, 0.01, 10), _Round(1 / 10, 0.03, 3e-4, 26))


class MixtureSearch:
    """The search over hulls of one network; compiled once, for any number of corners and any target.

    Args:
        logits: differentiable, images `[n, H, W, C]` -> `[n, L]`.
        shape: (H, W, C).
        class_names: one a logit.
        reading: how logits are read; None: as one class of several.

    Attributes:
        passes: of single images through the network so far; a gradient counts as three.
    """

    def __init__(
        self,
        logits: Callable[[tf.Tensor], tf.Tensor],
        shape: Sequence[int],
        class_names: tuple[str, ...],
        *,
        reading: Reading | None = None,
    ):
        self._class_names, self.passes = class_names, 0
        self._reading = reading or Reading(len(class_names))
        images = tf.TensorSpec([None, *shape], tf.float32)
        points, signs, number = tf.TensorSpec([None, None]), tf.TensorSpec([None]), tf.TensorSpec([])
        margin = _margin_of(logits, self._reading)
        self._logits = compiled(logits, input_signature=[images])
        self._margins = compiled(margin, input_signature=[points, images, signs])
        lengths = [number, number, tf.TensorSpec([], tf.int32)]
        self._descend = compiled(_descent(margin), input_signature=[points, images, signs, *lengths])

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
            batch_size: mixtures at once.
            seed: of the random starts.
            ledger: keeps what is finished.
        """
        ledger, count = ledger or Ledger(), len(corners)
        if count == 1:
            return self._found_at(np.ones(1, np.float32), corners, target)
        points = coarse(np.random.default_rng(seed), count, random_starts).astype(np.float32)
        if known is not None:
            points = np.concatenate([points, known.astype(np.float32)])
        hull = tf.constant(corners, tf.float32), tf.constant(self._reading.signs(target))
        size = count + count * (count - 1) // 2 + 1 + 2 * random_starts
        wanted = [min(len(points), max(3, int(size * one.share))) for one in _ROUNDS]
        with progress(total=len(points) + sum(wanted), desc="worst mixture", unit=" starts", leave=False) as bar:
            low = self._look(points, hull, batch_size, ledger, bar.update)
            tried, found = [points], [low]
            for number, (one, few) in enumerate(zip(_ROUNDS, wanted, strict=True)):
                points = points[apart(points, low, few, _APART)]
                points, low = self._round(points, hull, one, batch_size, ledger, f"worst mixture/{number}", bar.update)
                tried, found = [*tried, points], [*found, low]
        return self._found_at(np.concatenate(tried)[np.concatenate(found).argmin()], corners, target)

    def _look(self, points: np.ndarray, hull: _Hull, size: int, ledger: Ledger, done: Callable[[int], object]) -> np.ndarray:
        """`[P]`, margins, by forward passes."""
        found = []
        for start, batch in _batches(points, size):
            look = lambda batch=batch: {"margin": self._margins(tf.constant(batch), *hull).numpy()}  # noqa: E731
            found.append(ledger.do(f"worst mixture/look {start}", look)["margin"])
            self.passes += len(batch)
            done(len(batch))
        return np.concatenate(found)

    def _round(
        self,
        points: np.ndarray,
        hull: _Hull,
        one: _Round,
        size: int,
        ledger: Ledger,
        name: str,
        done: Callable[[int], object],
    ) -> tuple[np.ndarray, np.ndarray]:
        """The lowest points `[P, N]` that each meets on its way down, and their margins `[P]`."""
        ends, lengths = [], (tf.constant(one.first), tf.constant(one.last), tf.constant(one.steps))
        for start, batch in _batches(points, size):
            ends.append(ledger.do(f"{name} {start}", functools.partial(self._down, batch, hull, lengths)))
            self.passes += 3 * one.steps * len(batch)
            done(len(batch))
        lowest, found = (np.concatenate([part[key] for part in ends]) for key in ("end", "margin"))
        return lowest, found

    def _down(self, points: np.ndarray, hull: _Hull, lengths: tuple[tf.Tensor, ...]) -> dict[str, np.ndarray]:
        end, margin = (part.numpy() for part in self._descend(tf.constant(points), *hull, *lengths))
        end = end.astype(np.float64)
        return {"end": (end / end.sum(axis=1, keepdims=True)).astype(np.float32), "margin": margin}

    def _found_at(self, weights: np.ndarray, corners: np.ndarray, target: int) -> WorstMixture:
        """One mixture by itself, as anyone who checks it would: a batch may sum in another order."""
        values = self._logits(tf.constant(mix(weights[None], corners))).numpy()
        self.passes += 1
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


def _batches(values: np.ndarray, size: int) -> list[tuple[int, np.ndarray]]:
    return [(i, values[i : i + size]) for i in range(0, len(values), size)]


def _margin_of(logits: Callable[[tf.Tensor], tf.Tensor], reading: Reading) -> Callable[..., tf.Tensor]:
    """Weights `[P, N]`, corners, signs -> margins `[P]`."""
    return lambda weights, corners, signs: reading.margin(logits(mixed(weights, corners)), signs)


def _descent(margin: Callable[..., tf.Tensor]) -> Callable[..., tuple[tf.Tensor, tf.Tensor]]:
    """Mixtures `[P, N]` of corners `[N, H, W, C]` -> the lowest that each meets on its way down, `[P, N]`, and margins."""

    def descend(
        points: tf.Tensor, corners: tf.Tensor, signs: tf.Tensor, first: tf.Tensor, last: tf.Tensor, steps: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        rate = (last / first) ** (1.0 / tf.cast(steps - 1, tf.float32))

        def step(k: tf.Tensor, points: tf.Tensor, best: tf.Tensor, lowest: tf.Tensor) -> tuple[tf.Tensor, ...]:
            with tf.GradientTape() as tape:
                tape.watch(points)
                found = margin(points, corners, signs)
            slope = tape.gradient(found, points, unconnected_gradients="zero")
            slope -= tf.reduce_mean(slope, axis=1, keepdims=True)
            length = first * rate ** tf.cast(k, tf.float32)
            ahead = project_compiled(points - length * tf.math.divide_no_nan(slope, tf.norm(slope, axis=1, keepdims=True)))
            better = found < lowest
            return k + 1, ahead, tf.where(better[:, None], points, best), tf.where(better, found, lowest)

        start = (tf.constant(0), points, points, tf.fill(tf.shape(points)[:1], np.float32(np.inf)))
        return tf.while_loop(lambda k, *_: k < steps, step, start)[2:]

    return descend
