"""The kinds of steps that a convolutional network consists of, as a proof sees them.

A linear step keeps its kernel as it is; nothing is unrolled into a matrix. Everything
here takes and gives batches `[n, *shape]` in the precision of the bound.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

__all__ = ["Hinge", "Linear", "MaxPool", "Node", "windows"]


class Linear(NamedTuple):
    """out = linear(in) + bias; in float32 every term is rounded at most `roundings` times.

    Attributes:
        apply: the inputs, and whether every weight is replaced by its absolute value, -> out without bias.
        bias: broadcasts to the output without its batch axis, float64; None for none.
        magnitude: the sum of the absolute values that make up `bias`, likewise.
        roundings: of a term in float32, in any order of summation; 0 where values are only moved.
        fan_out: how many outputs an input takes part in, at most.
        bias_roundings: of a term of `bias`.
        entrywise: whether each output is made of the entries at its own place: a kernel before it may take such a step in.
    """

    apply: Callable[[Sequence[tf.Tensor], bool], tf.Tensor]
    bias: np.ndarray | None = None
    magnitude: np.ndarray | None = None
    roundings: int = 0
    fan_out: int = 1
    bias_roundings: int = 0
    entrywise: bool = False


class Hinge(NamedTuple):
    """out = min(max(in, slope in), ceiling), 0 <= slope < 1.

    Attributes:
        slope: below zero; 0 for the plain ReLU.
        ceiling: infinity where there is none.
    """

    slope: float = 0.0
    ceiling: float = float("inf")

    def __call__(self, values: tf.Tensor) -> tf.Tensor:
        """The values behind it."""
        out = tf.maximum(values, self.slope * values)
        return out if np.isinf(self.ceiling) else tf.minimum(out, tf.cast(self.ceiling, out.dtype))


class MaxPool(NamedTuple):
    """The largest of each window.

    Attributes:
        size: `(h, w)`.
        strides: `(h, w)`.
        padding: rows before and after, then columns: `((t, b), (l, r))`.
    """

    size: tuple[int, int]
    strides: tuple[int, int]
    padding: tuple[tuple[int, int], tuple[int, int]]

    def __call__(self, values: tf.Tensor) -> tf.Tensor:
        """The values behind it."""
        parts = windows(self, values, border=tf.as_dtype(values.dtype).min)
        out = parts[0]
        for part in parts[1:]:
            out = tf.maximum(out, part)
        return out


class Node(NamedTuple):
    """One step of a network.

    Attributes:
        name: of the layer.
        step: what it does.
        reads: the numbers of the values that it reads.
        writes: the number of the value that it gives.
        shape: of that, without the batch axis.
    """

    name: str
    step: Linear | Hinge | MaxPool
    reads: tuple[int, ...]
    writes: int
    shape: tuple[int, ...]


def windows(pool: MaxPool, values: tf.Tensor, border: float = 0.0) -> list[tf.Tensor]:
    """The members of all windows: one `[n, h, w, C]` for each place in a window, of values `[n, H, W, C]`.

    Of an array they are arrays, views of it where nothing is padded.
    """
    (top, bottom), (left, right) = pool.padding
    if top or bottom or left or right:
        pad = np.pad if isinstance(values, np.ndarray) else tf.pad
        values = pad(values, [[0, 0], [top, bottom], [left, right], [0, 0]], constant_values=border)
    rows = (int(values.shape[1]) - pool.size[0]) // pool.strides[0] + 1
    columns = (int(values.shape[2]) - pool.size[1]) // pool.strides[1] + 1
    ends = ((rows - 1) * pool.strides[0] + 1, (columns - 1) * pool.strides[1] + 1)
    return [
        values[:, i : i + ends[0] : pool.strides[0], j : j + ends[1] : pool.strides[1]]
        for i in range(pool.size[0])
        for j in range(pool.size[1])
    ]
