"""A run directory read back: its config, numbers and arrays."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfcollide.errors import RequestError
from tfcollide.files.names import to_text
from tfcollide.recipes.collide.config import CollideConfig
from tfcollide.records import Summary
from tfcollide.settings import from_flags

__all__ = ["FinishedRun", "read_run"]


class FinishedRun(NamedTuple):
    """One finished run of `collide`.

    Attributes:
        path: of the directory.
        config: from `run.flags`.
        summary: the content of `summary.json`.
        arrays: the content of `corners.npz`: corners, source, target, units and convex_weights.
    """

    path: Path
    config: CollideConfig
    summary: Summary
    arrays: Mapping[str, np.ndarray]


def read_run(path: Path) -> FinishedRun:
    """Reads the directory of a run, without TensorFlow.

    Raises:
        RequestError: it is not one, is not whole, or is that of a sweep.
    """
    if (path / "summary.json").is_file() and not (path / "run.flags").exists():
        received = f"--run={path}, which does not say its network, as found.save writes it"
        raise RequestError(received, "the directory of a finished run of collide", "In Python: load_run(DIR).to_html(network).")
    if not (path / "run.flags").is_file():
        raise RequestError(f"--run={path}", "the directory of a finished run", "Make one with collide --out=DIR.")
    summary = Summary.read(path)
    try:
        text = to_text((path / "run.flags").read_bytes())
        if not text.endswith("\n"):
            raise RequestError(f"--run={path}, whose run.flags is cut off", "a whole run directory", "Copy it again.")
        with np.load(path / "corners.npz") as arrays:
            return FinishedRun(path, from_flags(CollideConfig, text), summary, dict(arrays))
    except (OSError, EOFError, KeyError, TypeError, UnicodeDecodeError, zipfile.BadZipFile, ValueError) as error:
        if isinstance(error, RequestError):
            raise
        raise RequestError(f"--run={path}, which cannot be read ({error})", "a whole run directory") from error
