"""Keras layers as linear steps, convolutions left as they are.

Roundings count those of float32 in any order of summation, with or without fused
multiply-add; see `float_error`.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfcollide.models.affine_layers import ELEMENTWISE, elementwise
from tfcollide.polytope.proof.steps import Linear

__all__ = ["JOINING", "LINEAR", "linear_steps"]

Shape = tuple[int, ...]


def linear_steps(layer: Any, shape: Shape) -> list[Linear]:
    """The steps that a layer of `LINEAR` consists of, without its activation.

    Args:
        layer: of Keras.
        shape: of what it reads, without the batch axis.

    Raises:
        ValueError: its settings are none that can be bounded; the text says which.
    """
    return LINEAR[type(layer)](layer, shape)


def _weights(variable: Any) -> np.ndarray:
    return np.asarray(variable, np.float64)


def _bias(layer: Any) -> np.ndarray | None:
    return _weights(layer.bias) if layer.use_bias else None


def _with_bias(bias: np.ndarray | None, **settings: Any) -> Linear:
    if bias is None:
        return Linear(**settings)
    return Linear(bias=bias, magnitude=np.abs(bias), bias_roundings=settings["roundings"] + 1, **settings)


def _kernel(weights: np.ndarray, like: tf.Tensor, absolute: bool) -> tf.Tensor:
    return tf.constant(np.abs(weights) if absolute else weights, like.dtype)


def _dense(layer: Any, shape: Shape) -> list[Linear]:
    kernel = _weights(layer.kernel)

    def apply(values: Sequence[tf.Tensor], absolute: bool) -> tf.Tensor:
        return tf.tensordot(values[0], _kernel(kernel, values[0], absolute), 1)

    return [_with_bias(_bias(layer), apply=apply, roundings=kernel.shape[0] + 1, fan_out=kernel.shape[1])]


def _spread(kernel: np.ndarray, dilation: Sequence[int]) -> np.ndarray:
    """The kernel `[h, w, ...]` with zeros where its dilation leaves gaps."""
    sizes = [(n - 1) * step + 1 for n, step in zip(kernel.shape, dilation, strict=False)]
    spread = np.zeros([*sizes, *kernel.shape[2:]])
    spread[:: dilation[0], :: dilation[1]] = kernel
    return spread


def _padding(layer: Any) -> str:
    if layer.padding not in ("valid", "same"):
        raise ValueError(f"pads by {layer.padding}")
    return str(layer.padding.upper())


def _convolution(layer: Any, shape: Shape) -> list[Linear]:
    kernel, padding, strides = _weights(layer.kernel), _padding(layer), tuple(layer.strides)
    terms = kernel.shape[0] * kernel.shape[1] * kernel.shape[2]
    fan_out = kernel.shape[0] * kernel.shape[1] * kernel.shape[3]
    apply = _grouped(_spread(kernel, layer.dilation_rate), layer.groups, strides, padding)
    return [_with_bias(_bias(layer), apply=apply, roundings=terms + 1, fan_out=fan_out)]


def _grouped(kernel: np.ndarray, groups: int, strides: Shape, padding: str) -> Callable[[Sequence[tf.Tensor], bool], tf.Tensor]:
    """A convolution in groups; one after the other, as not every device has a gradient of groups."""

    def apply(values: Sequence[tf.Tensor], absolute: bool) -> tf.Tensor:
        weights = _kernel(kernel, values[0], absolute)
        parts = zip(tf.split(values[0], groups, axis=-1), tf.split(weights, groups, axis=-1), strict=True)
        found = [tf.nn.conv2d(part, one, strides, padding) for part, one in parts]
        return found[0] if groups == 1 else tf.concat(found, axis=-1)

    return apply


def _depthwise(layer: Any, shape: Shape) -> list[Linear]:
    return [_depthwise_step(layer, layer.kernel, _bias(layer))]


def _depthwise_step(layer: Any, kernel: Any, bias: np.ndarray | None) -> Linear:
    weights, padding, strides = _spread(_weights(kernel), layer.dilation_rate), _padding(layer), tuple(layer.strides)

    def apply(values: Sequence[tf.Tensor], absolute: bool) -> tf.Tensor:
        return tf.nn.depthwise_conv2d(values[0], _kernel(weights, values[0], absolute), [1, *strides, 1], padding)

    places = kernel.shape[0] * kernel.shape[1]
    return _with_bias(bias, apply=apply, roundings=places + 1, fan_out=places * kernel.shape[3])


def _separable(layer: Any, shape: Shape) -> list[Linear]:
    kernel = _weights(layer.pointwise_kernel)
    mixed = _with_bias(
        _bias(layer),
        apply=_grouped(kernel, 1, (1, 1), "VALID"),
        roundings=kernel.shape[2] + 1,
        fan_out=kernel.shape[3],
    )
    return [_depthwise_step(layer, layer.depthwise_kernel, None), mixed]


def _average_pooling(layer: Any, shape: Shape) -> list[Linear]:
    size, strides, padding = tuple(layer.pool_size), tuple(layer.strides), _padding(layer)

    def apply(values: Sequence[tf.Tensor], absolute: bool) -> tf.Tensor:
        return tf.nn.avg_pool2d(values[0], size, strides, padding)

    # A sum, then a quotient or a product with a rounded reciprocal.
    return [Linear(apply, roundings=math.prod(size) + 3, fan_out=math.prod(size))]


def _global_average(layer: Any, shape: Shape) -> list[Linear]:
    def apply(values: Sequence[tf.Tensor], absolute: bool) -> tf.Tensor:
        return tf.reduce_mean(values[0], axis=[1, 2], keepdims=layer.keepdims)

    return [Linear(apply, roundings=shape[0] * shape[1] + 3)]


def _elementwise(layer: Any, shape: Shape) -> list[Linear]:
    found = elementwise(layer, shape)
    return [_scaled(found.scale, found.offset, found.magnitude, found.roundings)]


def _normalization(layer: Any, shape: Shape) -> list[Linear]:
    """(x - mean) / max(sqrt(variance), epsilon), or its inverse; 16 roundings leave room for any order of these."""
    layer.finalize_state()
    mean, deviation = _weights(layer.mean), np.maximum(np.sqrt(_weights(layer.variance)), keras.backend.epsilon())
    mean, deviation = (np.broadcast_to(value, (1, *shape))[0] for value in (mean, deviation))
    scale, offset = (deviation, mean) if layer.invert else (1.0 / deviation, -mean / deviation)
    return [_scaled(scale, offset, np.abs(offset), 16)]


def _scaled(scale: np.ndarray, offset: np.ndarray, magnitude: np.ndarray, roundings: int) -> Linear:
    def apply(values: Sequence[tf.Tensor], absolute: bool) -> tf.Tensor:
        return values[0] * _kernel(scale, values[0], absolute)

    return Linear(apply, offset, magnitude, roundings, bias_roundings=roundings)


def _zero_padding(layer: Any, shape: Shape) -> list[Linear]:
    return [_moved(lambda values: tf.pad(values, [[0, 0], *layer.padding, [0, 0]]))]


def _cropping(layer: Any, shape: Shape) -> list[Linear]:
    (top, bottom), (left, right) = layer.cropping
    return [_moved(lambda values: values[:, top : shape[0] - bottom, left : shape[1] - right])]


def _up_sampling(layer: Any, shape: Shape) -> list[Linear]:
    if layer.interpolation != "nearest":
        raise ValueError(f"interpolates by {layer.interpolation}")
    rows, columns = layer.size
    step = _moved(lambda values: tf.repeat(tf.repeat(values, rows, axis=1), columns, axis=2))
    return [step._replace(fan_out=rows * columns)]


def _reshape(layer: Any, shape: Shape) -> list[Linear]:
    after = tuple(layer.compute_output_shape((1, *shape))[1:])
    return [_moved(lambda values: tf.reshape(values, [-1, *after]))]


def _permute(layer: Any, shape: Shape) -> list[Linear]:
    return [_moved(lambda values: tf.transpose(values, [0, *layer.dims]))]


def _moved(move: Callable[[tf.Tensor], tf.Tensor]) -> Linear:
    """A step that moves values, and computes nothing."""
    return Linear(lambda values, absolute: move(values[0]))


def _sum(count: int) -> Linear:
    return Linear(lambda values, absolute: tf.add_n(list(values)), roundings=count - 1)


def _mean(count: int) -> Linear:
    return Linear(lambda values, absolute: tf.add_n(list(values)) / count, roundings=count + 2)


def _difference(count: int) -> Linear:
    return Linear(lambda values, absolute: values[0] + values[1] if absolute else values[0] - values[1], roundings=1)


def _joined(layer: Any) -> Linear:
    return Linear(lambda values, absolute: tf.concat(list(values), axis=layer.axis))


LINEAR: dict[Any, Callable[[Any, Shape], list[Linear]]] = {
    keras.layers.Dense: _dense,
    keras.layers.Conv2D: _convolution,
    keras.layers.DepthwiseConv2D: _depthwise,
    keras.layers.SeparableConv2D: _separable,
    keras.layers.AveragePooling2D: _average_pooling,
    keras.layers.GlobalAveragePooling2D: _global_average,
    keras.layers.Normalization: _normalization,
    keras.layers.ZeroPadding2D: _zero_padding,
    keras.layers.Cropping2D: _cropping,
    keras.layers.UpSampling2D: _up_sampling,
    keras.layers.Flatten: _reshape,
    keras.layers.Reshape: _reshape,
    keras.layers.Permute: _permute,
    **dict.fromkeys(ELEMENTWISE, _elementwise),
}
"""Layers of one input."""

JOINING: dict[str, Callable[[Any, int], Linear]] = {
    "Add": lambda layer, count: _sum(count),
    "Average": lambda layer, count: _mean(count),
    "Subtract": lambda layer, count: _difference(count),
    "Concatenate": lambda layer, count: _joined(layer),
}
"""Layers, or Keras operations, of several inputs of one shape, by the name of their class."""
