"""What single Keras layers do to their input, for the readers of affine networks.

`affine` composes layers from a tap down to the image, `dense_chain` keeps them
apart from the image to the logits. Both bound the rounding of float32, and both
bounds end in claims of proof, so that what a layer computes and how often it
rounds is said once, here.
"""

from typing import Any, NamedTuple

import keras
import numpy as np

__all__ = ["ELEMENTWISE", "Elementwise", "elementwise", "obstacle", "opaque", "passes_through", "rounded_input"]

# At inference none of these changes a value; the last two change their shape.
_PASSING = (
    keras.layers.Dropout,
    keras.layers.SpatialDropout1D,
    keras.layers.SpatialDropout2D,
    keras.layers.AlphaDropout,
    keras.layers.GaussianDropout,
    keras.layers.GaussianNoise,
    keras.layers.ActivityRegularization,
    keras.layers.Identity,
    keras.layers.Flatten,
    keras.layers.Reshape,
)
ELEMENTWISE = (keras.layers.Rescaling, keras.layers.BatchNormalization)
"""The layers that `elementwise` reads."""


class Elementwise(NamedTuple):
    """An affine map of each entry by itself: y = scale x + offset.

    In float32 every term is rounded at most `roundings` times, so that the computed
    value is off by at most gamma (|scale| |x| + magnitude), gamma as in
    `polytope.float_error`.

    Attributes:
        scale: float64, of a shape that broadcasts to that of x, without the batch.
        offset: likewise.
        magnitude: likewise, the sum of the absolute values that make up `offset`.
        roundings: of a term, whatever the order of the operations.
    """

    scale: np.ndarray
    offset: np.ndarray
    magnitude: np.ndarray
    roundings: int


def obstacle(layer: Any, *, precisions: tuple[str, ...] = ("float32",)) -> str | None:
    """Why a layer may not compute what its type says: "computes in ..."; None where it does.

    Args:
        layer: of a model.
        precisions: the dtypes in which it may compute.
    """
    if getattr(layer, "data_format", "channels_last") == "channels_first":
        return "has its channels first"
    if layer.compute_dtype not in precisions or getattr(layer, "quantization_mode", None):
        return f"computes in {layer.dtype_policy.name}, not in {' or '.join(precisions)}"
    if getattr(layer, "lora_enabled", False):
        return "adds a low-rank term to its kernel"
    return None


def rounded_input(images: Any) -> str | None:
    """Why a model may read other pixels than those that it is given: "reads uint8 ..."; None where it reads them as they are.

    Args:
        images: the symbolic input of the model.
    """
    if images.dtype in ("float32", "float64"):
        return None
    return f"reads {images.dtype}, so that it computes with rounded pixels"


def opaque(model: Any) -> str | None:
    """Why a model cannot be followed from its one output to its one input; None where it can.

    A subclass of a model may compute anything.
    """
    functional = type(keras.Model(*([keras.Input((1,))] * 2)))
    if type(model) not in (functional, keras.Sequential) or not model.built:
        return "is no built Sequential or functional model, so its layers cannot be followed"
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        return f"has {len(model.inputs)} inputs and {len(model.outputs)} outputs, not one of each"
    return None


def passes_through(layer: Any) -> bool:
    """Whether a layer leaves every value as it is at inference, if perhaps in another shape."""
    if type(layer) is keras.layers.Activation:
        return layer.activation is keras.activations.linear
    return type(layer) in _PASSING


def elementwise(layer: Any, shape: tuple[int, ...]) -> Elementwise:
    """What a layer of `ELEMENTWISE` does to an input of `shape`."""
    if type(layer) is keras.layers.BatchNormalization:
        return _batch_normalization(layer, shape)
    scale, offset = (np.asarray(value, layer.compute_dtype).astype(np.float64) for value in (layer.scale, layer.offset))
    return Elementwise(scale, offset, np.abs(offset), roundings=2)


def _batch_normalization(layer: Any, shape: tuple[int, ...]) -> Elementwise:
    """Computes gamma (x - mean) / sqrt(variance + epsilon) + beta along one axis.

    16 roundings leave room for any order of these, for an epsilon in float32 and
    for a reciprocal root that is off by four units in the last place.
    """
    mean, variance = (np.asarray(value, np.float64) for value in (layer.moving_mean, layer.moving_variance))
    gamma = np.asarray(layer.gamma, np.float64) if layer.scale else np.ones_like(mean)
    beta = np.asarray(layer.beta, np.float64) if layer.center else np.zeros_like(mean)
    scale = gamma / np.sqrt(variance + layer.epsilon)
    axis = (layer.axis if layer.axis >= 0 else layer.axis + len(shape) + 1) - 1
    along = [len(mean) if i == axis else 1 for i in range(len(shape))]
    offset, magnitude = beta - scale * mean, np.abs(beta) + np.abs(scale * mean)
    return Elementwise(scale.reshape(along), offset.reshape(along), magnitude.reshape(along), roundings=16)
