"""Arrays to TensorProtos and back, in the form that TF Serving's clients expect."""

import math

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

from tfcollide.serving.codes import Code, ServingError

__all__ = ["MAX_BYTES", "array_of", "dtype_of", "proto_of"]

MAX_BYTES = 2**28
"""The largest tensor that is unpacked: a few bytes can ask for any shape."""

_PIECE = 2**16  # numbers that are copied in one go: other threads wait meanwhile

_FIELDS = {
    "float32": "float_val",
    "float64": "double_val",
    "int64": "int64_val",
    "uint64": "uint64_val",
    "uint32": "uint32_val",
    "bool": "bool_val",
    "int32": "int_val",
    "int16": "int_val",
    "int8": "int_val",
    "uint8": "int_val",
}


def dtype_of(enum: int) -> np.dtype:
    """NumPy's type for a DataType; strings are objects."""
    return np.dtype(tf.dtypes.as_dtype(enum).as_numpy_dtype)


def array_of(name: str, proto: tensor_pb2.TensorProto) -> np.ndarray:
    """The array in a message from outside.

    Raises:
        ServingError: it holds none.
    """
    try:
        shape = tuple(dim.size for dim in proto.tensor_shape.dim)
        dtype = dtype_of(proto.dtype)
        if proto.tensor_shape.unknown_rank or any(size < 0 for size in shape):
            raise ValueError("no shape")
        if math.prod(shape) * dtype.itemsize > MAX_BYTES:
            raise ValueError("too large")
        if proto.tensor_content and dtype.kind != "O":
            return np.frombuffer(proto.tensor_content, dtype).reshape(shape)
        return _typed(proto, shape, dtype)
    except (TypeError, ValueError, KeyError, OverflowError) as error:
        raise ServingError(Code.INVALID_ARGUMENT, f"The tensor {name} cannot be read: {error}") from error


def _typed(proto: tensor_pb2.TensorProto, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """The array of a message with its values in the typed field; fewer of them than the shape has stand for all."""
    values = getattr(proto, _FIELDS.get(dtype.name, ""), ())
    if len(values) != math.prod(shape) or len(values) <= _PIECE:
        return tf.make_ndarray(proto)
    array = np.empty(len(values), dtype)
    for start in range(0, len(values), _PIECE):
        array[start : start + _PIECE] = values[start : start + _PIECE]
    return array.reshape(shape)


def proto_of(array: np.ndarray) -> tensor_pb2.TensorProto:
    """A message with its values in the typed field (`float_val` and so on), as TF Serving answers."""
    proto = tensor_pb2.TensorProto(dtype=tf.dtypes.as_dtype(array.dtype).as_datatype_enum)
    for size in array.shape:
        proto.tensor_shape.dim.add().size = size
    if array.dtype.kind == "O":
        proto.string_val.extend(array.ravel().tolist())
    elif array.dtype.name in _FIELDS:
        field, flat = getattr(proto, _FIELDS[array.dtype.name]), array.ravel()
        for start in range(0, flat.size, _PIECE):
            field.extend(flat[start : start + _PIECE].tolist())
    else:
        proto.tensor_content = array.tobytes()
    return proto
