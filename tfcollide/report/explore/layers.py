"""A small network as a list of layers that a page computes itself.

What is understood is what dense and convolutional classifiers are made of; of anything
else, or a network too large, the page shows answers that were computed before.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
from numpy.typing import ArrayLike

from tfcollide.models.affine_call import NotAffine
from tfcollide.models.affine_reading import Step, kind_of, obstacle, passes_through, read_step
from tfcollide.models.classifier import Classifier, Tap
from tfcollide.models.graph import Call
from tfcollide.models.rectifier import rectifier_of

__all__ = ["MOST_BYTES", "Layers", "Left", "layers_of"]

MOST_BYTES = 2_000_000
"""Of the weights, as float32."""
_MOST_PRODUCTS = 30_000_000  # a tenth of a second of a script


class Layers(NamedTuple):
    """A network from the image to the logits and to the tap.

    Attributes:
        layers: in order, each with its `kind`, the values that it `reads` and `writes`, and its settings; weights
            stand there by their place in `weights`.
        weights: float32 arrays.
        source: the number of the value that is the image, of shape `entry`.
        logits: the number of the value that holds them, flattened.
        tap: that of the tap's pre-activation, flattened.
        after_zero: whether the logits are [0, z] of the one value z.
        ceiling: of the tap's ReLU; infinity where it has none.
        entry: the shape of the network's input.
    """

    layers: tuple[dict[str, Any], ...]
    weights: tuple[np.ndarray, ...]
    source: int
    logits: int
    tap: int
    after_zero: bool
    ceiling: float
    entry: tuple[int, ...]


class Left(NamedTuple):
    """Why a network is left out of the page.

    Attributes:
        reason: in words, as a clause.
    """

    reason: str


class _Refusal(Exception):
    """Ends the reading; its text is the reason."""


def layers_of(classifier: Classifier, tap: Tap, *, most_bytes: int = MOST_BYTES) -> Layers | Left:
    """Reads a classifier for a page.

    Args:
        classifier: the network.
        tap: where features are compared.
        most_bytes: of the weights.

    Returns:
        Its layers, or why it is left out.
    """
    try:
        return _read(classifier, tap, most_bytes)
    except _Refusal as refusal:
        return Left(str(refusal))


def _read(classifier: Classifier, tap: Tap, most_bytes: int) -> Layers:
    way = classifier.way(tap.name)
    if classifier.reading.several:
        raise _Refusal("it gives labels, not one class")
    if not way.plain:
        raise _Refusal("its outputs are probabilities that are not made of logits")
    if way.dtype != "float32" or None in way.entry:
        raise _Refusal(f"it reads {way.dtype} of shape {way.entry}")
    shapes: dict[int, tuple[int, ...]] = {way.source: tuple(n or 1 for n in way.entry)}
    layers: list[dict[str, Any]] = []
    weights: list[np.ndarray] = []
    products = 0
    for call in way.calls:
        spec, arrays = _layer(call, [shapes[number] for number in call.reads])
        shapes[call.writes[0]] = tuple(n or 0 for n in call.shape)
        products += _products(spec, shapes[call.writes[0]], arrays)
        spec |= {"weights": list(range(len(weights), len(weights) + len(arrays)))}
        spec |= {"reads": list(call.reads), "writes": call.writes[0], "shape": list(shapes[call.writes[0]])}
        layers.append(spec)
        weights += arrays
    size = sum(array.nbytes for array in weights)
    if size > most_bytes:
        raise _Refusal(f"its weights take {size / 1e6:.1f} MB, more than {most_bytes / 1e6:g}")
    if products > _MOST_PRODUCTS:
        raise _Refusal(f"one look takes it {products / 1e6:,.0f} million products")
    after_zero = classifier.outputs == "binary"
    ends = (way.source, way.logits, way.before)
    return Layers(tuple(layers), tuple(weights), *ends, after_zero, tap.rectifier.ceiling, shapes[way.source])


def _products(spec: dict[str, Any], shape: tuple[int, ...], arrays: list[np.ndarray]) -> int:
    places = math.prod(shape[:-1]) if spec["kind"] in ("convolution", "depthwise") else 1
    return places * arrays[0].size if arrays else 0


def _layer(call: Call, reads: list[tuple[int, ...]]) -> tuple[dict[str, Any], list[np.ndarray]]:
    """What a call does, as settings and float32 arrays."""
    operation = call.operation
    if None in call.shape or len(call.writes) != 1:
        raise _Refusal(f"the size of {call.name} is open")
    if why := obstacle(call):
        raise _Refusal(f"its layer {call.name} {why}")
    rectifier = rectifier_of(operation)
    if rectifier is not None:
        return {"kind": "relu", "ceiling": None if math.isinf(rectifier.ceiling) else rectifier.ceiling}, []
    if passes_through(call):
        return {"kind": "same"}, []
    if type(operation) in _SCALING:
        return {"kind": "scale"}, _scaling(call, reads)
    read = _KINDS.get(type(operation))
    if read is None:
        raise _Refusal(f"its layer {call.name} is a {kind_of(call)}, which the page does not compute")
    return read(operation)


def _scaling(call: Call, reads: list[tuple[int, ...]]) -> list[np.ndarray]:
    """Scale and offset of each value; of one channel where all places are alike."""
    try:
        found = read_step(Step(call, call.reads, tuple(reads)))
    except NotAffine as error:
        raise _Refusal(f"its layer {call.name} {error}") from error
    channels = reads[0][-1]
    parts = [np.asarray(part).reshape(-1, channels) for part in (found.weights[0].diagonal(), found.bias)]
    return [_floats(part[0] if (part == part[0]).all() else part.ravel()) for part in parts]


def _floats(values: ArrayLike) -> np.ndarray:
    return np.ascontiguousarray(np.asarray(values, np.float32))


def _bias(layer: keras.Layer, size: int) -> np.ndarray:
    return _floats(layer.bias) if layer.use_bias else np.zeros(size, np.float32)


def _dense(layer: keras.Layer) -> tuple[dict[str, Any], list[np.ndarray]]:
    kernel = _floats(layer.kernel)
    return {"kind": "dense"}, [kernel, _bias(layer, kernel.shape[1])]


def _convolution(layer: keras.Layer) -> tuple[dict[str, Any], list[np.ndarray]]:
    depthwise = type(layer) is keras.layers.DepthwiseConv2D
    kernel = _floats(layer.kernel)
    if getattr(layer, "groups", 1) != 1:
        raise _Refusal(f"its layer {layer.name} has {layer.groups} groups")
    outputs = kernel.shape[2] * kernel.shape[3] if depthwise else kernel.shape[3]
    spec = {"kind": "depthwise" if depthwise else "convolution", "kernel": list(kernel.shape)}
    return spec | _window(layer, kernel.shape[:2], layer.dilation_rate), [kernel, _bias(layer, outputs)]


def _pooling(kind: str) -> Callable[[Any], tuple[dict[str, Any], list[np.ndarray]]]:
    def read(layer: keras.Layer) -> tuple[dict[str, Any], list[np.ndarray]]:
        return {"kind": kind} | _window(layer, layer.pool_size, (1, 1)), []

    return read


def _window(layer: keras.Layer, size: tuple[int, ...], dilation: tuple[int, ...]) -> dict[str, Any]:
    if layer.padding not in ("valid", "same"):
        raise _Refusal(f"its layer {layer.name} pads by {layer.padding}")
    same = layer.padding == "same"
    return {"size": list(size), "strides": list(layer.strides), "dilation": list(dilation), "same": same}


def _global(kind: str) -> Callable[[Any], tuple[dict[str, Any], list[np.ndarray]]]:
    return lambda layer: ({"kind": kind}, [])


def _padding(layer: keras.Layer) -> tuple[dict[str, Any], list[np.ndarray]]:
    return {"kind": "pad", "before": [int(pair[0]) for pair in layer.padding]}, []


def _concatenation(layer: keras.Layer) -> tuple[dict[str, Any], list[np.ndarray]]:
    if layer.axis != -1:
        raise _Refusal(f"its layer {layer.name} joins along axis {layer.axis}")
    return {"kind": "join"}, []


_SCALING = (keras.layers.Rescaling, keras.layers.BatchNormalization, keras.layers.Normalization)
_KINDS: dict[Any, Callable[[Any], tuple[dict[str, Any], list[np.ndarray]]]] = {
    keras.layers.Dense: _dense,
    keras.layers.Conv2D: _convolution,
    keras.layers.DepthwiseConv2D: _convolution,
    keras.layers.MaxPooling2D: _pooling("largest"),
    keras.layers.AveragePooling2D: _pooling("mean"),
    keras.layers.GlobalMaxPooling2D: _global("largest_of_all"),
    keras.layers.GlobalAveragePooling2D: _global("mean_of_all"),
    keras.layers.ZeroPadding2D: _padding,
    keras.layers.Add: _global("sum"),
    keras.layers.Concatenate: _concatenation,
}
