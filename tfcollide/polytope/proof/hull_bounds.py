"""Margins proven over sub-simplices of a hull, by a way forward through the network and one back."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfcollide.polytope.proof.backward import back
from tfcollide.polytope.proof.float_error import mixture_error
from tfcollide.polytope.proof.reading_network import Network
from tfcollide.polytope.proof.spread import Arithmetic, Held, Relaxation, Spread, through
from tfcollide.runtime.compiled import compiled

__all__ = ["HullBounds", "Itself", "ProvenMargins"]

_ENTRIES = 2**24  # of an array of coefficients
_EAGER = 16  # looks after which compiling pays: it takes as long as seven hulls without it


class ProvenMargins(NamedTuple):
    """What is proven over B sub-simplices, of R margin rows.

    Attributes:
        margins: `[B, R]` float64; -inf where nothing is.
        real: `[B, R]` float64, the same for a network that computes in real numbers.
        scores: `[B, N, N]` float64, how much of the looseness of the first picked row lies along each edge.
    """

    margins: np.ndarray
    real: np.ndarray
    scores: np.ndarray


class HullBounds:
    """A network over the hull of some corners.

    Args:
        network: the steps.
        corners: `[N, H, W, C]` float32, finite.
        rows: `[R, L]`, the margin is the smallest of these combinations of logits.
        arithmetic: whose rounding counts.
    """

    def __init__(self, network: Network, corners: np.ndarray, rows: np.ndarray, arithmetic: Arithmetic):
        self._way = _way(Itself(network), arithmetic, len(corners))
        self._largest = max(int(np.prod(shape)) for shape in (network.shape, *(node.shape for node in network.nodes)))
        self._corners = tf.constant(corners.reshape(len(corners), -1), tf.float64)
        self._rows = tf.constant(network.rows(rows), tf.float64)

    def __call__(self, vertices: np.ndarray, picked: np.ndarray) -> ProvenMargins:
        """Bounds over sub-simplices.

        Args:
            vertices: `[B, N, N]` convex weights.
            picked: `[B, K]`, the rows that are bounded from behind as well; others are by the way forward alone.
        """
        return self._with(self._way.compiled, vertices, picked)

    def once(self, vertices: np.ndarray, picked: np.ndarray) -> ProvenMargins:
        """The same of one call: where nothing is compiled yet, that would take longer, unless it is asked again."""
        return self._with(self._way.once(), vertices, picked)

    def _with(self, bound: Callable[..., tuple[tf.Tensor, ...]], vertices: np.ndarray, picked: np.ndarray) -> ProvenMargins:
        """As many rows at a time as there is room for."""
        step = max(1, _ENTRIES // (len(vertices) * self._largest))
        chunks = [picked[:, k : k + step] for k in range(0, picked.shape[1], step)]
        own = self._corners, self._rows, tf.constant(vertices)
        parts = [self._read(some, bound(*own, tf.constant(some, tf.int32))) for some in chunks]
        margins, real = (functools.reduce(np.maximum, (part[k] for part in parts)) for k in (0, 1))
        return ProvenMargins(margins, real, parts[0].scores)

    def _read(self, picked: np.ndarray, parts: tuple[tf.Tensor, ...]) -> ProvenMargins:
        forward, found, price, scores, finite = (part.numpy() for part in parts)
        margins, real = forward.copy(), forward
        here = np.arange(len(picked))[:, None]
        margins[here, picked] = np.fmax(margins[here, picked], found)
        real = margins.copy()
        real[here, picked] = np.fmax(real[here, picked], found + price * (1.0 - 2.0**-20))
        for part in (margins, real):
            part[~finite] = -np.inf
            part[~np.isfinite(part)] = -np.inf
        return ProvenMargins(margins, real, scores)


class Itself:
    """Something as a key of a cache: equal to itself alone.

    Args:
        value: kept as long as the key is.
    """

    def __init__(self, value: Any):
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Itself) and other.value is self.value


@functools.lru_cache(maxsize=16)
def _way(network: Itself, arithmetic: Arithmetic, count: int) -> "_Way":
    return _Way(network.value, arithmetic, count)


class _Way:
    """The way through a network and back, the same for all hulls of `count` corners, so that it is compiled once.

    Args:
        network: the steps.
        arithmetic: whose rounding counts.
        count: N.
    """

    def __init__(self, network: Network, arithmetic: Arithmetic, count: int):
        self._network, self._arithmetic, self._asked = network, arithmetic, 0
        size, logits = int(np.prod(network.shape)), network.rows(np.eye(network.logits + network.after_zero)).shape[1]
        fixed = [tf.TensorSpec([count, size], tf.float64), tf.TensorSpec([None, logits], tf.float64)]
        open_ones = [tf.TensorSpec([None, count, count], tf.float64), tf.TensorSpec([None, None], tf.int32)]
        self.compiled = compiled(self.bound, input_signature=fixed + open_ones)

    def once(self) -> Callable[..., tuple[tf.Tensor, ...]]:
        """`bound`, compiled where it is asked for again and again."""
        self._asked += 1
        return self.bound if self._asked <= _EAGER else self.compiled

    def _image(self, corners: tf.Tensor, vertices: tf.Tensor) -> Held:
        """The mixtures, as float32 computes them."""
        count, size = corners.shape
        shape = self._network.shape
        exact = vertices @ corners
        sizes = tf.reduce_max(vertices @ tf.abs(corners), axis=1)
        own = self._arithmetic.own(8) + self._arithmetic.sums(size + 4 * count)
        tiny = tf.cast(tf.reduce_any(corners != 0, axis=0), tf.float64) * 2.0**-120
        price = mixture_error(count) * sizes + tiny
        price = price if self._arithmetic.network else tf.zeros_like(sizes)
        parts = (own * sizes * 1.0001 + price, price)
        error, price = (tf.cast(tf.reshape(part * 1.0001, [-1, *shape]), self._arithmetic.dtype) for part in parts)
        values = tf.cast(tf.reshape(exact, [-1, count, *shape]), self._arithmetic.dtype)
        return Held((Spread(values, error),), error, price)

    def bound(self, corners: tf.Tensor, rows: tf.Tensor, vertices: tf.Tensor, picked: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """What `HullBounds` reads: corners `[N, D]` and rows `[R, L]` float64, vertices and rows picked as there."""
        network, arithmetic = self._network, self._arithmetic
        image = self._image(corners, vertices)
        values: dict[int, Spread] = {network.source: image.reads[0]}
        held: dict[int, Relaxation] = {}
        finite = tf.ones(tf.shape(vertices)[:1], tf.bool)
        for node in network.nodes:
            reads = tuple(values[number] for number in node.reads)
            values[node.writes], held[node.writes] = through(node.step, reads, arithmetic)
            axes = list(range(1, len(node.shape) + 1))
            finite &= tf.reduce_all(tf.math.is_finite(values[node.writes].radius), axis=axes)
        logits = values[network.result]
        rows = tf.cast(rows, arithmetic.dtype)
        forward = self._forward(logits, rows)
        start = tf.reshape(tf.gather(rows, picked), [-1, tf.shape(picked)[1], *logits.radius.shape[1:]])
        found = back(network.nodes, held, network.result, start, network.source, image, arithmetic)
        along = tf.matmul(tf.matmul(found.image, corners, transpose_b=True), vertices, transpose_b=True)
        margins = tf.reduce_min(along, axis=-1) + (found.constant - found.loss)
        return forward, margins, found.price, found.scores, finite

    def _forward(self, logits: Spread, rows: tf.Tensor) -> tf.Tensor:
        count, size = logits.vertices.shape[1], rows.shape[1]
        flat = Spread(tf.reshape(logits.vertices, [-1, count, size]), tf.reshape(logits.radius, [-1, size]))
        radius = flat.radius * 1.0001 + self._arithmetic.own(size + 8) * flat.size * 1.0001
        low = tf.reduce_min(tf.matmul(flat.vertices, rows, transpose_b=True), axis=1)
        return tf.cast(low - tf.matmul(radius, tf.abs(rows), transpose_b=True), tf.float64)
