"""A classifier read as a chain of affine maps and ReLUs, from the image to the logits.

    a_0 = image, flattened;   z_k = W_k a_{k-1} + b_k;   a_k = max(z_k, 0) or z_k;   logits = a_last

The weights are the network's own float32 values in float64. A map is kept apart
from its neighbours, as the network computes it, so that the rounding of each can
be bounded.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import keras
import numpy as np

from tfcollide.models.affine_layers import ELEMENTWISE, elementwise, obstacle, opaque, passes_through, rounded_input
from tfcollide.models.rectifier import Rectifier, is_sigmoid, is_softmax, rectifier_of

__all__ = ["DenseChain", "Stage", "Unreadable", "read_chain", "with_zero"]

# A matrix of 32 MiB. Beyond it neither the certificate nor an exported file is of use.
_MAX_ENTRIES = 2**22


class Stage(NamedTuple):
    """One affine map, perhaps with a ReLU behind it.

    In float32, however a sum is ordered, every term of output i is rounded at
    most `terms[i] + extra` times, so that the computed value is off by at most
    gamma (|weight| |input| + magnitude)[i], gamma as in `polytope.relaxation`.

    Attributes:
        name: of the layer.
        weight: `[out, in]` float64.
        bias: `[out]` float64.
        magnitude: `[out]`, the sum of the absolute values that make up `bias`.
        terms: `[out]` int, the entries of a row of `weight` that are not zero.
        extra: further roundings, such as one to add the bias.
        relu: whether a ReLU follows.
    """

    name: str
    weight: np.ndarray
    bias: np.ndarray
    magnitude: np.ndarray
    terms: np.ndarray
    extra: int
    relu: bool


class DenseChain(NamedTuple):
    """A whole classifier.

    Attributes:
        stages: from the image on; the last gives the logits.
        input_shape: `(H, W, C)`, or as the model has it.
    """

    stages: tuple[Stage, ...]
    input_shape: tuple[int, ...]

    def logits(self, images: np.ndarray) -> np.ndarray:
        """`[n, L]` float64 for `images` `[n, ...]`, in float64 throughout."""
        values = images.reshape(len(images), -1).astype(np.float64)
        for stage in self.stages:
            values = values @ stage.weight.T + stage.bias
            values = np.maximum(values, 0.0) if stage.relu else values
        return values


class Unreadable(NamedTuple):
    """Why a network is not a chain that can be read.

    Attributes:
        reason: in words, naming the layer.
    """

    reason: str


class _Refusal(Exception):
    """Ends the reading; its text is the reason."""


def read_chain(model: keras.Model, *, to_logits: bool = False) -> DenseChain | Unreadable:
    """Reads a classifier that gives logits.

    Understood: Dense, ReLU, Activation (relu, linear), Conv2D, DepthwiseConv2D,
    AveragePooling2D, GlobalAveragePooling2D, ZeroPadding2D, BatchNormalization,
    Rescaling, Flatten, Reshape, dropout and noise; models inside the model too.
    A subclass of a layer is not, for it may compute anything.

    Args:
        model: built, images `[N, ...]` -> logits `[N, L]`.
        to_logits: whether a softmax or sigmoid at the end is left out.

    Returns:
        The chain; or the reason why there is none.
    """
    try:
        if not isinstance(model, keras.Model):
            raise _Refusal("a network without Keras layers")
        _check(model, opaque(model))
        _check(model, rounded_input(model.inputs[0]))
        stages: list[Stage] = []
        layers = list(_walk(model))
        for i, (layer, shape) in enumerate(layers):
            _append(stages, layer, shape, ends=to_logits and i == len(layers) - 1)
        if not stages:
            raise _Refusal(f"{model.name} has no affine layer")
    except _Refusal as refusal:
        return Unreadable(str(refusal))
    return DenseChain(tuple(stages), _shape(model.inputs[0]))


def with_zero(chain: DenseChain) -> DenseChain:
    """The chain to the logits [0, z], of one that gives z."""
    zero = np.zeros(2)
    return chain._replace(
        stages=(*chain.stages, Stage("zero", np.array([[0.0], [1.0]]), zero, zero, np.zeros(2, int), 0, False))
    )


def _walk(model: Any) -> Iterator[tuple[Any, tuple[int, ...]]]:
    """The layers from the input on, each with the shape it reads."""
    found: list[tuple[Any, tuple[int, ...]]] = []
    tensor = model.outputs[0]
    while tensor is not model.inputs[0]:
        operation, node_index, _ = tensor._keras_history
        above = operation._inbound_nodes[node_index].input_tensors
        if len(above) != 1:
            raise _Refusal(f"{operation.name} joins {len(above)} branches, so the network is no chain")
        tensor = above[0]
        found.append((operation, _shape(tensor)))
    for operation, shape in reversed(found):
        if isinstance(operation, keras.Model):
            _check(operation, opaque(operation))
            yield from _walk(operation)
        else:
            yield operation, shape


def _check(layer: Any, reason: str | None) -> None:
    if reason is not None:
        raise _Refusal(f"{layer.name} {reason}")


def _shape(tensor: Any) -> tuple[int, ...]:
    shape = tuple(tensor.shape[1:])
    if None in shape:
        raise _Refusal(f"an input has no fixed size: {shape}")
    return shape


def _append(stages: list[Stage], layer: Any, shape: tuple[int, ...], *, ends: bool = False) -> None:
    """Adds what `layer` does to an input of `shape`; without its activation where that `ends` the network."""
    size = math.prod(shape)
    if isinstance(layer, keras.layers.InputLayer) or (ends and (is_softmax(layer) or is_sigmoid(layer))):
        return
    if isinstance(layer, keras.layers.Layer):
        _check(layer, obstacle(layer))
    if passes_through(layer):
        return
    if _is_relu(layer):
        last = stages.pop() if stages else _identity(size)
        stages.append(last._replace(relu=True))
    elif type(layer) in _AFFINE:
        stages.append(_AFFINE[type(layer)](layer, shape))
        activation = getattr(layer, "activation", None)
        if ends and (is_softmax(activation) or is_sigmoid(activation)):
            return
        if _has_relu(layer):
            stages.append(stages.pop()._replace(relu=True))
    else:
        raise _Refusal(f"{layer.name} is a {type(layer).__name__}, which is not read as affine or ReLU")


def _is_relu(operation: Any) -> bool:
    rectifier = rectifier_of(operation)
    if rectifier is not None and rectifier != Rectifier():
        raise _Refusal(f"{operation.name} is no plain max(x, 0)")
    return rectifier is not None


def _has_relu(layer: Any) -> bool:
    """Whether a layer ends in a ReLU of its own."""
    activation = getattr(layer, "activation", keras.activations.linear)
    if isinstance(activation, keras.layers.Layer):
        _check(activation, obstacle(activation))
    if activation is not keras.activations.linear and rectifier_of(activation) != Rectifier():
        raise _Refusal(f"{layer.name} has the activation {getattr(activation, '__name__', activation)}")
    return activation is not keras.activations.linear


def _stage(layer: Any, weight: np.ndarray, bias: np.ndarray | None, extra: int, magnitude: np.ndarray | None = None) -> Stage:
    bias = np.zeros(len(weight)) if bias is None else bias
    magnitude = np.abs(bias) if magnitude is None else magnitude
    return Stage(layer.name, weight, bias, magnitude, np.count_nonzero(weight, axis=1), extra, False)


def _identity(size: int) -> Stage:
    zeros = np.zeros(size)
    return Stage("identity", np.eye(size), zeros, zeros, np.zeros(size, int), 0, False)


def _values(variable: Any) -> np.ndarray:
    return np.asarray(variable, np.float64)


def _dense(layer: Any, shape: tuple[int, ...]) -> Stage:
    if len(shape) != 1:
        raise _Refusal(f"{layer.name} is dense over the last axis of {shape} only")
    bias = _values(layer.bias) if layer.use_bias else None
    return _stage(layer, _values(layer.kernel).T, bias, extra=1)


def _elementwise(layer: Any, shape: tuple[int, ...]) -> Stage:
    size = math.prod(shape)
    _check_size(layer, size, size)
    found = elementwise(layer, shape)
    scale, offset, magnitude = (np.broadcast_to(v, shape).ravel() for v in (found.scale, found.offset, found.magnitude))
    return _stage(layer, np.diag(scale), offset, found.roundings, magnitude)


def _linear(layer: Any, shape: tuple[int, ...], function: Callable[[Any], Any], bias: np.ndarray | None, extra: int) -> Stage:
    """The matrix of a linear `function` of images, from the images of one bright pixel."""
    size, out_shape = math.prod(shape), tuple(layer.compute_output_shape((None, *shape))[1:])
    _check_size(layer, size, math.prod(out_shape))
    weight = np.asarray(function(np.eye(size).reshape(size, *shape))).reshape(size, -1).T
    spread = None if bias is None else np.broadcast_to(bias, out_shape).ravel()
    return _stage(layer, np.ascontiguousarray(weight), spread, extra)


def _check_size(layer: Any, inputs: int, outputs: int) -> None:
    if inputs * outputs > _MAX_ENTRIES:
        raise _Refusal(f"{layer.name} is a matrix of {outputs} x {inputs}, which is too large")


def _convolution(layer: Any, shape: tuple[int, ...]) -> Stage:
    if layer.padding not in ("valid", "same"):
        raise _Refusal(f"{layer.name} pads by {layer.padding}")
    kernel = _values(layer.kernel)
    depthwise = type(layer) is keras.layers.DepthwiseConv2D
    convolve = keras.ops.depthwise_conv if depthwise else keras.ops.conv
    settings = {"strides": layer.strides, "padding": layer.padding, "data_format": "channels_last"}
    settings["dilation_rate"] = layer.dilation_rate
    bias = _values(layer.bias) if layer.use_bias else None
    return _linear(layer, shape, lambda images: convolve(images, kernel, **settings), bias, extra=1)


def _average_pooling(layer: Any, shape: tuple[int, ...]) -> Stage:
    def pool(images: np.ndarray) -> Any:
        return keras.ops.average_pool(images, layer.pool_size, layer.strides, layer.padding, "channels_last")

    # A sum, then a quotient or a product with a rounded reciprocal.
    return _linear(layer, shape, pool, None, extra=3)


def _global_average_pooling(layer: Any, shape: tuple[int, ...]) -> Stage:
    return _linear(layer, shape, lambda images: images.mean(axis=(1, 2)), None, extra=3)


def _zero_padding(layer: Any, shape: tuple[int, ...]) -> Stage:
    return _linear(layer, shape, lambda images: np.pad(images, ((0, 0), *layer.padding, (0, 0))), None, extra=0)


_AFFINE: dict[Any, Callable[[Any, tuple[int, ...]], Stage]] = {
    keras.layers.Dense: _dense,
    keras.layers.Conv2D: _convolution,
    keras.layers.DepthwiseConv2D: _convolution,
    keras.layers.AveragePooling2D: _average_pooling,
    keras.layers.GlobalAveragePooling2D: _global_average_pooling,
    keras.layers.ZeroPadding2D: _zero_padding,
    **dict.fromkeys(ELEMENTWISE, _elementwise),
}
