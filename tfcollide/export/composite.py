"""`--what=composite`: the patches and control parameters of a composite run, beside the hull of its corners."""

import tensorflow as tf

from tfcollide.errors import RequestError
from tfcollide.export.hull import hull_parts
from tfcollide.export.parts import Parts, Subject
from tfcollide.parameterizations.composite import LIMIT
from tfcollide.parameterizations.composite.blending import blend, in_cells, weigh
from tfcollide.parameterizations.composite.saved import SavedComposite

__all__ = ["VARIANT", "Blending", "composite"]


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


def composite(subject: Subject) -> Parts:
    """The signature `compose` of `control_parameters`; `mix` and `check` of `convex_weights` `[S, N]`.

    Mixing composites is mixing their blend weights, so `mix` needs the corners alone.

    Raises:
        RequestError: the run is of no composite.
    """
    if subject.composite is None:
        raise RequestError("--what=composite of a run without composites", "a run with --parameterization=composite")
    parts = hull_parts(subject, "composite")
    parts.module.blending = blending = Blending(subject.composite)
    spec = tf.TensorSpec([None, *subject.composite.layout.control_shape], tf.float32, name="control_parameters")

    @tf.function(input_signature=[spec])
    def compose(control_parameters: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"images": blending.compose(control_parameters)}

    example = {"control_parameters": subject.composite.control_parameters[:1]}  # one may be 50 MB
    return parts._replace(
        signatures={"compose": compose.get_concrete_function(), **parts.signatures},
        examples={"compose": example, **parts.examples},
    )


VARIANT = composite
