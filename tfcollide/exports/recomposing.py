"""The patches of a composite run inside a SavedModel, and their blend."""

import tensorflow as tf

from tfcollide.parameterizations.composite import LIMIT
from tfcollide.parameterizations.composite.blending import blend, in_cells, weigh
from tfcollide.parameterizations.composite.saved import SavedComposite

__all__ = ["Blending"]


class Blending(tf.Module):
    """Blends the patches, which stay the 8-bit pixels that they are; no index is needed.

    Args:
        saved: of the run. Its `patches` and `control_parameters` are variables of the SavedModel.
    """

    def __init__(self, saved: SavedComposite):
        super().__init__(name="blending")
        self.patches = tf.Variable(saved.patches, trainable=False, name="patches")
        self.control_parameters = tf.Variable(saved.control_parameters, trainable=False, name="control_parameters")
        self._layout, self._bounds = saved.layout, saved.bounds

    def compose(self, control_parameters: tf.Tensor) -> tf.Tensor:
        """The composites `[n, H, W, C]` of `control_parameters` `[n, *layout.control_shape]`, within `LIMIT`."""
        cells = tf.cast(in_cells(self._layout, self.patches), tf.float32)
        cells = cells * (self._bounds.range / 255.0) + self._bounds.lower
        within = tf.clip_by_value(control_parameters, -LIMIT, LIMIT)
        return blend(self._layout, weigh(self._layout, cells), within)
