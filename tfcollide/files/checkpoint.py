"""Finished parts of long work, kept in a file so that an interrupted check goes on where it was."""

import hashlib
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from tfcollide.files.atomic import write_npz

__all__ = ["FolderLedger", "Ledger", "read_arrays"]

Arrays = Mapping[str, np.ndarray]


class Ledger:
    """Does each named piece of work once, in this process or in one before it.

    Whoever does the work must name it so that the same name always means the same
    bits. A ledger that cannot be read is empty.

    Args:
        path: the file; None keeps nothing from one process to the next.
        every: seconds from one writing of the file to the next.
    """

    def __init__(self, path: Path | None = None, every: float = 60.0):
        self._path = path
        self._every = every
        self._done: dict[str, np.ndarray] = read_arrays(path) if path else {}
        self._written = time.monotonic()

    def do(self, name: str, work: Callable[[], Arrays]) -> dict[str, np.ndarray]:
        """What `work` gives: from the ledger where it was done before, else done now and noted."""
        prefix = f"{name}:"
        found = {key.removeprefix(prefix): value for key, value in self._done.items() if key.startswith(prefix)}
        if found:
            return found
        arrays = dict(work())
        self._done |= {prefix + key: value for key, value in arrays.items()}
        if self._path and time.monotonic() - self._written >= self._every:
            write_npz(self._path, self._done)
            self._written = time.monotonic()
        return arrays


class FolderLedger(Ledger):
    """A ledger of one file per piece of work, which several processes may fill at once.

    Args:
        folder: of the files; made when the first piece is done.
    """

    def __init__(self, folder: Path):
        super().__init__()
        self._folder = folder

    def do(self, name: str, work: Callable[[], Arrays]) -> dict[str, np.ndarray]:
        """As of every ledger; what is done is on disk at once."""
        found = read_arrays(self._file(name))
        if not found:
            found = dict(work())
            self._folder.mkdir(exist_ok=True)
            write_npz(self._file(name), found)
        return found

    def __contains__(self, name: str) -> bool:
        """Whether a piece is done, by whomever; only `do` sees that its file is damaged."""
        return self._file(name).exists()

    def _file(self, name: str) -> Path:
        return self._folder / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.npz"


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """What `write_npz` wrote; nothing where the file is missing or cannot be read."""
    try:
        with np.load(path) as arrays:
            return dict(arrays)
    except (OSError, EOFError, ValueError, zipfile.BadZipFile):
        return {}
