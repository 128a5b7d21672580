"""A classifier as a plain list of layers, kernels as they are saved: what is handed on to those who know no Keras.

Dense and convolutional layers, ReLUs and max-pools, one after the other. A Rescaling is a convolution of one place: a product
and a sum for each value, rounded in no other way. What passes values on
(Flatten, Dropout) is left out: a dense layer reads what is before it row by row. A ReLU right before a max-pool
stands behind it, which is the same function to the bit and leaves fewer ReLUs.
"""

import math
from typing import Any, Literal, NamedTuple

import keras
import numpy as np

from tfcollide.errors import RequestError
from tfcollide.models.affine_reading import Step, kind_of, obstacle, rounded_input, steps_between
from tfcollide.models.classifier import Classifier
from tfcollide.models.dense_chain import Unreadable
from tfcollide.models.rectifier import Rectifier, rectifier_of

__all__ = ["PlainLayer", "layers_of"]

Pads = tuple[tuple[int, int], tuple[int, int]]
_NO_PADS: Pads = ((0, 0), (0, 0))


class PlainLayer(NamedTuple):
    """One layer.

    Attributes:
        kind: what it is.
        name: of the Keras layer.
        shape: of what it gives, without the batch axis.
        weight: float32, `[in, out]` of a dense layer, `[h, w, in, out]` of a convolution; else None.
        bias: float32 `[out]`; zeros where the layer has none; None of other layers.
        size: `(h, w)` of a max-pool's window.
        strides: `(h, w)`, of a convolution or max-pool.
        padding: rows before and after, columns before and after, likewise.
    """

    kind: Literal["dense", "conv", "maxpool", "relu"]
    name: str
    shape: tuple[int, ...]
    weight: np.ndarray | None = None
    bias: np.ndarray | None = None
    size: tuple[int, int] = (1, 1)
    strides: tuple[int, int] = (1, 1)
    padding: Pads = _NO_PADS

    @property
    def settings(self) -> dict[str, Any]:
        """What is said of it beside its arrays."""
        said: dict[str, Any] = {"kind": self.kind, "name": self.name}
        if self.kind in ("conv", "maxpool"):
            said |= {"strides": self.strides, "padding": self.padding}
        return said | ({"size": self.size} if self.kind == "maxpool" else {})


def layers_of(classifier: Classifier) -> tuple[PlainLayer, ...] | Unreadable:
    """The layers from the image to the logits, of which the last is dense or a convolution; or why there is no such list."""
    read = classifier.logits_read
    if not read.plain:
        return Unreadable(f"the outputs of {classifier.name} are probabilities that are not made of logits")
    try:
        if (reason := rounded_input(classifier.graph)) is not None:
            return Unreadable(f"the network {reason}")
        steps, wanted = steps_between(classifier.graph, read.value)
    except RequestError as error:
        return Unreadable(str(error))
    layers: list[PlainLayer] = []
    before = classifier.graph.source
    for step in steps:
        name, shape = step.call.name, layers[-1].shape if layers else classifier.image_shape
        if step.reads != (before,):
            return Unreadable(f"{name} reads another value than that of the layer before it: the network has branches")
        found = _layer(step, shape)
        if isinstance(found, str):
            return Unreadable(f"{name} {found}")
        if type(step.call.operation) is keras.layers.Rescaling and layers and layers[-1].weight is not None:
            return Unreadable(f"{name} is a Rescaling behind {layers[-1].name}, which may take it in: that cannot be handed on")
        layers.append(found)
        if [layer.kind for layer in layers[-2:]] == ["relu", "maxpool"]:
            layers[-2:] = [layers[-1], layers[-2]._replace(shape=layers[-1].shape)]
        before = step.call.writes[0]
    if before != wanted or not layers or layers[-1].weight is None:
        return Unreadable("the logits are not those of a dense or convolutional layer")
    return tuple(layers)


def _layer(step: Step, shape: tuple[int, ...]) -> PlainLayer | str:
    """A step as a layer; or why it is none that is known."""
    layer, name = step.call.operation, step.call.name
    if (reason := obstacle(step.call)) is not None:
        return reason
    read = tuple(size for size in step.shapes[0] if size is not None)
    after = tuple(size for size in step.call.shape if size is not None)
    if math.prod(read) != math.prod(shape) or len(after) != len(step.call.shape):
        return "reads values of no fixed size"
    if rectifier_of(layer) == Rectifier():
        return PlainLayer("relu", name, shape)
    if type(layer) is keras.layers.Dense and len(read) == 1:
        return PlainLayer("dense", name, after, np.array(layer.kernel), _bias(layer))
    reshaped = len(read) == 3 and read != shape
    if type(layer) is keras.layers.Conv2D and layer.groups == 1 and set(layer.dilation_rate) == {1} and not reshaped:
        kernel, strides = np.array(layer.kernel), (layer.strides[0], layer.strides[1])
        pads = _pads(layer.padding, read, kernel.shape[:2], strides)
        return PlainLayer("conv", name, after, kernel, _bias(layer), strides=strides, padding=pads)
    if type(layer) is keras.layers.Rescaling and len(read) == 3 and not reshaped:
        scale, offset = (np.broadcast_to(np.float32(value), read[2:]) for value in (layer.scale, layer.offset))
        return PlainLayer("conv", name, after, np.diag(scale)[None, None], offset.copy())
    if type(layer) is keras.layers.MaxPooling2D and not reshaped:
        size, strides = (layer.pool_size[0], layer.pool_size[1]), (layer.strides[0], layer.strides[1])
        pads = _pads(layer.padding, read, size, strides)
        return PlainLayer("maxpool", name, after, size=size, strides=strides, padding=pads)
    known = type(layer) in (keras.layers.Conv2D, keras.layers.Dense, keras.layers.MaxPooling2D, keras.layers.Rescaling)
    return f"is a {kind_of(step.call)}{' with settings (groups, dilation, shapes)' if known else ''} that cannot be handed on"


def _bias(layer: keras.Layer) -> np.ndarray:
    return np.array(layer.bias) if layer.use_bias else np.zeros(layer.kernel.shape[-1], np.float32)


def _pads(kind: str, shape: tuple[int, ...], size: tuple[int, ...], strides: tuple[int, int]) -> Pads:
    """What a window's padding adds on each side: TensorFlow's "SAME" puts the odd one behind."""
    if kind != "same":
        return _NO_PADS
    missing = [max((-(-n // by) - 1) * by + s - n, 0) for n, s, by in zip(shape, size, strides, strict=False)]
    (rows, columns) = ((n // 2, n - n // 2) for n in missing)
    return (rows, columns)
