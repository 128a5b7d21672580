"""Convolutions and average pooling as sparse matrices, from the numbers of the values that each window sees.

Over any number of axes, channels last, as Keras and TensorFlow place windows: with the
padding "same" there are ceil(size / stride) along an axis, and of the values that are
missing there the smaller half lies before the first.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy import sparse

__all__ = ["Windows", "average_matrix", "convolution_matrix", "depthwise_matrix", "entries", "whole_image"]


class Windows(NamedTuple):
    """Where windows lie.

    Attributes:
        shape: of what they see, `[*sizes, C]`.
        size: of a window, along each axis.
        strides: likewise.
        dilation: likewise.
        padding: "valid" or "same".
    """

    shape: tuple[int, ...]
    size: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: str

    def seen(self) -> np.ndarray:
        """`[windows, values in a window]` int, the pixels in row-major order; -1 outside of the image."""
        axes = [self._along(axis) for axis in range(len(self.size))]
        inside, pixels = np.ones(1, bool), np.zeros(1, np.int64)
        for axis, places in enumerate(axes):
            lifted = [1] * (2 * len(axes))
            lifted[axis], lifted[len(axes) + axis] = places.shape
            places = places.reshape(lifted)
            inside = inside & (places >= 0) & (places < self.shape[axis])
            pixels = pixels * self.shape[axis] + places
        return np.where(inside, pixels, -1).reshape(math.prod(len(places) for places in axes), -1)

    @property
    def counts(self) -> tuple[int, ...]:
        """How many windows there are along each axis."""
        if self.padding == "same":
            return tuple(-(-n // stride) for n, stride in zip(self.shape, self.strides, strict=False))
        reaches = (n - (size - 1) * dilation for n, size, dilation in zip(self.shape, self.size, self.dilation, strict=False))
        return tuple(max(-(-n // stride), 0) for n, stride in zip(reaches, self.strides, strict=True))

    def _along(self, axis: int) -> np.ndarray:
        """`[windows, size]`, the places along one axis, some of them outside."""
        count, stride, dilation = self.counts[axis], self.strides[axis], self.dilation[axis]
        missing = (count - 1) * stride + (self.size[axis] - 1) * dilation + 1 - self.shape[axis]
        return np.arange(count)[:, None] * stride + np.arange(self.size[axis]) * dilation - max(missing, 0) // 2


def entries(windows: Windows, pairs: int) -> int:
    """How many entries a matrix has that may not be zero, of `pairs` channels in and out for each value seen."""
    return math.prod(windows.counts) * math.prod(windows.size) * pairs


def convolution_matrix(windows: Windows, kernel: np.ndarray) -> sparse.csr_array:
    """`[outputs, inputs]` of a convolution with `kernel` `[*size, C / groups, O]`."""
    within, outputs = kernel.shape[-2:]
    first = np.arange(outputs) // (outputs // (windows.shape[-1] // within)) * within
    channels = first + np.arange(within)[:, None]  # [C / groups, O], the channels that each output reads
    return _matrix(windows, channels, np.arange(outputs), outputs, kernel.reshape(-1, within, outputs))


def depthwise_matrix(windows: Windows, kernel: np.ndarray) -> sparse.csr_array:
    """`[outputs, inputs]` of a convolution of each channel by itself with `kernel` `[*size, C, M]`."""
    channels, multiplier = kernel.shape[-2:]
    outputs = np.arange(channels * multiplier).reshape(channels, multiplier)
    return _matrix(windows, np.arange(channels)[:, None], outputs, outputs.size, kernel.reshape(-1, channels, multiplier))


def average_matrix(windows: Windows) -> sparse.csr_array:
    """`[outputs, inputs]` of the means over windows, of the values that lie within the image."""
    channels, seen = windows.shape[-1], windows.seen()
    shares = 1.0 / np.count_nonzero(seen >= 0, axis=1)
    same = np.arange(channels)[:, None]
    ones = np.ones([seen.shape[1], channels, 1])
    return sparse.csr_array(sparse.diags_array(np.repeat(shares, channels)) @ _matrix(windows, same, same, channels, ones))


def _matrix(windows: Windows, inputs: np.ndarray, outputs: np.ndarray, channels: int, kernel: np.ndarray) -> sparse.csr_array:
    """From the channels `inputs` to the channels `outputs`, of which there are `channels`; as `kernel` `[seen, i, o]`."""
    seen = windows.seen()
    shape = (*seen.shape, *kernel.shape[1:])
    rows = np.arange(len(seen))[:, None, None, None] * channels + outputs
    columns = seen[..., None, None] * windows.shape[-1] + inputs
    used = np.broadcast_to(seen[..., None, None] >= 0, shape)
    parts = (np.broadcast_to(part, shape)[used] for part in (kernel, rows, columns))
    values, rows, columns = parts
    size = (len(seen) * channels, math.prod(windows.shape))
    return sparse.csr_array(sparse.coo_array((values, (rows, columns)), shape=size))


def whole_image(shape: tuple[int, ...]) -> Windows:
    """One window, all of an image of `shape` `[*sizes, C]`."""
    sizes = shape[:-1]
    return Windows(shape, sizes, sizes, (1,) * len(sizes), "valid")
