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

_FLUSHED = 2.0**-100  # more than flushing to zero may change a coefficient by, or a sum of products
_SPARE = 8


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
            (size,) = self._most(both, [value.size])
            self._loss += self._arithmetic.own(4) * size
            coefficients = self.waiting[number] + coefficients
        self.waiting[number] = coefficients

    def through(self, node: Node) -> None:
        """Takes the coefficients of what a step gives to what it reads."""
        coefficients, held = self.waiting.pop(node.writes), self._held[node.writes]
        if not self._arithmetic.double:
            for read in held.reads:
                axes = list(range(1, len(read.radius.shape)))
                self._loss += _FLUSHED * tf.reduce_sum(tf.cast(read.size, tf.float64), axis=axes)[:, None]
        if isinstance(held, Held):
            parts = self._linear(node.step, coefficients, held)
        else:
            self._scores += _scores(tf.abs(coefficients[:, 0]), held)
            up = tf.nn.relu(coefficients)
            down = up - coefficients
            if isinstance(held, HeldPool):
                parts = [self._max_pool(node.step, up, down, held)]
            else:
                parts = [self._hinge(node.step, up, down, held)]
        for number, part, read in zip(node.reads, parts, held.reads, strict=True):
            self.gather(number, part, read)

    def end(self, source: int, image: Held) -> WayBack:
        """What is left at the images."""
        coefficients = self.waiting.pop(source)
        size = int(np.prod(coefficients.shape[2:]))
        self._pay(tf.abs(coefficients), image, [])
        flat = tf.cast(tf.reshape(coefficients, [tf.shape(coefficients)[0], self._rows, size]), tf.float64)
        zeros = tf.zeros(tf.shape(flat)[:2], tf.float64)
        # Sums over steps are in float64; 2^-20 leaves room for as many as there can be.
        loss = (zeros + self._loss) * (1.0 + 2.0**-20)
        return WayBack(flat, zeros + self._constant, loss, zeros + self._price, self._scores)

    def _linear(self, step: Any, coefficients: tf.Tensor, held: Held) -> list[tf.Tensor]:
        sizes, others = tf.abs(coefficients), []
        if step.bias is not None:
            bias = tf.broadcast_to(tf.constant(step.bias, coefficients.dtype), coefficients.shape[2:])[None]
            self._constant += tf.cast(_times(coefficients, [bias]), tf.float64)[..., 0]
            others = [tf.abs(bias) + tf.zeros_like(held.error)]
        paid = self._pay(sizes, held, others)
        for part in paid:  # a sum of terms of both signs is off by no more than this share of that of their sizes
            self._loss += self._off(coefficients) * part
        return _transposed(step, coefficients, held.reads)

    def _hinge(self, step: Any, up: tf.Tensor, down: tf.Tensor, held: HeldHinge) -> tf.Tensor:
        # Of equal slopes the line through `low` holds, whether it was chosen or the two are equal by chance.
        low = tf.where(held.lower_slope == held.slope, held.low, tf.zeros_like(held.low))
        bent = np.isfinite(step.ceiling)  # without a ceiling lower lines go through zero
        above = self._pay(up, held, [tf.nn.relu(-low)] if bent else [])
        below = self._pay(down, held, [held.high])
        self._constant -= sum(above + below)
        if bent:
            self._constant += self._least(up, [tf.nn.relu(low)])[0]
        return up * held.lower_slope[:, None] - down * held.slope[:, None]

    def _max_pool(self, step: Any, up: tf.Tensor, down: tf.Tensor, held: HeldPool) -> tf.Tensor:
        self._pay(up, held, [])
        (below,) = self._pay(down, held, [held.high])
        self._constant -= below
        return _scattered(step, up - down, held)

    def _pay(self, sizes: tf.Tensor, held: Relaxation, others: list[tf.Tensor]) -> list[tf.Tensor]:
        """Takes note of what errors cost, for coefficients of these sizes; gives the sums with `others`, as `_most`."""
        columns = [part for part in (held.error, held.price) if part is not None]
        found = self._most(sizes, columns + others) if columns or others else []
        if held.error is not None:
            self._loss += found[0]
        if held.price is not None:
            self._price += tf.maximum(found[1] - 2.0 * _FLUSHED, 0.0) * (1.0 - 4.0 * self._off(sizes))
        return found[len(columns) :]

    def _off(self, coefficients: tf.Tensor) -> float:
        return self._arithmetic.own(int(np.prod(coefficients.shape[2:])) + _SPARE)

    def _most(self, sizes: tf.Tensor, columns: list[tf.Tensor]) -> list[tf.Tensor]:
        """Upper bounds of the sums of products with each column, all not negative: `[B, R]` float64 each."""
        found = tf.cast(_times(sizes, columns), tf.float64) * (1.0 + 2.0 * self._off(sizes)) + _FLUSHED
        return tf.unstack(found, num=len(columns), axis=-1)

    def _least(self, sizes: tf.Tensor, columns: list[tf.Tensor]) -> list[tf.Tensor]:
        """Lower bounds of such sums."""
        found = tf.cast(_times(sizes, columns), tf.float64) * (1.0 - 2.0 * self._off(sizes)) - _FLUSHED
        return tf.unstack(found, num=len(columns), axis=-1)


def _times(coefficients: tf.Tensor, columns: list[tf.Tensor]) -> tf.Tensor:
    """`[B, R, K]`: `[B, R, *shape]` times K columns `[B or 1, *shape]`."""
    size = int(np.prod(coefficients.shape[2:]))
    flat = tf.reshape(coefficients, [tf.shape(coefficients)[0], tf.shape(coefficients)[1], size])
    stacked = tf.stack([tf.reshape(column, [-1, size]) for column in columns], axis=1)
    return tf.matmul(flat, stacked, transpose_b=True)


def _scores(sizes: tf.Tensor, held: HeldHinge | HeldPool) -> tf.Tensor:
    """`[B, N, N]`: the looseness, of coefficients of `sizes`, times the squared share of the width along each edge."""
    loose = held.high - held.low if isinstance(held, HeldHinge) else held.high
    count, size = held.decides.shape[1], int(np.prod(held.high.shape[1:]))
    weights = tf.reshape(sizes * loose / (held.width * held.width), [-1, 1, size])
    flat = tf.reshape(held.decides - held.decides[:, :1], [-1, count, size])
    gram = tf.matmul(flat * weights, flat, transpose_b=True)
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
    """Each coefficient at the members of its window, by their shares."""
    rows = tf.shape(coefficients)[1]
    placed = [coefficients * share[:, None] for share in held.shares]
    folded = [tf.reshape(part, [-1, *part.shape[2:]]) for part in placed]
    given = tf.zeros([tf.shape(folded[0])[0], *held.reads[0].radius.shape[1:]], coefficients.dtype)
    with tf.GradientTape() as tape:
        tape.watch(given)
        parts = windows(step, given)
    found = tape.gradient(parts, given, output_gradients=folded)
    return tf.reshape(found, [-1, rows, *found.shape[1:]])
