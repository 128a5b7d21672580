"""Which operations are ReLUs, and which are other activations."""

import math
from typing import Any, NamedTuple

import keras
import tensorflow as tf

__all__ = ["Rectifier", "is_sigmoid", "is_softmax", "other_activation", "rectifier_of"]

_RELUS = (keras.activations.relu, keras.ops.relu, tf.nn.relu)
_RELUS_6 = (keras.activations.relu6, keras.ops.relu6, tf.nn.relu6)
_SOFTMAXES = (keras.activations.softmax, keras.ops.softmax, tf.nn.softmax)
_SIGMOIDS = (keras.activations.sigmoid, keras.ops.sigmoid, tf.nn.sigmoid, tf.sigmoid)
_HARMLESS = (keras.activations.linear, None)
_OTHER_LAYERS = (keras.layers.LeakyReLU, keras.layers.PReLU, keras.layers.ELU)


class Rectifier(NamedTuple):
    """post_activation = min(max(pre_activation, 0), ceiling).

    Attributes:
        ceiling: infinity for the plain ReLU, 6 for ReLU6.
    """

    ceiling: float = math.inf

    def __call__(self, pre_activation: tf.Tensor) -> tf.Tensor:
        """post_activation, of the same shape."""
        post_activation = tf.nn.relu(pre_activation)
        return post_activation if math.isinf(self.ceiling) else tf.minimum(post_activation, self.ceiling)


def rectifier_of(operation: Any) -> Rectifier | None:
    """The ReLU that a layer, a Keras operation or an activation function is; None for anything else."""
    if isinstance(operation, keras.layers.ReLU):
        plain = not operation.negative_slope and not operation.threshold
        ceiling = math.inf if operation.max_value is None else float(operation.max_value)
        return Rectifier(ceiling) if plain and ceiling > 0 else None
    function = _function(operation)
    if function in _RELUS or _is_operation(operation, "Relu"):
        return Rectifier()
    return Rectifier(6.0) if function in _RELUS_6 or _is_operation(operation, "Relu6") else None


def is_softmax(operation: Any) -> bool:
    """Whether an operation is a softmax over the last axis."""
    if isinstance(operation, keras.layers.Softmax) or _is_operation(operation, "Softmax"):
        return operation.axis == -1
    return _function(operation) in _SOFTMAXES


def is_sigmoid(operation: Any) -> bool:
    """Whether an operation is a sigmoid of each value."""
    return _is_operation(operation, "Sigmoid") or _function(operation) in _SIGMOIDS


def other_activation(operation: Any) -> str | None:
    """The name of an activation that is no ReLU, softmax or identity; None where there is none."""
    if rectifier_of(operation) or is_softmax(operation):
        return None
    if isinstance(operation, (keras.layers.ReLU, *_OTHER_LAYERS)):
        return type(operation).__name__
    function = _function(operation)
    return None if function in _HARMLESS else getattr(function, "__name__", type(function).__name__)


def _function(operation: Any) -> Any:
    """The activation function that `operation` is or applies; None where it is something else."""
    if isinstance(operation, keras.layers.Activation):
        return operation.activation
    return None if isinstance(operation, keras.Operation) else operation


def _is_operation(operation: Any, name: str) -> bool:
    """Whether `operation` is what `keras.ops` makes of a symbolic tensor."""
    kind = type(operation)
    return kind.__name__ == name and kind.__module__.startswith("keras.src.ops")
