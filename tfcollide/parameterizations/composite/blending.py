"""The composite and its total variation as functions of control parameters: few bytes, few operations.

With theta the control parameters at points `spacing` apart, candidate k has at pixel (i, j)

    P[k,i,j] = d_k(i,j) V_k(i,j) / sum_m d_m(i,j) V_m(i,j)        V_k = exp(theta_k), interpolated between points

which is the softmax of log d_k + theta_k where each pixel has its own point, and
Eq. 5 where theta = 0. In a cell V_k is a sum over its four corners, so that the
pixels of a cell are one product of matrices: patches times d_k, `[pixels, slots]`,
with exp(theta), `[slots, corners of the cell and of the polytope]`. The first
does not change along a descent, and nothing of size `[K, H, W, C]` ever exists.
"""

import numpy as np
import tensorflow as tf

from tfcollide.parameterizations.composite.axis import Axis
from tfcollide.parameterizations.composite.layout import Layout

__all__ = ["arrange", "blend", "in_cells", "total_variation", "weigh"]


def arrange(layout: Layout, patches: tf.Tensor | np.ndarray) -> tf.Tensor:
    """Patches times d_k, by cell and slot, and d_k itself as one channel more.

    Args:
        layout: of the composite.
        patches: `[K, n + 2s, n + 2s, C]` float32 in the model's bounds.

    Returns:
        `[Qy * Qx, R * A * A, spacing * spacing * (C + 1)]` float32.
    """
    return weigh(layout, in_cells(layout, patches))


def in_cells(layout: Layout, patches: tf.Tensor | np.ndarray) -> tf.Tensor:
    """What each slot of a cell shows of its patch; in a slot without a candidate anything.

    Args:
        layout: of the composite.
        patches: `[K, n + 2s, n + 2s, C]` of any kind.

    Returns:
        `[Qy, Qx, R, A, A, spacing, spacing, C]` of the same kind.
    """
    down, across, f = layout.down, layout.across, layout.down.spacing
    inside, colors = down.size // f, layout.channels
    split = tf.reshape(patches, [-1, down.num_windows, across.num_windows, inside, f, inside, f, colors])
    split = tf.transpose(split, [0, 1, 3, 2, 5, 4, 6, 7])  # rows of cells of all windows, then columns
    split = tf.reshape(split, [-1, down.num_windows * inside, across.num_windows * inside, f, f, colors])
    rows, columns = (_cells_of_windows(axis) for axis in (down, across))
    return tf.transpose(tf.gather(tf.gather(split, rows, axis=1), columns, axis=3), [1, 3, 0, 2, 4, 5, 6, 7])


def weigh(layout: Layout, cells: tf.Tensor) -> tf.Tensor:
    """What `arrange` returns, of what `in_cells` returned, by then float32 in the model's bounds."""
    down, across = layout.down, layout.across
    d = tf.einsum("yap,xbq->yxabpq", down.tents_in_cells(), across.tents_in_cells())
    d = tf.cast(d, tf.float32)[:, :, None, ..., None]
    whole = tf.concat([cells * d, tf.broadcast_to(d, [*cells.shape[:-1], 1])], axis=-1)
    return tf.reshape(whole, [len(down.cells) * len(across.cells), layout.per_window * down.slots * across.slots, -1])


def blend(layout: Layout, arranged: tf.Tensor, control_parameters: tf.Tensor) -> tf.Tensor:
    """Composites `[N, H, W, C]` of control parameters `[N, *layout.control_shape]`.

    Args:
        layout: of the composite.
        arranged: what `arrange` made of its patches.
        control_parameters: theta.
    """
    down, across = layout.down, layout.across
    cells, slots, f = (len(down.cells), len(across.cells)), (down.slots, across.slots), down.spacing
    ranks = tf.reshape(tf.exp(control_parameters), [-1, *layout.control_shape[-4:]])  # those of one corner after another's
    around = _around_cells(layout, ranks)  # [e, N R, Qy, Qx, A, A]
    few, corners = around.shape[0], tf.shape(control_parameters)[0]
    around = tf.reshape(around, [few, corners, layout.per_window, *cells, *slots])
    left = tf.transpose(around, [3, 4, 0, 1, 2, 5, 6])
    left = tf.reshape(left, [cells[0] * cells[1], few * corners, layout.per_window * slots[0] * slots[1]])
    sums = tf.reshape(left @ arranged, [*cells, few, corners, f, f, layout.channels + 1])
    share = tf.constant(
        np.einsum("pa,qb->abpq", down.interpolation(), across.interpolation()).reshape(few, f, f), arranged.dtype
    )
    whole = tf.reduce_sum(sums * share[:, None, :, :, None], axis=2)  # [Qy, Qx, N, f, f, C + 1]
    whole = tf.reshape(tf.transpose(whole, [2, 0, 3, 1, 4, 5]), [corners, cells[0] * f, cells[1] * f, layout.channels + 1])
    whole = whole[:, down.crop, across.crop]
    return whole[..., :-1] / whole[..., -1:]


