"""A control parameter per pixel and candidate, as in the paper: blend and total variation at the speed of memory.

At the paper's size these are 257 MB for five corners, so that a step costs what it reads and writes. With p the
blend weights, u the patches' 8-bit pixels and g, h the gradients of a loss at the images x and at R(P):

    p     = softmax(log d + theta)         x = sum_k p_k u_k
    t_k   = sum over the neighbors of a pixel of sign(p_k - p_k there)
    R(P)  = sum over pixels and k of p_k t_k
    dL/dtheta_k = p_k (g (u_k - x) + h (t_k - sum_m p_m t_m))

XLA compiles this such that theta is read twice, p is written once and read three times, and the gradient is written
once. A window has the same slot at all pixels that it covers (`Axis`), so a neighbor's weight is found without an index.
Patches stay the 8-bit pixels that they are; d is a product of two small tables.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfcollide.parameterizations.composite.axis import Axis
from tfcollide.parameterizations.composite.blending import in_cells
from tfcollide.parameterizations.composite.layout import Layout
from tfcollide.runtime.compiled import compiled

__all__ = ["blend_evenly", "in_pixels", "total_variation"]


class _Blended(NamedTuple):
    """Weights `[N, R, H, W, A, A]`, images `[N, H, W, C]` in 0..255, and sum_k p_k t_k `[N, H, W]`."""

    weights: tf.Tensor
    images: tf.Tensor
    unevenness: tf.Tensor


def in_pixels(layout: Layout, patches: tf.Tensor | np.ndarray) -> tf.Tensor:
    """What each slot of a pixel shows of its patch; in a slot without a candidate anything.

    Args:
        layout: of the composite, its spacing 1.
        patches: `[K, n + 2s, n + 2s, C]` uint8.

    Returns:
        `[R, H, W, C, A, A]` uint8.
    """
    return tf.transpose(in_cells(layout, patches)[:, :, :, :, :, 0, 0], [2, 0, 1, 5, 3, 4])


def blend_evenly(layout: Layout, pixels: tf.Tensor, control_parameters: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Composites `[N, H, W, C]` in 0..255 and their total variation `[N]`, Eq. 7.

    Args:
        layout: of the composite, its spacing 1.
        pixels: what `in_pixels` made of its patches.
        control_parameters: theta, `[N, *layout.control_shape]`.
    """
    forward, backward = _kernels(layout)

    @tf.custom_gradient
    def blended(theta: tf.Tensor) -> tuple[tuple[tf.Tensor, tf.Tensor], Callable[..., tf.Tensor]]:
        found = forward(theta, pixels)

        def gradient(at_images: tf.Tensor, at_variation: tf.Tensor) -> tf.Tensor:
            return backward(*found, pixels, at_images, at_variation)

        return (found.images, tf.reduce_sum(found.unevenness, [1, 2])), gradient

    return blended(control_parameters)


def total_variation(layout: Layout, control_parameters: tf.Tensor) -> tf.Tensor:
    """R(P) of Eq. 7 alone, `[N]`."""
    size, down, across = layout.down.slots * layout.across.slots, layout.down.length, layout.across.length
    nothing = [layout.per_window, down, across, layout.channels, layout.down.slots, size // layout.down.slots]
    return blend_evenly(layout, tf.zeros(nothing, tf.uint8), control_parameters)[1]


@functools.lru_cache(maxsize=8)
def _kernels(layout: Layout) -> tuple[Callable[..., _Blended], Callable[..., tf.Tensor]]:
    """Control parameters to images, and gradients at images and variation to one at control parameters, each compiled."""
    down, across = layout.down, layout.across
    tents = down.tents_at_points()[:, None, :, None], across.tents_at_points()[:, None, :]

    def forward(theta: tf.Tensor, pixels: tf.Tensor) -> _Blended:
        raw = tf.exp(tf.reshape(theta, [-1, layout.per_window, *layout.control_shape[-4:]]))
        raw *= tf.constant(tents[0], raw.dtype) * tf.constant(tents[1], raw.dtype)
        weights = raw / _over_candidates(raw)[:, None, :, :, None, None]
        colors = weights[:, :, :, :, None] * tf.cast(pixels, raw.dtype)
        images = tf.reduce_sum(tf.reduce_sum(colors, [1, 5]), -1)
        return _Blended(weights, images, _over_candidates(weights * _signs(layout, weights)))

    def backward(
        weights: tf.Tensor,
        images: tf.Tensor,
        unevenness: tf.Tensor,
        pixels: tf.Tensor,
        at_images: tf.Tensor,
        at_variation: tf.Tensor,
    ) -> tf.Tensor:
        at_variation = at_variation[:, None, None]
        less = tf.reduce_sum(at_images * images, -1) + at_variation * unevenness
        found = at_variation[:, None, ..., None, None] * _signs(layout, weights) - less[:, None, :, :, None, None]
        for channel in range(layout.channels):
            found += at_images[:, None, :, :, channel, None, None] * tf.cast(pixels[:, :, :, channel], weights.dtype)
        return tf.reshape(weights * found, [-1, *layout.control_shape])

    return compiled(forward, by_xla=True), compiled(backward, by_xla=True)


def _over_candidates(values: tf.Tensor) -> tf.Tensor:
    """`[N, H, W]`; first over what is not innermost in memory, which XLA computes many at a time."""
    return tf.reduce_sum(tf.reduce_sum(values, [1, 4]), -1)


def _signs(layout: Layout, weights: tf.Tensor) -> tf.Tensor:
    """T, `[N, R, H, W, A, A]`: over the neighbors of a pixel, the sign of a weight less that of the same candidate there."""
    first, last = weights[:, :, :1], weights[:, :, -1:]
    above, below = tf.concat([first, weights[:, :, :-1]], 2), tf.concat([weights[:, :, 1:], last], 2)
    first, last = weights[:, :, :, :1], weights[:, :, :, -1:]
    left, right = tf.concat([first, weights[:, :, :, :-1]], 3), tf.concat([weights[:, :, :, 1:], last], 3)
    found = tf.zeros([], weights.dtype)
    for there, same in zip((above, below), _same(layout.down), strict=True):
        found += tf.sign(weights - tf.constant(same[:, None, :, None], weights.dtype) * there)
    for there, same in zip((left, right), _same(layout.across), strict=True):
        found += tf.sign(weights - tf.constant(same[:, None, :], weights.dtype) * there)
    return found


def _same(axis: Axis) -> tuple[np.ndarray, np.ndarray]:
    """`[P, A]` twice, whether the pixel before, or behind, has the same window in a slot; at the ends, itself, it has."""
    windows = axis.windows_at_points()
    same, end = windows[1:] == windows[:-1], np.ones([1, axis.slots], bool)
    return np.concatenate([end, same]), np.concatenate([same, end])
