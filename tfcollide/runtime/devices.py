"""The devices that a run is asked to use."""

import contextlib
from collections.abc import Iterator, Sequence

import tensorflow as tf

from tfcollide.errors import RequestError

__all__ = ["on_devices"]


@contextlib.contextmanager
def on_devices(names: Sequence[str]) -> Iterator[tf.distribute.Strategy | None]:
    """Computes on devices of this machine; where none is named the choice is TensorFlow's.

    Yields:
        What splits a network's work among the devices; None for a single one.

    Args:
        names: "GPU:0", "CPU:0", ... as `tf.config.list_logical_devices` has them, all of one
            kind; or "ALL", every GPU, or every CPU where there is none.

    Raises:
        RequestError: there is no such device.
    """
    known = [device.name.rpartition("device:")[2] for device in tf.config.list_logical_devices()]
    if list(names) == ["ALL"]:
        kinds = ([name for name in known if name.startswith(kind)] for kind in ("GPU", "CPU"))
        names = next(found for found in kinds if found)
    for name in names:
        if name not in known:
            raise RequestError(f"--device={name}", f"a device of this machine: {', '.join(known)}")
    with tf.device(names[0]) if names else contextlib.nullcontext():
        yield tf.distribute.MirroredStrategy(list(names)) if len(names) > 1 else None
