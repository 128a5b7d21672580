"""What a SavedModel holds beside a classifier: the hull of corners, with its signatures, and the blend of a composite."""

import numpy as np
import tensorflow as tf

from tfcollide.exports.parts import Parts, Subject
from tfcollide.exports.run_checks import RunChecks
from tfcollide.parameterizations.composite import LIMIT
from tfcollide.parameterizations.composite.blending import blend, in_cells, weigh
from tfcollide.parameterizations.composite.saved import SavedComposite

__all__ = ["Blending", "ExportedHull", "hull_parts"]

_EXAMPLES = 32


class ExportedHull(tf.Module):
    """The corners, as `polytope.hull.mix` mixes them.

    Args:
        corners: `[N, H, W, C]` float32.
    """

    def __init__(self, corners: np.ndarray):
        super().__init__(name="hull")
        self.corners = tf.Variable(corners, trainable=False, name="corners")
        self._bounds = float(corners.min()), float(corners.max())

    def mix(self, convex_weights: tf.Tensor) -> tf.Tensor:
        """The mixtures `[S, H, W, C]` with `convex_weights` `[S, N]`."""
        corners = tf.reshape(self.corners, [self.corners.shape[0], -1])
        flat = tf.clip_by_value(convex_weights @ corners, *self._bounds)
        return tf.reshape(flat, [-1, *self.corners.shape[1:]])


def hull_parts(subject: Subject, name: str) -> Parts:
    """The hull, and the classifier that judges it: `mix` and `check`, both of `convex_weights` `[S, N]`.

    Args:
        subject: the run.
        name: of the module.
    """
    root = tf.Module(name=name)
    root.hull = hull = ExportedHull(subject.corners)
    root.verdict = verdict = RunChecks(subject)
    spec = tf.TensorSpec([None, len(subject.corners)], tf.float32, name="convex_weights")

    @tf.function(input_signature=[spec])
    def mix(convex_weights: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"images": hull.mix(convex_weights)}

    @tf.function(input_signature=[spec])
    def check(convex_weights: tf.Tensor) -> dict[str, tf.Tensor]:
        images = hull.mix(convex_weights)
        return {"images": images, **verdict.check(images)}

    example = {"convex_weights": subject.convex_weights[:_EXAMPLES]}
    signatures = {"mix": mix.get_concrete_function(), "check": check.get_concrete_function()}
    return Parts(root, signatures, dict.fromkeys(signatures, example))


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
