"""The affine function of the image that a tap's pre-activation is, read from the Keras graph.

Weights are read, never probed through float32. The walk goes from the tap down to
the image, so that memory is at most that of the result, `[D, U]`.
"""

import dataclasses
from typing import Any

import keras
import numpy as np

from tfcollide.errors import RequestError
from tfcollide.models.affine_layers import ELEMENTWISE, elementwise, obstacle, opaque, passes_through, rounded_input
from tfcollide.models.classifier import Classifier
from tfcollide.models.rectifier import Rectifier, rectifier_of

__all__ = ["AffineMap", "affine_map"]

_PRECISIONS = ("float32", "float64")

Shape = tuple[int, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class AffineMap:
    """x -> x weights + bias, for images `[D]` flattened in row-major order, D = H W C.

    Attributes:
        weights: `[D, U]` float64.
        bias: `[U]` float64.
        magnitude: `[D, U]` float64, the same chain of layers with every weight
            replaced by its absolute value; equal to |weights| for a single layer.
        magnitude_bias: `[U]` float64, likewise.
        roundings: how many float32 roundings a term of the sum passes through at
            most, in any order of summation. With gamma = n u / (1 - n u), u = 2^-24
            and n = roundings, the float32 network is within
            gamma (|x| magnitude + magnitude_bias) of this map (Higham, Accuracy and
            Stability of Numerical Algorithms, section 3.1).
    """

    weights: np.ndarray
    bias: np.ndarray
    magnitude: np.ndarray
    magnitude_bias: np.ndarray
    roundings: int

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Pre-activations `[..., U]` in float64 of `x` `[..., D]`."""
        return np.asarray(x, np.float64) @ self.weights + self.bias


def affine_map(classifier: Classifier, tap_name: str) -> AffineMap:
    """The affine function of the image that the pre-activation at a tap is.

    Args:
        classifier: the network.
        tap_name: a ReLU layer of it, or a Dense layer with a ReLU of its own.

    Raises:
        RequestError: there is no such layer, a layer below it is not known to be
            affine, or one computes in another precision than float32 or float64.
    """
    if tap_name not in classifier.tap_names:
        raise RequestError(f"--tap={tap_name}", f"a layer of {classifier.name}: {', '.join(classifier.tap_names)}")
    try:
        tap = _operation(classifier.model, tap_name)
        below, above = tap.input, tap.output
    except (AttributeError, ValueError) as error:  # a SavedModel, no such layer, or one that is called twice
        received = f"--tap={tap_name}, which is no layer by itself in a Keras model that can be followed"
        raise RequestError(received, "one that is called once, within no other", "Say --solver=gradient.") from error
    if type(tap) is keras.layers.Dense and rectifier_of(tap.activation) == Rectifier():  # tapped between the two
        path, shape = _path(below, tap_name), above.shape[1:]
        walk = _Walk(int(np.prod(shape)))
        walk.dense(tap, shape)
    elif rectifier_of(tap) == Rectifier():
        path = _path(below, tap_name)  # before anything of the size of the tap is allocated
        walk = _Walk(int(np.prod(below.shape[1:])))
    else:
        raise _in_the_way(tap, tap_name)
    if isinstance(tap, keras.layers.Layer):
        _check(tap, obstacle(tap, precisions=_PRECISIONS))
    walk.through(path)
    return walk.result()


def _operation(model: Any, name: str) -> Any:
    """The layer or Keras operation of that name in a model, not those within its layers.

    Raises:
        ValueError: there is none.
    """
    for operation in getattr(model, "operations", None) or model.layers:
        if operation.name == name:
            return operation
    raise ValueError(name)


class _Walk:
    """The chain from a layer to the tap, composed from the tap downwards.

    Args:
        units: U.
    """

    def __init__(self, units: int):
        self._maps = [np.eye(units), np.eye(units)]  # of weights, and of their absolute values: [U, *shape]
        self._offsets = [np.zeros(units), np.zeros(units)]
        self._roundings = 0

    def result(self) -> AffineMap:
        weights, magnitude = (part.reshape(len(part), -1).T.copy() for part in self._maps)
        return AffineMap(weights, self._offsets[0], magnitude, self._offsets[1], max(self._roundings, 1))

    def through(self, path: list[tuple[Any, Shape]]) -> None:
        """Composes with the layers of `_path`."""
        for layer, shape in path:
            if type(layer) is keras.layers.Dense:
                self.dense(layer, shape)
            elif type(layer) in ELEMENTWISE:
                self._reshape(shape)
                found = elementwise(layer, shape)
                self._compose(found.scale, found.offset, found.magnitude)
                self._roundings += found.roundings
            elif isinstance(layer, keras.layers.InputLayer):
                self._reshape(shape)

    def dense(self, layer: keras.layers.Dense, shape: Shape) -> None:
        """Composes with y = x kernel + bias, over the last axis of x."""
        self._reshape(shape)
        kernel = np.asarray(layer.kernel, np.float64)
        bias = np.asarray(layer.bias, np.float64) if layer.use_bias else np.zeros(kernel.shape[1])
        for i, (k, b) in enumerate(((kernel, bias), (np.abs(kernel), np.abs(bias)))):
            self._add(i, b)
            self._maps[i] = self._maps[i] @ k.T
        self._roundings += kernel.shape[0] + 1

    def _compose(self, scale: np.ndarray, offset: np.ndarray, magnitude: np.ndarray) -> None:
        for i, (s, o) in enumerate(((scale, offset), (np.abs(scale), magnitude))):
            self._add(i, o)
            self._maps[i] = self._maps[i] * s

    def _add(self, i: int, offset: np.ndarray) -> None:
        self._offsets[i] = self._offsets[i] + (self._maps[i] * offset).reshape(len(self._maps[i]), -1).sum(axis=1)

    def _reshape(self, shape: Shape) -> None:
        self._maps = [part.reshape(len(part), *shape) for part in self._maps]


def _path(tensor: Any, tap_name: str) -> list[tuple[Any, Shape]]:
    """The layers from `tensor` down to the input of its model, each with the shape that it gives; all are affine."""
    found: list[tuple[Any, Shape]] = []
    while True:
        layer, sources = _producer(tensor)
        shape = tensor.shape[1:]
        if isinstance(layer, keras.layers.InputLayer):
            _check(layer, rounded_input(tensor))
            return [*found, (layer, shape)]
        if len(sources) != 1 or not isinstance(layer, keras.layers.Layer):
            raise _in_the_way(layer, tap_name)
        if isinstance(layer, keras.Model):
            _check(layer, opaque(layer))
            found += _path(layer.outputs[0], tap_name)
        elif _is_affine(layer):
            _check(layer, obstacle(layer, precisions=_PRECISIONS))
            found.append((layer, shape))
        else:
            raise _in_the_way(layer, tap_name)
        tensor = sources[0]


def _is_affine(layer: Any) -> bool:
    if type(layer) is keras.layers.Dense:
        return layer.activation is keras.activations.linear
    return passes_through(layer) or type(layer) in ELEMENTWISE


def _producer(tensor: Any) -> tuple[Any, list[Any]]:
    """The layer that a symbolic tensor comes out of, and the tensors it read there."""
    layer, node, _ = tensor._keras_history
    return layer, layer._inbound_nodes[node].input_tensors


def _check(layer: Any, reason: str | None) -> None:
    if reason is not None:
        expected = "a plain Keras layer in float32, whose rounding is bounded"
        raise RequestError(f"layer {layer.name}, which {reason}", expected, "Say --solver=gradient.")


def _in_the_way(layer: Any, tap_name: str) -> RequestError:
    return RequestError(
        f"--tap={tap_name}: layer {layer.name} ({type(layer).__name__}) lies between it and the image",
        "only layers that are affine in the image (Dense, Flatten, Reshape, Rescaling, BatchNormalization, Dropout)",
        "Take the first dense layer's ReLU, or --solver=gradient.",
    )
