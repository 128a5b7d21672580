"""Keras's affine layers, as matrices."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from scipy import sparse

from tfcollide.models.affine_call import AffineCall, Matrix, NotAffine, Reader, Shape, check_size, elementwise, linear
from tfcollide.models.graph import Call
from tfcollide.models.rectifier import other_activation
from tfcollide.models.windows import Windows, average_matrix, convolution_matrix, depthwise_matrix, entries, whole_image

__all__ = ["LAYERS", "signed_sum"]

_DEPTHWISE = (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D)


def _values(variable: keras.Variable) -> np.ndarray:
    return np.asarray(variable, np.float64)


def _with_bias(layer: keras.Layer, weights: Matrix, terms: int) -> AffineCall:
    """Of a layer that may have a bias, the same at every place."""
    if layer.activation not in (None, keras.activations.linear):
        raise NotAffine(f"has the activation {other_activation(layer.activation)}")
    bias = np.zeros(weights.shape[0])
    if layer.use_bias:
        channels = _values(layer.bias)
        bias = np.tile(channels, len(bias) // len(channels))
    return AffineCall((weights,), bias, np.abs(bias), terms, extra=1)


def _dense(call: Call, shapes: Sequence[Shape]) -> AffineCall:
    """Over the last axis."""
    kernel, places = _values(call.operation.kernel), math.prod(shapes[0][:-1])
    if places == 1:
        return _with_bias(call.operation, kernel.T, len(kernel))
    check_size(places * kernel.size)
    weights = sparse.csr_array(sparse.kron(sparse.eye_array(places), sparse.csr_array(kernel.T)))
    return _with_bias(call.operation, weights, len(kernel))


def _convolution(call: Call, shapes: Sequence[Shape]) -> AffineCall:
    layer, kernel = call.operation, _values(call.operation.kernel)
    if layer.padding not in ("valid", "same"):
        raise NotAffine(f"pads by {layer.padding}")
    windows = Windows(shapes[0], layer.kernel_size, layer.strides, layer.dilation_rate, layer.padding)
    check_size(entries(windows, math.prod(kernel.shape[-2:])))
    if type(layer) in _DEPTHWISE:
        return _with_bias(layer, depthwise_matrix(windows, kernel), math.prod(kernel.shape[:-2]))
    return _with_bias(layer, convolution_matrix(windows, kernel), math.prod(kernel.shape[:-1]))


def _pooling(call: Call, shapes: Sequence[Shape]) -> AffineCall:
    layer = call.operation
    dilation = (1,) * len(layer.pool_size)
    return _average(Windows(shapes[0], layer.pool_size, layer.strides, dilation, layer.padding))


def _global_pooling(call: Call, shapes: Sequence[Shape]) -> AffineCall:
    return _average(whole_image(shapes[0]))


def _average(windows: Windows) -> AffineCall:
    check_size(entries(windows, windows.shape[-1]))
    # A sum, then a quotient or a product with a rounded reciprocal.
    return linear(average_matrix(windows), terms=math.prod(windows.size), extra=3)


def _rescaling(call: Call, shapes: Sequence[Shape]) -> AffineCall:
    layer = call.operation
    scale, offset = (np.asarray(value, layer.compute_dtype).astype(np.float64) for value in (layer.scale, layer.offset))
    return elementwise(shapes[0], scale, offset, np.abs(offset), roundings=2)


def _batch_normalization(call: Call, shapes: Sequence[Shape]) -> AffineCall:
    """Computes gamma (x - mean) / sqrt(variance + epsilon) + beta along one axis.

    16 roundings leave room for any order of these, for an epsilon in float32 and
    for a reciprocal root that is off by four units in the last place.
    """
    layer, shape = call.operation, shapes[0]
    mean, variance = _values(layer.moving_mean), _values(layer.moving_variance)
    gamma = _values(layer.gamma) if layer.scale else np.ones_like(mean)
    beta = _values(layer.beta) if layer.center else np.zeros_like(mean)
    scale = gamma / np.sqrt(variance + layer.epsilon)
    axis = (layer.axis if layer.axis >= 0 else layer.axis + len(shape) + 1) - 1
    along = [len(mean) if i == axis else 1 for i in range(len(shape))]
    offset, magnitude = beta - scale * mean, np.abs(beta) + np.abs(scale * mean)
    return elementwise(shape, *(part.reshape(along) for part in (scale, offset, magnitude)), roundings=16)


def _normalization(call: Call, shapes: Sequence[Shape]) -> AffineCall:
    """Computes (x - mean) / max(sqrt(variance), epsilon); with as much room as batch normalization has."""
    layer = call.operation
    if layer.invert:
        raise NotAffine("is inverted")
    mean, variance = (
        _values(part)[0] if np.ndim(part) > len(shapes[0]) else _values(part) for part in (layer.mean, layer.variance)
    )
    scale = 1.0 / np.maximum(np.sqrt(variance), keras.backend.epsilon())
    return elementwise(shapes[0], scale, -scale * mean, np.abs(scale * mean), roundings=16)


def _sum(call: Call, shapes: Sequence[Shape]) -> AffineCall:
    signs = (1.0, -1.0) if type(call.operation) is keras.layers.Subtract else (1.0,) * len(shapes)
    return signed_sum(signs, shapes)


def signed_sum(signs: Sequence[float], shapes: Sequence[Shape]) -> AffineCall:
    """Of values of one shape.

    Raises:
        NotAffine: they have different shapes.
    """
    if len(set(shapes)) > 1:
        raise NotAffine(f"adds values of the shapes {', '.join(map(str, shapes))}")
    size = math.prod(shapes[0])
    return linear(*(sparse.csr_array(sign * sparse.eye_array(size)) for sign in signs), terms=len(signs), extra=0)


_KINDS = keras.layers
LAYERS: dict[Any, Reader] = {
    _KINDS.Dense: _dense,
    **dict.fromkeys((_KINDS.Conv1D, _KINDS.Conv2D, _KINDS.Conv3D, *_DEPTHWISE), _convolution),
    **dict.fromkeys((_KINDS.AveragePooling1D, _KINDS.AveragePooling2D, _KINDS.AveragePooling3D), _pooling),
    **dict.fromkeys(
        (_KINDS.GlobalAveragePooling1D, _KINDS.GlobalAveragePooling2D, _KINDS.GlobalAveragePooling3D), _global_pooling
    ),
    _KINDS.Rescaling: _rescaling,
    _KINDS.BatchNormalization: _batch_normalization,
    _KINDS.Normalization: _normalization,
    _KINDS.Add: _sum,
    _KINDS.Subtract: _sum,
}
"""What reads each; a subclass may compute anything."""
