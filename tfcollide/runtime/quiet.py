"""Importing TensorFlow without its start-up chatter, and Keras without the user's settings for other work."""

import contextlib
import gc
import importlib
import json
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfcollide.errors import RequestError

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


_BACKEND = "tensorflow"


def import_tensorflow() -> None:
    """Imports TensorFlow and Keras; what they print meanwhile is shown only if they fail.

    Some of it comes from libraries that start before any log level can reach them,
    so the file descriptor itself is turned away. Keras is set up as it comes: its backend is
    TensorFlow, which is said where KERAS_BACKEND or keras.json name another, and numbers are
    float32 and channels last, so that a network does not depend on whose machine it is. float32
    is all of it: by TensorFlow's default a GPU multiplies with 10 bits of each fraction (TF32). And a
    process takes of a GPU's memory what it needs, so that several find room.

    Raises:
        RequestError: they do not take their settings, or Keras runs on another backend already.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    first = "keras" not in sys.modules
    if first:
        _choose_backend()
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as said, _collecting_seldom():
        os.dup2(said.fileno(), 2)
        try:
            _import("tensorflow").config.experimental.enable_tensor_float_32_execution(False)
            keras = _import("keras")
            gc.freeze()  # else each full collection walks a million objects of TensorFlow's, longer than a request takes
        except BaseException:
            said.seek(0)
            os.write(kept, said.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
    if first:
        keras.config.set_floatx("float32")
        keras.config.set_image_data_format("channels_last")
        keras.config.set_epsilon(1e-7)
    elif keras.config.backend() != _BACKEND:
        mend = f"Say KERAS_BACKEND={_BACKEND} before Keras is imported."
        raise RequestError(f"Keras on {keras.config.backend()}", f"Keras on {_BACKEND}", mend)


@contextlib.contextmanager
def _collecting_seldom() -> Iterator[None]:
    """Fewer collections of garbage: an import makes a million objects that stay, and one in six seconds went into them."""
    usual = gc.get_threshold()
    gc.set_threshold(10_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def _choose_backend() -> None:
    """Names TensorFlow as Keras's backend, aloud where another was asked for."""
    variable = os.environ.get("KERAS_BACKEND")
    asked, by = (variable, "KERAS_BACKEND") if variable else (_settings().get("backend"), str(_settings_file()))
    os.environ["KERAS_BACKEND"] = _BACKEND
    if asked not in (None, _BACKEND):
        print(f"Keras runs on {_BACKEND} here, not on {asked}, which {by} names", file=sys.stderr)


def _import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except (ValueError, TypeError, AttributeError, AssertionError) as error:  # what it makes of settings that it cannot read
        received = f"settings that {name} does not take ({str(error) or type(error).__name__})"
        mend = f"Mend or remove {_settings_file()} and variables such as KERAS_... and MPL..."
        raise RequestError(received, "those that are documented", mend) from error


def _settings_file() -> Path:
    return Path(os.path.expanduser(os.environ.get("KERAS_HOME") or "~/.keras"), "keras.json")


def _settings() -> dict[str, Any]:
    try:
        found = json.loads(_settings_file().read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}  # Keras has its say on them
    return found if isinstance(found, dict) else {}
