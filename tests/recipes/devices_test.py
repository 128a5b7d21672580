import pytest
import tensorflow as tf

from tfcollide.errors import RequestError
from tfcollide.recipes.devices import on_device


def test_a_device_that_is_there():
    with on_device("cpu:0"):
        assert tf.constant(1.0).device.endswith("CPU:0")
    with on_device(None):
        assert tf.constant(1.0) == 1.0


def test_a_device_that_is_not_there():
    with pytest.raises(RequestError, match="--device=GPU:99: expected a device of this machine: CPU:0"), on_device("GPU:99"):
        pass
