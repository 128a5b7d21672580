"""Standard output and standard error that cannot fail: a run is its files, and what it prints is for whoever listens."""

import codecs
import io
import os
import sys
from typing import Any, TextIO

__all__ = ["make_unfailing"]


class _Unfailing(io.FileIO):
    """Drops what cannot be written: the pipe is closed, the disk is full."""

    def write(self, content: "bytes | bytearray | memoryview") -> int | None:  # type: ignore[override]
        try:
            return super().write(content)
        except OSError:
            return len(memoryview(content).cast("B"))


def make_unfailing() -> None:
    """Opens standard streams that are closed, to nowhere, and lets none of them end the program.

    A closed one is dangerous too: the next file that is opened takes its number, and gets what libraries
    print. Streams that somebody has put in their place, as tests do, are left alone.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    codecs.register_error("tfcollide", _as_it_can)
    if sys.stdout is sys.__stdout__:
        sys.stdout = _stream(1, sys.stdout)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _stream(2, sys.stderr)


def _stream(number: int, old: TextIO | None) -> TextIO:
    """In the encoding of the stream that it takes the place of; what that lacks is escaped."""
    encoding = getattr(old, "encoding", None) or "utf-8"
    at_once, by_line = getattr(old, "write_through", False), getattr(old, "line_buffering", True)
    raw = _Unfailing(number, "wb", closefd=False)
    content: Any = raw if at_once else io.BufferedWriter(raw)
    return io.TextIOWrapper(content, encoding, "tfcollide", line_buffering=by_line, write_through=at_once)


def _as_it_can(error: UnicodeError) -> tuple[bytes, int]:
    """Bytes of names that are no UTF-8 as they are, and other characters as Python writes them in ASCII."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    parts = [
        bytes([ord(one) - 0xDC00]) if "\udc80" <= one <= "\udcff" else one.encode("ascii", "backslashreplace") for one in text
    ]
    return b"".join(parts), error.end
