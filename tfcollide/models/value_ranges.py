"""Between which numbers a value within a network lies, whatever the image: at least 0 behind a ReLU, at most 6 behind ReLU6.

Only what is plain to see is said: bounds are carried on by calls that are monotone, such as pools, concatenations and
sums, by letting the network make the call with the bounds themselves. Behind anything else there are none.
"""

import keras
import numpy as np
import tensorflow as tf

from tfcollide.models.affine_functions import MOVING_LAYERS
from tfcollide.models.affine_reading import passes_through
from tfcollide.models.classifier import Classifier
from tfcollide.models.graph import Call
from tfcollide.models.keras_private import own_function
from tfcollide.models.rectifier import rectifier_of

__all__ = ["value_range"]

_KINDS = keras.layers
_MONOTONE = (
    *(_KINDS.MaxPooling1D, _KINDS.MaxPooling2D, _KINDS.MaxPooling3D),
    *(_KINDS.AveragePooling1D, _KINDS.AveragePooling2D, _KINDS.AveragePooling3D),
    *(_KINDS.GlobalMaxPooling1D, _KINDS.GlobalMaxPooling2D, _KINDS.GlobalMaxPooling3D),
    *(_KINDS.GlobalAveragePooling1D, _KINDS.GlobalAveragePooling2D, _KINDS.GlobalAveragePooling3D),
    *(_KINDS.Add, _KINDS.BatchNormalization, _KINDS.Rescaling, _KINDS.Normalization),
    *MOVING_LAYERS,
)
"""What is monotone in each value that it reads, up or down; of the layers that scale, each entry by itself."""
_FUNCTIONS = ("Concatenate", "ExpandDims", "Flip", "GetItem", "Moveaxis", "Ravel", "Reshape", "Squeeze", "Transpose")

_LARGEST = float(np.finfo(np.float32).max)


def value_range(network: Classifier, number: int) -> tuple[np.ndarray, np.ndarray]:
    """The least and the most, `[...]` float64 each in the value's shape, of the value `number` of the network's graph."""
    call = network.graph.giver(number)
    if call is None:
        return tuple(np.full(network.image_shape, end, np.float64) for end in network.bounds)  # type: ignore[return-value]
    rectifier = rectifier_of(call.operation)
    if rectifier is not None:
        shape = _shape(network, call)
        return np.zeros(shape), np.full(shape, rectifier.ceiling)
    if not _is_monotone(call):
        return np.full(_shape(network, call), -np.inf), np.full(_shape(network, call), np.inf)
    below = [value_range(network, read) for read in call.reads]
    ends = [_applied(call, [pair[side] for pair in below]) for side in (0, 1)]
    unknown = np.isnan(ends[0]) | np.isnan(ends[1])  # 0 times infinity
    return np.where(unknown, -np.inf, np.minimum(*ends)), np.where(unknown, np.inf, np.maximum(*ends))


def _is_monotone(call: Call) -> bool:
    return passes_through(call) or type(call.operation) in _MONOTONE or own_function(call.operation) in _FUNCTIONS


def _applied(call: Call, values: list[np.ndarray]) -> np.ndarray:
    (given,) = call.apply([tf.constant(value[None], tf.float32) for value in values])
    ends = given.numpy()[0].astype(np.float64)
    return np.where(np.abs(ends) >= _LARGEST, np.copysign(np.inf, ends), ends)  # a max-pool starts from the least number


def _shape(network: Classifier, call: Call) -> tuple[int, ...]:
    known = tuple(size for size in call.shape if size is not None)
    if len(known) == len(call.shape):
        return known
    image = tf.zeros([1, *network.image_shape])
    return tuple(network.graph.run({network.graph.source: image}, call.writes[0])[0].shape[1:])
