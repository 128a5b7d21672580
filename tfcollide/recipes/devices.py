"""The device that a run is asked to use."""

import contextlib
from collections.abc import Iterator

import tensorflow as tf

from tfcollide.errors import RequestError

__all__ = ["on_device"]


@contextlib.contextmanager
def on_device(name: str | None) -> Iterator[None]:
    """Computes on a device of this machine; None leaves the choice to TensorFlow.

    Args:
        name: "GPU:0", "CPU:0", ... as `tf.config.list_logical_devices` has them.

    Raises:
        RequestError: there is no such device.
    """
    if name is None:
        yield
        return
    known = [device.name.rpartition("device:")[2] for device in tf.config.list_logical_devices()]
    if name.upper() not in known:
        raise RequestError(f"--device={name}", f"a device of this machine: {', '.join(known)}")
    with tf.device(name.upper()):
        yield
