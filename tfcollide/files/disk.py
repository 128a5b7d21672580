"""Room on a disk: taken before it is written to, missed in words that name the path, and counted."""

import contextlib
import ctypes
import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

from tfcollide.errors import RequestError

__all__ = ["full_at", "is_full", "naming", "reserve", "size_text"]

_ERRORS = (errno.ENOSPC, errno.EDQUOT)
_WORDS = re.compile(f"{os.strerror(errno.ENOSPC)}|{os.strerror(errno.EDQUOT)}|\\d requested and \\d+ written")
"""What libraries say that have errors of their own; the last is NumPy."""

_KEEP_SIZE = 1  # FALLOC_FL_KEEP_SIZE of Linux


def is_full(error: BaseException) -> bool:
    """Whether an error, or one that led to it, is that a disk or a quota is full."""
    return any(getattr(one, "errno", None) in _ERRORS or _WORDS.search(str(one)) for one in _chain(error))


def full_at(error: BaseException) -> str | None:
    """The path that an error of a full disk names, or None."""
    for one in _chain(error):
        if isinstance(name := getattr(one, "filename", None), (str, bytes)):
            return os.fsdecode(name)
        if found := re.match(r"(?:\{\{.*\}\} )?(/[^;\n]+); ", str(one)):  # as TensorFlow puts it
            return found[1]
    return None


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Names `path` where a disk is full: what fails in writing, and not in opening, does not say which file it is."""
    try:
        yield
    except RequestError:
        raise
    except Exception as error:
        if is_full(error) and full_at(error) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
        raise


def reserve(path: Path, size: int) -> None:
    """Takes room for a file that is going to grow to `size` bytes, and leaves it as long as it is.

    Whoever writes through a memory map cannot be told that a disk is full; it is killed. Nothing
    happens where the file system cannot do it.

    Raises:
        OSError: there is no such room.
    """
    allocate = getattr(ctypes.CDLL(None, use_errno=True), "fallocate", None)
    with open(path, "r+b") as file:
        if allocate and allocate(file.fileno(), _KEEP_SIZE, ctypes.c_int64(0), ctypes.c_int64(size)):
            failed = ctypes.get_errno()
            if failed in _ERRORS:
                raise OSError(failed, os.strerror(failed), str(path))


def size_text(size: float) -> str:
    """Bytes in a unit that fits: "812 bytes", "3.4 MiB"."""
    for unit in ("bytes", "KiB", "MiB", "GiB", "TiB"):
        if size < 1000 or unit == "TiB":
            break
        size /= 1024
    return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and those that led to it."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        yield error
        error = error.__cause__ or error.__context__
