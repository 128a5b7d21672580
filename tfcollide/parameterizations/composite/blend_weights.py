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
        `[H, W, A, A]` float64; they sum to 1 at every pixel.
    """
    down, across = layout.down, layout.across
    values = np.exp(np.asarray(control_parameters, np.float64))
    for axis, turn in ((down, (0, 1, 2, 3)), (across, (1, 0, 3, 2))):
        values = _at_pixels(axis, values.transpose(turn)).transpose(turn)
    tents = (axis.tents_in_cells().transpose(0, 2, 1).reshape(-1, axis.slots)[axis.crop] for axis in (down, across))
    weights = values * np.einsum("ya,xb->yxab", *tents)
    return weights / weights.sum(axis=(2, 3), keepdims=True)


def candidates_at_pixels(layout: Layout) -> np.ndarray:
    """`[H, W, A, A]`, the candidate in each slot of a pixel; -1 where there is none."""
    f = layout.down.spacing
    return layout.candidates_at_cells().repeat(f, axis=0).repeat(f, axis=1)[layout.down.crop, layout.across.crop]


def dominant(layout: Layout, control_parameters: np.ndarray) -> np.ndarray:
    """`[H, W]`, the candidate with the largest weight at each pixel."""
    height, width = layout.down.length, layout.across.length
    weights = blend_weights(layout, control_parameters).reshape(height, width, -1)
    names = candidates_at_pixels(layout).reshape(height, width, -1)
    return np.take_along_axis(names, weights.argmax(axis=2)[..., None], axis=2)[..., 0]


def _at_pixels(axis: Axis, values: np.ndarray) -> np.ndarray:
    """Values at points `[P, ., L, .]` as values at pixels `[length, ., A, .]`, by the slots of each pixel."""
    if not axis.smooth:
        return values[axis.crop]
    before, behind = values[:-1, :, : axis.slots], values[1:]
    behind = np.where(axis.shift[:, None, None, None], behind[:, :, 1:], behind[:, :, : axis.slots])
    share = axis.interpolation()
    found = np.einsum("p,yxab->ypxab", share[:, 0], before) + np.einsum("p,yxab->ypxab", share[:, 1], behind)
    return found.reshape(-1, *found.shape[2:])[axis.crop]
