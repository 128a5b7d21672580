"""Keras's affine functions, and what puts values at other places, as matrices."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from scipy import sparse

from tfcollide.models.affine_call import AffineCall, Matrix, NotAffine, Reader, Shape, elementwise, linear
from tfcollide.models.affine_layers import signed_sum
from tfcollide.models.graph import Call

__all__ = ["FUNCTIONS", "MOVING_LAYERS"]

_MAX_EXACT = 2**24  # whole numbers up to here are float32 numbers


def _add(call: Call, shapes: Sequence[Shape]) -> AffineCall:
    if len(call.reads) > 1:
        return signed_sum((1.0,) * len(shapes), shapes)
    constant = _constant(call, shapes[0])
    return elementwise(shapes[0], 1.0, constant, np.abs(constant), roundings=1)


def _subtract(call: Call, shapes: Sequence[Shape]) -> AffineCall:
    if len(call.reads) > 1:
        return signed_sum((1.0, -1.0), shapes)
    sign, constant = 1.0 if call.arguments[0] is ... else -1.0, _constant(call, shapes[0])
    return elementwise(shapes[0], sign, -sign * constant, np.abs(constant), roundings=1)


def _multiply(call: Call, shapes: Sequence[Shape]) -> AffineCall:
    if len(call.reads) > 1:
        raise NotAffine("is a product of values")
    return elementwise(shapes[0], _constant(call, shapes[0]), 0.0, 0.0, roundings=1)


def _divide(call: Call, shapes: Sequence[Shape]) -> AffineCall:
    """By a constant; there is room for a product with its rounded reciprocal."""
    constant = np.zeros(1) if len(call.reads) > 1 or call.arguments[0] is not ... else _constant(call, shapes[0])
    if not constant.all():
        raise NotAffine("is no quotient by constants that are not zero")
    return elementwise(shapes[0], 1.0 / constant, 0.0, 0.0, roundings=3)


def _negative(call: Call, shapes: Sequence[Shape]) -> AffineCall:
    return elementwise(shapes[0], -1.0, 0.0, 0.0, roundings=0)


def _constant(call: Call, shape: Shape) -> np.ndarray:
    """What one value is combined with, as float32 has it, for each entry of the value."""
    constants = [value for value in call.arguments if value is not ...]
    try:
        if call.dtype != "float32" or call.shape != shape or len(constants) != 1:
            raise ValueError("something else than an entry by a number")
        return np.broadcast_to(np.asarray(constants[0], np.float32).astype(np.float64), (1, *shape))[0]
    except (TypeError, ValueError) as error:
        raise NotAffine("has a constant that is not read") from error


def _moves(call: Call, shapes: Sequence[Shape]) -> AffineCall:
    """Puts values at other places and zeros beside them: found by letting it move the numbers of the values."""
    sizes = [math.prod(shape) for shape in shapes]
    if max(sizes) > _MAX_EXACT:
        raise NotAffine(f"moves {max(sizes):,} values, which is too many ({_MAX_EXACT:,} at most)")
    return linear(*(_moved(call, shapes, i) for i in range(len(shapes))), terms=0, extra=0)


def _moved(call: Call, shapes: Sequence[Shape], i: int) -> Matrix:
    """Where a call puts the value `i` that it reads.

    The second row of the batch has the numbers with the other sign, so that nothing passes
    that mixes rows or brings a constant in.
    """
    size = math.prod(shapes[i])
    numbers = np.arange(1, size + 1, dtype=np.float32).reshape(shapes[i])
    rows = [np.zeros([2, *shape], np.float32) for shape in shapes]
    rows[i] = np.stack([numbers, -numbers])
    try:
        found = call.apply([tf.constant(part) for part in rows])[0].numpy()
    except Exception as error:  # a function that was made for another number of rows may raise anything
        raise NotAffine("does not move the values of single images") from error
    if found.shape != (2, *call.shape) or found[0].min(initial=0) < 0 or not np.array_equal(found[0], -found[1]):
        raise NotAffine("does more than move the values of single images")
    given = found[0].ravel()
    (places,) = np.nonzero(given)
    entries = (np.ones(len(places)), (places, given[places].astype(np.int64) - 1))
    return sparse.csr_array(sparse.coo_array(entries, shape=(given.size, size)))


FUNCTIONS: dict[str, Reader] = {
    "Add": _add,
    "Subtract": _subtract,
    "Multiply": _multiply,
    "Divide": _divide,
    "TrueDivide": _divide,
    "Negative": _negative,
    **dict.fromkeys(("Concatenate", "Copy", "ExpandDims", "Flip", "GetItem", "Moveaxis", "Pad"), _moves),
    **dict.fromkeys(("Ravel", "Reshape", "Squeeze", "Stack", "Swapaxes", "Transpose"), _moves),
}
"""What reads a function of `keras.ops`, by `keras_private.own_function`."""

_KINDS = keras.layers
MOVING_LAYERS: dict[Any, Reader] = dict.fromkeys(
    (
        *(_KINDS.ZeroPadding1D, _KINDS.ZeroPadding2D, _KINDS.ZeroPadding3D),
        *(_KINDS.Cropping1D, _KINDS.Cropping2D, _KINDS.Cropping3D),
        *(_KINDS.Permute, _KINDS.RepeatVector, _KINDS.Concatenate),
    ),
    _moves,
)
"""What reads a layer that moves values."""
