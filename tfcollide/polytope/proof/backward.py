"""From the logits back to the image: what a combination of units is at least, over sub-simplices.

A row of coefficients goes back through the steps by their vector-Jacobian products,
which TensorFlow has: the transposed convolution of a convolution, say. A ReLU takes
its lower line where the coefficient is positive and its upper one where it is negative
(CROWN); what errors cost is |coefficient| error, once cancellation among the paths
through the network has happened. What is left is a linear function of the convex
weights, whose minimum lies at a vertex.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfcollide.polytope.proof.spread import Arithmetic, Held, HeldHinge, HeldPool, Relaxation, Spread
from tfcollide.polytope.proof.steps import Linear, MaxPool, Node, windows

__all__ = ["WayBack", "back"]

_FLUSHED = 2.0**-100  # more than flushing to zero may change a coefficient by


class WayBack(NamedTuple):
    """What came of going back with R rows.

    Attributes:
        image: `[B, R, D]` float64, coefficients of the image.
        constant: `[B, R]` float64.
        loss: `[B, R]` float64, what errors may take, not yet taken off.
        price: `[B, R]` float64, the part of it that is the network's rounding.
        scores: `[B, N, N]` float64, how much of the looseness of row 0 lies along each edge.
    """

    image: tf.Tensor
    constant: tf.Tensor
    loss: tf.Tensor
    price: tf.Tensor
    scores: tf.Tensor


def back(
    nodes: Sequence[Node],
    held: Mapping[int, Relaxation],
    start: int,
    coefficients: tf.Tensor,
    source: int,
    image: Held,
    arithmetic: Arithmetic,
) -> WayBack:
    """Goes back from value `start` with `coefficients` `[B, R, *shape]`.

    Args:
        nodes: of the network.
        held: how each was held, by the number of the value that it gives.
        start: the number of a value.
        coefficients: of its units.
        source: the number of the images.
        image: how those were held.
        arithmetic: as in `spread`.
    """
    walk = _Walk(held, arithmetic, tf.shape(coefficients)[1])
    walk.waiting[start] = coefficients
    for node in reversed(nodes):
        if node.writes in walk.waiting:
            walk.through(node)
    return walk.end(source, image)


class _Walk:
    """One way back."""

    def __init__(self, held: Mapping[int, Relaxation], arithmetic: Arithmetic, rows: tf.Tensor):
        self._held, self._arithmetic, self._rows = held, arithmetic, rows
        self.waiting: dict[int, tf.Tensor] = {}
        self._constant = self._loss = self._price = tf.constant(0.0, tf.float64)
        self._scores = tf.constant(0.0, tf.float64)

    def gather(self, number: int, coefficients: tf.Tensor, value: Spread) -> None:
        """Adds to the coefficients of a value; where several steps read it, the sum is rounded."""
        if number in self.waiting:
            both = tf.abs(self.waiting[number]) + tf.abs(coefficients)
            self._loss += self._arithmetic.own(4) * _dot(both, value.size)
            coefficients = self.waiting[number] + coefficients
        self.waiting[number] = coefficients

    def through(self, node: Node) -> None:
        """Takes the coefficients of what a step gives to what it reads."""
        coefficients, held = self.waiting.pop(node.writes), self._held[node.writes]
        if held.error is not None:
            self._loss += _dot(tf.abs(coefficients), held.error)
        if held.price is not None:
            self._price += _dot(tf.abs(coefficients), held.price)
        if not self._arithmetic.double:
            for read in held.reads:
                axes = list(range(1, len(read.radius.shape)))
                self._loss += _FLUSHED * tf.reduce_sum(tf.cast(read.size, tf.float64), axis=axes)[:, None]
        if isinstance(held, HeldHinge):
            parts = [self._hinge(coefficients, held)]
        elif isinstance(held, HeldPool):
            parts = [self._max_pool(node.step, coefficients, held)]
        else:
            parts = self._linear(node.step, coefficients, held)
        for number, part, read in zip(node.reads, parts, held.reads, strict=True):
            self.gather(number, part, read)

    def end(self, source: int, image: Held) -> WayBack:
        """What is left at the images."""
        coefficients = self.waiting.pop(source)
        size = int(np.prod(coefficients.shape[2:]))
        self._loss += _dot(tf.abs(coefficients), image.error)
        if image.price is not None:
            self._price += _dot(tf.abs(coefficients), image.price)
        flat = tf.cast(tf.reshape(coefficients, [tf.shape(coefficients)[0], self._rows, size]), tf.float64)
        zeros = tf.zeros(tf.shape(flat)[:2], tf.float64)
        # All sums are in float64; 2^-20 leaves room for as many terms as there can be.
        loss = (zeros + self._loss) * (1.0 + 2.0**-20)
        return WayBack(flat, zeros + self._constant, loss, zeros + self._price, self._scores)

    def _linear(self, step: Any, coefficients: tf.Tensor, held: Held) -> list[tf.Tensor]:
        if step.bias is not None:
            bias = tf.broadcast_to(tf.constant(step.bias, tf.float64), coefficients.shape[2:])
            self._constant += _dot(coefficients, bias[None])
        return _transposed(step, coefficients, held.reads)

    def _hinge(self, coefficients: tf.Tensor, held: HeldHinge) -> tf.Tensor:
        self._scores += _scores(tf.abs(coefficients[:, 0]) * (held.high - held.low), held)
        up, down = tf.nn.relu(coefficients), -tf.nn.relu(-coefficients)
        offset = tf.where(held.lower_slope == held.slope, held.low, tf.zeros_like(held.low))
        self._constant += _dot(down, held.high) + _dot(up, offset)
        return up * held.lower_slope[:, None] + down * held.slope[:, None]

    def _max_pool(self, step: Any, coefficients: tf.Tensor, held: HeldPool) -> tf.Tensor:
        self._scores += _scores(tf.abs(coefficients[:, 0]) * held.high, held)
        self._constant += _dot(-tf.nn.relu(-coefficients), held.high)
        return _scattered(step, coefficients, held)


def _dot(coefficients: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """`[B, R]` float64: `[B, R, *shape]` times `[B or 1, *shape]`."""
    rank = len(coefficients.shape)
    product = tf.cast(coefficients, tf.float64) * tf.cast(values, tf.float64)[:, None]
    return tf.reduce_sum(product, axis=list(range(2, rank)))


def _scores(weights: tf.Tensor, held: HeldHinge | HeldPool) -> tf.Tensor:
    """`[B, N, N]`: `weights` `[B, *shape]` times the squared share of the width that lies along each edge."""
    shares = held.decides / held.width[:, None]
    count = shares.shape[1]
    flat = tf.reshape(shares, [-1, count, int(np.prod(shares.shape[2:]))])
    flat -= tf.reduce_mean(flat, axis=1, keepdims=True)
    gram = tf.matmul(flat * tf.reshape(weights, [-1, 1, flat.shape[2]]), flat, transpose_b=True)
    squares = tf.linalg.diag_part(gram)
    return tf.cast(squares[:, :, None] + squares[:, None] - 2.0 * gram, tf.float64)


def _transposed(step: Linear, coefficients: tf.Tensor, reads: Sequence[Spread]) -> list[tf.Tensor]:
    """The transpose of a linear step, applied to `[B, R, *shape]`."""
    rows = tf.shape(coefficients)[1]
    folded = tf.reshape(coefficients, [-1, *coefficients.shape[2:]])
    given = [tf.zeros([tf.shape(folded)[0], *read.radius.shape[1:]], folded.dtype) for read in reads]
    with tf.GradientTape() as tape:
        tape.watch(given)
        out = step.apply(given, False)
    found = tape.gradient(out, given, output_gradients=folded, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return [tf.reshape(part, [-1, rows, *part.shape[1:]]) for part in found]


def _scattered(step: MaxPool, coefficients: tf.Tensor, held: HeldPool) -> tf.Tensor:
    """Each coefficient at its window's leading unit."""
    rows, lead, none = tf.shape(coefficients)[1], held.lead[:, None], tf.zeros_like(coefficients)
    placed = [tf.where(lead == place, coefficients, none) for place in range(step.size[0] * step.size[1])]
    folded = [tf.reshape(part, [-1, *part.shape[2:]]) for part in placed]
    given = tf.zeros([tf.shape(folded[0])[0], *held.reads[0].radius.shape[1:]], coefficients.dtype)
    with tf.GradientTape() as tape:
        tape.watch(given)
        parts = windows(step, given)
    found = tape.gradient(parts, given, output_gradients=folded)
    return tf.reshape(found, [-1, rows, *found.shape[1:]])
