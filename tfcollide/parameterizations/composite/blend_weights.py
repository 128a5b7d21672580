"""Blend weights themselves, for maps, files and tests; a descent never needs them."""

import numpy as np

from tfcollide.parameterizations.composite.axis import Axis
from tfcollide.parameterizations.composite.layout import Layout

__all__ = ["blend_weights", "candidates_at_pixels", "dominant"]


def blend_weights(layout: Layout, control_parameters: np.ndarray) -> np.ndarray:
    """P of one corner, by pixel and slot.

    Args:
        layout: of the composite.
        control_parameters: `[*layout.control_shape]`.

    Returns:
        `[H, W, R * A, A]` float64, by rank and slot; they sum to 1 at every pixel.
    """
    down, across = layout.down, layout.across
    values = np.exp(np.asarray(control_parameters, np.float64)).reshape(layout.per_window, *layout.control_shape[-4:])
    values = np.concatenate([_of_rank(layout, one) for one in values], axis=2)
    tents = (axis.tents_in_cells().transpose(0, 2, 1).reshape(-1, axis.slots)[axis.crop] for axis in (down, across))
    weights = values * np.tile(np.einsum("ya,xb->yxab", *tents), (1, 1, layout.per_window, 1))
    return weights / weights.sum(axis=(2, 3), keepdims=True)


def candidates_at_pixels(layout: Layout) -> np.ndarray:
    """`[H, W, R * A, A]`, the candidate of each rank and slot at a pixel; -1 where there is none."""
    f = layout.down.spacing
    names = np.concatenate(list(layout.candidates_at_cells()), axis=2)
    return names.repeat(f, axis=0).repeat(f, axis=1)[layout.down.crop, layout.across.crop]


def dominant(layout: Layout, control_parameters: np.ndarray) -> np.ndarray:
    """`[H, W]`, the candidate with the largest weight at each pixel."""
    height, width = layout.down.length, layout.across.length
    weights = blend_weights(layout, control_parameters).reshape(height, width, -1)
    names = candidates_at_pixels(layout).reshape(height, width, -1)
    return np.take_along_axis(names, weights.argmax(axis=2)[..., None], axis=2)[..., 0]


def _of_rank(layout: Layout, values: np.ndarray) -> np.ndarray:
    """`[H, W, A, A]`, values at points `[Py, Px, L, L]` along both axes."""
    for axis, turn in ((layout.down, (0, 1, 2, 3)), (layout.across, (1, 0, 3, 2))):
        values = _at_pixels(axis, values.transpose(turn)).transpose(turn)
    return values


def _at_pixels(axis: Axis, values: np.ndarray) -> np.ndarray:
    """Values at points `[P, ., L, .]` as values at pixels `[length, ., A, .]`, by the slots of each pixel."""
    if not axis.smooth:
        return values[axis.crop]
    before, behind = values[:-1, :, : axis.slots], values[1:]
    behind = np.where(axis.shift[:, None, None, None], behind[:, :, 1:], behind[:, :, : axis.slots])
    share = axis.interpolation()
    found = np.einsum("p,yxab->ypxab", share[:, 0], before) + np.einsum("p,yxab->ypxab", share[:, 1], behind)
    return found.reshape(-1, *found.shape[2:])[axis.crop]
