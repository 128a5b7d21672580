"""Calls that are linear as steps of a proof, convolutions left as they are.

Roundings count those of float32 in any order of summation, with or without fused
multiply-add; see `float_error`.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from scipy import sparse

from tfcollide.models.affine_call import AffineCall, NotAffine, is_entrywise
from tfcollide.models.affine_reading import Step, is_affine, read_step
from tfcollide.polytope.proof.steps import Linear

__all__ = ["linear_steps", "reshaped"]

Shape = tuple[int, ...]


def linear_steps(step: Step, shapes: Sequence[Shape]) -> list[Linear] | None:
    """The steps that a call consists of; None where it is not known to be linear.

    Args:
        step: the call.
        shapes: of what it reads, without the batch axis.

    Raises:
        NotAffine: its settings are none that can be bounded.
    """
    layer = step.call.operation
    if type(layer) in _LAYERS and len(shapes) == 1:
        return _LAYERS[type(layer)](layer, shapes[0])
    if type(layer) in _JOINING and len(shapes) > 1:
        if type(layer) is not keras.layers.Concatenate and len(set(shapes)) > 1:
            raise NotAffine(f"joins values of the shapes {', '.join(map(str, shapes))}")
        return [_JOINING[type(layer)](layer, len(shapes))]
    return [_read(read_step(step), shapes, step.call.shape)] if is_affine(step.call) else None


def reshaped(shape: Shape) -> Linear:
    """The same values in another shape."""
    return _moved(lambda values: tf.reshape(values, [-1, *shape]))


def _read(call: AffineCall, shapes: Sequence[Shape], after: Any) -> Linear:
    """A call that scales each entry, adds values up, or moves them; `read_step` knows its weights as matrices."""
    matrices = [sparse.coo_array(weights) for weights in call.weights]
    if is_entrywise(call):
        scales = [_narrow(matrix.diagonal().reshape(shapes[0])) for matrix in matrices]
        roundings = call.terms + call.extra
        found = Linear(_scaled(scales), roundings=roundings, entrywise=True)
        if not call.bias.any() and not call.magnitude.any():
            return found
        bias, magnitude = (_narrow(part.reshape(shapes[0])) for part in (call.bias, call.magnitude))
        return found._replace(bias=bias, magnitude=magnitude, bias_roundings=roundings)
    if any((matrix.data != 1.0).any() for matrix in matrices) or call.bias.any():
        raise NotAffine("is neither a convolution nor an entry by entry map")
    places = [_places(matrix) for matrix in matrices]

    def apply(values: Sequence[tf.Tensor], absolute: bool) -> tf.Tensor:
        found = []
        for value, place in zip(values, places, strict=True):
            flat = tf.reshape(value, [tf.shape(value)[0], -1])
            found.append(tf.gather(tf.pad(flat, [[0, 0], [0, 1]]), place, axis=1))
        return tf.reshape(tf.add_n(found), [-1, *after])

    return Linear(apply, fan_out=max(int(np.bincount(matrix.coords[1]).max(initial=1)) for matrix in matrices))


def _places(matrix: sparse.sparray) -> np.ndarray:
    """Which entry goes where; a zero at the end of what is read where none does."""
    rows, columns = matrix.coords
    if len(np.unique(rows)) < len(rows):
        raise NotAffine("adds values up in a way that is not bounded")
    found = np.full(matrix.shape[0], matrix.shape[1])
    found[rows] = columns
    return found


def _narrow(values: np.ndarray) -> np.ndarray:
    """The same, with one entry along each axis that it does not change along."""
    for axis in range(values.ndim - 1):
        first = values.take([0], axis=axis)
        values = first if np.array_equal(np.broadcast_to(first, values.shape), values) else values
    return values


def _weights(variable: keras.Variable) -> np.ndarray:
    return np.asarray(variable, np.float64)


def _bias(layer: keras.Layer) -> np.ndarray | None:
    return _weights(layer.bias) if layer.use_bias else None


def _with_bias(bias: np.ndarray | None, **settings: Any) -> Linear:
    if bias is None:
        return Linear(**settings)
    return Linear(bias=bias, magnitude=np.abs(bias), bias_roundings=settings["roundings"] + 1, **settings)


def _kernel(weights: np.ndarray, like: tf.Tensor, absolute: bool) -> tf.Tensor:
    return tf.constant(np.abs(weights) if absolute else weights, like.dtype)


def _dense(layer: keras.Layer, shape: Shape) -> list[Linear]:
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


def _padding(layer: keras.Layer) -> str:
    if layer.padding not in ("valid", "same"):
        raise NotAffine(f"pads by {layer.padding}")
    return str(layer.padding.upper())


def _convolution(layer: keras.Layer, shape: Shape) -> list[Linear]:
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


def _depthwise(layer: keras.Layer, shape: Shape) -> list[Linear]:
    return [_depthwise_step(layer, layer.kernel, _bias(layer))]


def _depthwise_step(layer: keras.Layer, kernel: np.ndarray, bias: np.ndarray | None) -> Linear:
    weights, padding, strides = _spread(_weights(kernel), layer.dilation_rate), _padding(layer), tuple(layer.strides)

    def apply(values: Sequence[tf.Tensor], absolute: bool) -> tf.Tensor:
        return tf.nn.depthwise_conv2d(values[0], _kernel(weights, values[0], absolute), [1, *strides, 1], padding)

    places = kernel.shape[0] * kernel.shape[1]
    return _with_bias(bias, apply=apply, roundings=places + 1, fan_out=places * kernel.shape[3])


def _separable(layer: keras.Layer, shape: Shape) -> list[Linear]:
    kernel = _weights(layer.pointwise_kernel)
    mixed = _with_bias(
        _bias(layer),
        apply=_grouped(kernel, 1, (1, 1), "VALID"),
        roundings=kernel.shape[2] + 1,
        fan_out=kernel.shape[3],
    )
    return [_depthwise_step(layer, layer.depthwise_kernel, None), mixed]


def _average_pooling(layer: keras.Layer, shape: Shape) -> list[Linear]:
    size, strides, padding = tuple(layer.pool_size), tuple(layer.strides), _padding(layer)

    def apply(values: Sequence[tf.Tensor], absolute: bool) -> tf.Tensor:
        return tf.nn.avg_pool2d(values[0], size, strides, padding)

    # A sum, then a quotient or a product with a rounded reciprocal.
    return [Linear(apply, roundings=math.prod(size) + 3, fan_out=math.prod(size))]


def _global_average(layer: keras.Layer, shape: Shape) -> list[Linear]:
    def apply(values: Sequence[tf.Tensor], absolute: bool) -> tf.Tensor:
        return tf.reduce_mean(values[0], axis=[1, 2], keepdims=layer.keepdims)

    return [Linear(apply, roundings=shape[0] * shape[1] + 3)]


def _scaled(scales: Sequence[np.ndarray]) -> Callable[[Sequence[tf.Tensor], bool], tf.Tensor]:
    """The sum of values, each entry of each by its own factor."""

    def apply(values: Sequence[tf.Tensor], absolute: bool) -> tf.Tensor:
        return tf.add_n([value * _kernel(scale, value, absolute) for value, scale in zip(values, scales, strict=True)])

    return apply


def _zero_padding(layer: keras.Layer, shape: Shape) -> list[Linear]:
    return [_moved(lambda values: tf.pad(values, [[0, 0], *layer.padding, [0, 0]]))]


def _cropping(layer: keras.Layer, shape: Shape) -> list[Linear]:
    (top, bottom), (left, right) = layer.cropping
    return [_moved(lambda values: values[:, top : shape[0] - bottom, left : shape[1] - right])]


def _up_sampling(layer: keras.Layer, shape: Shape) -> list[Linear]:
    if layer.interpolation != "nearest":
        raise NotAffine(f"interpolates by {layer.interpolation}")
    rows, columns = layer.size
    step = _moved(lambda values: tf.repeat(tf.repeat(values, rows, axis=1), columns, axis=2))
    return [step._replace(fan_out=rows * columns)]


def _permute(layer: keras.Layer, shape: Shape) -> list[Linear]:
    return [_moved(lambda values: tf.transpose(values, [0, *layer.dims]))]


def _moved(move: Callable[[tf.Tensor], tf.Tensor]) -> Linear:
    """A step that moves values, and computes nothing."""
    return Linear(lambda values, absolute: move(values[0]))


def _sum(layer: keras.Layer, count: int) -> Linear:
    return Linear(lambda values, absolute: tf.add_n(list(values)), roundings=count - 1, entrywise=True)


def _mean(layer: keras.Layer, count: int) -> Linear:
    return Linear(lambda values, absolute: tf.add_n(list(values)) / count, roundings=count + 2, entrywise=True)


def _difference(layer: keras.Layer, count: int) -> Linear:
    def apply(values: Sequence[tf.Tensor], absolute: bool) -> tf.Tensor:
        return values[0] + values[1] if absolute else values[0] - values[1]

    return Linear(apply, roundings=1, entrywise=True)


def _joined(layer: keras.Layer, count: int) -> Linear:
    return Linear(lambda values, absolute: tf.concat(list(values), axis=layer.axis))


_LAYERS: dict[Any, Callable[[Any, Shape], list[Linear]]] = {
    keras.layers.Dense: _dense,
    keras.layers.Conv2D: _convolution,
    keras.layers.DepthwiseConv2D: _depthwise,
    keras.layers.SeparableConv2D: _separable,
    keras.layers.AveragePooling2D: _average_pooling,
    keras.layers.GlobalAveragePooling2D: _global_average,
    keras.layers.ZeroPadding2D: _zero_padding,
    keras.layers.Cropping2D: _cropping,
    keras.layers.UpSampling2D: _up_sampling,
    keras.layers.Permute: _permute,
}
_JOINING: dict[Any, Callable[[Any, int], Linear]] = {
    keras.layers.Add: _sum,
    keras.layers.Average: _mean,
    keras.layers.Subtract: _difference,
    keras.layers.Concatenate: _joined,
}
