"""What was found out once about a network and its data, kept so that it need not be found out again.

A fact is arrays, and everything that decides them. The file that holds it says both, behind a hash of all of it;
one that is missing, damaged, or about something else is as good as none.
"""

import contextlib
import hashlib
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from tfcollide.files.atomic import write_bytes

__all__ = ["Facts", "file_states"]

_VERSION = 1  # of what facts are and how they are found: raised, it makes all that are kept void
_ABOUT, _HASH_BYTES = "about", 32
_SETTLED_NS = 2 * 10**9  # a file that changed so lately may change again without a new time of change

Arrays = Mapping[str, np.ndarray]


class Facts:
    """Facts in a folder.

    Args:
        folder: where they are kept, made when the first is; None: they are not.
        about: what decides every fact, as JSON can hold it: the network, the data, versions, the machine. None: something
            that decides them cannot be told, and nothing is kept.
    """

    def __init__(self, folder: Path | None = None, about: Mapping[str, object] | None = None):
        self._folder, self._about = folder, about

    def find(self, name: str, work: Callable[[], Arrays], fits: Callable[[Arrays], bool], **more: object) -> Arrays:
        """The fact `name`: the one that is kept, else what `work` gives, which is kept then.

        Args:
            name: of the fact, as a part of a file's name.
            work: finds it out.
            fits: whether arrays that were read have the names, shapes and types that this fact has.
            **more: what else decides it.
        """
        if self._folder is None or self._about is None:
            return work()
        about = json.dumps({**self._about, **more, "fact": name, "version": _VERSION}, sort_keys=True).encode()
        path = self._folder / f"{name}-{hashlib.sha256(about).hexdigest()[:32]}.fact"
        kept = _read(path, about)
        if kept is not None and fits(kept):
            return kept
        found = dict(work())
        with contextlib.suppress(OSError):  # a cache that cannot be written is no reason to fail
            self._folder.mkdir(parents=True, exist_ok=True)
            write_bytes(path, _pack(found, about))
        return found


def file_states(paths: list[Path], now_ns: int) -> str | None:
    """A hash of what tells that files are the same as before without reading them: path, number, size, times of change.

    The time of the last change of a file's record (ctime) moves with any change of its content, and no program can set it.

    Args:
        paths: of the files.
        now_ns: the time; what changed just now is not told from what will change next.

    Returns:
        It as text; None where a file is missing or has changed within the last two seconds.
    """
    try:
        found = [(path, path.stat()) for path in paths]
    except OSError:
        return None
    if any(now_ns - max(state.st_mtime_ns, state.st_ctime_ns) < _SETTLED_NS for _, state in found):
        return None
    told = [(str(path), s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns) for path, s in found]
    return hashlib.sha256(repr(told).encode()).hexdigest()


def _pack(arrays: Arrays, about: bytes) -> bytes:
    """A hash, and behind it what it is the hash of: the arrays, and what they are about."""
    buffer = io.BytesIO()
    np.savez(buffer, **{**arrays, _ABOUT: np.frombuffer(about, np.uint8)})  # type: ignore[arg-type]
    return hashlib.sha256(buffer.getvalue()).digest() + buffer.getvalue()


def _read(path: Path, about: bytes) -> dict[str, np.ndarray] | None:
    """The arrays in a file; None where it is missing, damaged, or about something else."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    packed = content[_HASH_BYTES:]
    if hashlib.sha256(packed).digest() != content[:_HASH_BYTES]:
        return None
    with np.load(io.BytesIO(packed)) as arrays:
        kept = dict(arrays)
    return kept if kept.pop(_ABOUT).tobytes() == about else None
