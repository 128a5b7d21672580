"""Importing TensorFlow without its start-up chatter."""

import contextlib
import gc
import importlib
import os
import sys
import tempfile
import threading
from collections.abc import Iterator

__all__ = ["import_tensorflow", "without_chatter"]

_ONE_AT_A_TIME = threading.Lock()


@contextlib.contextmanager
def without_chatter() -> Iterator[None]:
    """Drops what libraries below Python print on standard error meanwhile; one thread at a time."""
    with _ONE_AT_A_TIME:
        sys.stderr.flush()
        kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            os.close(nowhere)


def import_tensorflow() -> None:
    """Imports TensorFlow and Keras; what they print meanwhile is shown only if they fail.

    Some of it comes from libraries that start before any log level can reach them,
    so the file descriptor itself is turned away.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            importlib.import_module("tensorflow")
            importlib.import_module("keras")
            gc.freeze()  # else each full collection walks a million objects of TensorFlow's, longer than a request takes
        except BaseException:
            said.seek(0)
            os.write(kept, said.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
