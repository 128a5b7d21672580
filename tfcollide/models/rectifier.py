"""Which operations are ReLUs, and which are other activations."""

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

import keras
import numpy as np
import tensorflow as tf

from tfcollide.models.keras_private import own_function

Spelling: TypeAlias = "keras.Operation | Callable | str"
"""A layer, an operation or function of Keras, or the name of one in the graph of a SavedModel."""

__all__ = ["Rectifier", "is_sigmoid", "is_softmax", "other_activation", "rectifier_of"]

_RELU = {"negative_slope": 0.0, "threshold": 0.0, "ceiling": math.inf}
_SPELLINGS: dict[str, dict[str, Any]] = {
    "relu": _RELU,
    "relu6": {"ceiling": 6.0},
    "leaky_relu": {"negative_slope": 0.2, "ceiling": math.inf},
    "elu": {"alpha": 1.0, "ceiling": math.inf},
    "threshold": {"threshold": 1.0, "default_value": 1.0, "ceiling": math.inf},
    "clip": {"x_min": 1.0, "ceiling": math.inf},
    "maximum": {"x2": 1.0, "ceiling": math.inf},
}
"""Keras's functions that are ReLUs where their settings, here with their defaults, are zero, all but the ceiling."""
_CEILINGS = ("max_value", "x_max")
_FUNCTIONS: dict[str, tuple[Any, ...]] = {
    "relu": (keras.activations.relu, keras.ops.relu, tf.nn.relu),
    "relu6": (keras.activations.relu6, keras.ops.relu6, tf.nn.relu6),
    "leaky_relu": (keras.activations.leaky_relu, keras.ops.leaky_relu),
    "elu": (keras.activations.elu, keras.ops.elu),
    "threshold": (keras.activations.threshold, keras.ops.threshold),
    "clip": (keras.ops.clip,),
    "maximum": (keras.ops.maximum,),
    "softmax": (keras.activations.softmax, keras.ops.softmax, tf.nn.softmax),
    "sigmoid": (keras.activations.sigmoid, keras.ops.sigmoid, tf.nn.sigmoid, tf.sigmoid),
}
_LAYERS: dict[Any, str] = {
    keras.layers.ReLU.call: "relu",
    keras.layers.LeakyReLU.call: "leaky_relu",
    keras.layers.ELU.call: "elu",
    keras.layers.Softmax.call: "softmax",
}
# What Keras makes of a function that is called on a symbolic tensor.
_OPERATIONS = {
    "ReLU": "relu",
    "Relu": "relu",
    "Relu6": "relu6",
    "LeakyRelu": "leaky_relu",
    "Elu": "elu",
    "Threshold": "threshold",
    "Clip": "clip",
    "Softmax": "softmax",
    "Sigmoid": "sigmoid",
}
_HARMLESS = (keras.activations.linear, None)
_ACTIVATION_LAYERS = (keras.layers.ReLU, keras.layers.LeakyReLU, keras.layers.PReLU, keras.layers.ELU)


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


def rectifier_of(operation: Spelling) -> Rectifier | None:
    """The ReLU that a layer, a Keras operation or an activation function is; None for anything else.

    All spellings of Keras count: relu with a ceiling, leaky_relu without a slope, threshold at
    zero, clip from zero on, and `functools.partial` of these and of the maximum with zero.
    """
    name, given = _spelled(operation)
    if name not in _SPELLINGS:
        return None
    settings = _SPELLINGS[name] | {key: value for key, value in given.items() if key in _SPELLINGS[name]}
    ceiling = _number(settings.pop("ceiling"))
    return Rectifier(ceiling) if ceiling > 0 and all(_number(value) == 0 for value in settings.values()) else None


def is_softmax(operation: Spelling) -> bool:
    """Whether an operation is a softmax over the last axis."""
    name, settings = _spelled(operation)
    return name == "softmax" and settings.get("axis", -1) == -1


def is_sigmoid(operation: Spelling) -> bool:
    """Whether an operation is a sigmoid of each value."""
    return _spelled(operation)[0] == "sigmoid"


def other_activation(operation: Spelling) -> str | None:
    """The name of an activation that is no ReLU, softmax or identity; None where there is none."""
    if rectifier_of(operation) or is_softmax(operation):
        return None
    applied = _applied(operation)
    if isinstance(applied, _ACTIVATION_LAYERS):
        return type(applied).__name__
    if applied in _HARMLESS or isinstance(applied, (keras.Operation, str)):  # the graph of a SavedModel has names alone
        return None
    function = applied.func if isinstance(applied, functools.partial) else applied
    return getattr(function, "__name__", type(function).__name__)


def _applied(operation: Spelling) -> Any:
    """The function, layer or operation that `operation` is, or applies as its activation."""
    while isinstance(operation, keras.layers.Activation):
        operation = operation.activation
    return operation


def _spelled(operation: Spelling) -> tuple[str, dict[str, Any]]:
    """The name of Keras's function for an operation, and the settings that it has there; "" for what has none."""
    applied = _applied(operation)
    if isinstance(applied, functools.partial):
        name, settings = _spelled(applied.func)
        return ("" if applied.args else name), settings | _settings(applied.keywords)
    if not isinstance(applied, keras.Operation):
        return next((name for name, functions in _FUNCTIONS.items() if applied in functions), ""), {}
    name = _LAYERS.get(getattr(type(applied), "call", None), "") or _OPERATIONS.get(own_function(applied), "")
    return name, _settings(vars(applied))


def _settings(given: Mapping[str, object]) -> dict[str, Any]:
    """Those that are set, a ceiling by one name."""
    return {"ceiling" if key in _CEILINGS else key: value for key, value in given.items() if value is not None}


def _number(value: Any) -> float:
    """A setting as a number; NaN, which equals nothing, where it is none."""
    try:
        return float(value) if np.ndim(value) == 0 else math.nan
    except (TypeError, ValueError):
        return math.nan
