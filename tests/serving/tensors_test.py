"""Large tensors, which are copied in pieces, and small ones, which TensorFlow copies."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

from tfcollide.serving.codes import ServingError
from tfcollide.serving.tensors import array_of, proto_of


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int32", "uint8", "bool"])
@pytest.mark.parametrize("shape", [(), (0, 3), (2, 3), (3, 2**15), (2, 2**15), (7, 123, 101)])
def test_there_and_back(dtype, shape):
    array = np.random.default_rng(0).integers(0, 200, shape).astype(dtype)
    proto = proto_of(array)
    assert not proto.tensor_content
    found = array_of("x", proto)
    assert (found.dtype, found.shape) == (array.dtype, array.shape)
    np.testing.assert_array_equal(found, array)
    np.testing.assert_array_equal(tf.make_ndarray(proto), array)


def test_one_value_stands_for_all():
    proto = tf.make_tensor_proto(np.float32(2), shape=[3, 2**16])
    assert len(proto.float_val) == 1
    np.testing.assert_array_equal(array_of("x", proto), np.full((3, 2**16), 2, np.float32))


def test_what_the_type_cannot_hold_is_refused():
    proto = tensor_pb2.TensorProto(dtype=tf.uint8.as_datatype_enum, int_val=[1000] * 2**17)
    proto.tensor_shape.dim.add().size = 2**17
    with pytest.raises(ServingError):
        array_of("x", proto)