def total_variation(layout: Layout, control_parameters: tf.Tensor) -> tf.Tensor:
    """R(P) of Eq. 7, `[N]`: how much the blend weights of each candidate change between neighbors.

    Neighbors are the points of control parameters, and a difference counts for all
    pixels along the other axis that a point stands for. A candidate is zero outside its support, whose border
    counts.

    Raises:
        ValueError: the spacing is 1, for which `pixelwise` has it.
    """
    if not layout.down.smooth:
        raise ValueError("a spacing of 1: expected a larger one, see pixelwise.total_variation")
    down, across = layout.down, layout.across
    d = np.einsum("ya,xb->yxab", down.tents_at_points(), across.tents_at_points())
    kind = control_parameters.dtype
    ranks = tf.reshape(control_parameters, [-1, layout.per_window, *layout.control_shape[-4:]])
    weights = tf.constant(d, kind) * tf.exp(ranks)
    weights = tf.math.divide_no_nan(weights, tf.reduce_sum(weights, axis=[1, 4, 5], keepdims=True))
    weights = tf.reshape(weights, [-1, *layout.control_shape[-4:]])
    vertical = tf.tensordot(_variation(down, weights), tf.constant(across.spans, kind), 1)
    turned = tf.transpose(weights, [0, 2, 1, 4, 3])
    both = vertical + tf.tensordot(_variation(across, turned), tf.constant(down.spans, kind), 1)
    return tf.reduce_sum(tf.reshape(both, [-1, layout.per_window]), axis=1)


def _cells_of_windows(axis: Axis) -> np.ndarray:
    """`[Q, A]`, where the part of a window that lies at a cell is found among those of all windows, one after the other."""
    windows, inside = np.maximum(axis.windows_at_cells(), 0), axis.size // axis.spacing
    within = axis.cells[:, None] - windows * (axis.stride // axis.spacing)
    return windows * inside + np.clip(within, 0, inside - 1)


def _around_cells(layout: Layout, values: tf.Tensor) -> tf.Tensor:
    """Values at points `[N, Py, Px, L, L]`, by cell and the cell's slots: `[e, N, Qy, Qx, A, A]`, e points around it."""
    if not layout.down.smooth:
        return values[None]
    found = []
    for part in _ends(layout.down, values):
        turned = tf.transpose(part, [0, 2, 1, 4, 3])
        found += [tf.transpose(end, [0, 2, 1, 4, 3]) for end in _ends(layout.across, turned)]
    return tf.stack(found)


def _ends(axis: Axis, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Values at the points before and behind each cell, `[N, Q, ., A, .]`, by the cell's own slots."""
    before, behind = values[:, :-1, :, : axis.slots], values[:, 1:]
    return before, tf.where(_column(axis.shift), behind[:, :, :, 1:], behind[:, :, :, : axis.slots])


def _variation(axis: Axis, weights: tf.Tensor) -> tf.Tensor:
    """`[N, .]`, sums of |differences| of weights `[N, P, ., L, .]` along an axis, each candidate with itself."""
    here, there = weights[:, :-1], weights[:, 1:]
    later = tf.pad(there[:, :, :, 1:], [[0, 0], [0, 0], [0, 0], [0, 1], [0, 0]])
    same = tf.where(_column(axis.shift), later, there)
    begins = tf.where(_column(axis.shift), there[:, :, :, :1], tf.zeros([], weights.dtype))
    return tf.reduce_sum(tf.abs(here - same), axis=[1, 3, 4]) + tf.reduce_sum(begins, axis=[1, 3, 4])


def _column(shift: np.ndarray) -> tf.Tensor:
    return tf.constant(shift)[None, :, None, None, None]
