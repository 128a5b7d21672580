"""Checkpoints of a search, so that a run that was interrupted goes on where it was."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from tqdm import tqdm

from tfcollide.files.atomic import write_npz
from tfcollide.files.checkpoint import read_arrays
from tfcollide.library.solution import Keeper
from tfcollide.optimize.state import DescentState, pack_state
from tfcollide.records import Trace

__all__ = ["FileKeeper"]

_WORTH_KEEPING = 2.0
"""Seconds of search that the checks after it should not cost again where they are killed."""


class FileKeeper(Keeper):
    """Keeps a search in a file: every so many seconds, and a search that has taken seconds when it has ended.

    Args:
        path: of the file.
        every: seconds.
    """

    def __init__(self, path: Path, every: float):
        self._path, self._every = path, every
        self._began = self._saved_at = time.monotonic()

    def found(self) -> Mapping[str, np.ndarray] | None:
        """The state in the file, said aloud; from here on seconds count."""
        self._began = self._saved_at = time.monotonic()
        arrays = read_arrays(self._path) or None
        if arrays:
            tqdm.write(f"Going on from step {int(arrays['step']):,} of {self._path.parent}", file=sys.stderr)
        return arrays

    def keep(self, state: DescentState, trace: Trace) -> None:
        """Writes the file where it is time."""
        ended = bool(np.all(state.ended_at.numpy() >= 0))
        worth = len(state.ended_at) > 1 or time.monotonic() - self._began >= _WORTH_KEEPING
        if (ended and worth) or time.monotonic() - self._saved_at >= self._every:
            write_npz(self._path, pack_state(state, trace))
            self._saved_at = time.monotonic()

    def beside(self, name: str) -> "FileKeeper":
        """A keeper whose file is called `.name`."""
        return FileKeeper(self._path.with_name(f".{name}{self._path.suffix}"), self._every)
