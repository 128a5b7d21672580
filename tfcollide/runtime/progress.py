"""Progress on standard error: a bar on a terminal, elsewhere now and then a line."""

import contextlib
import contextvars
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TextIO, TypeVar

from tqdm import tqdm

__all__ = ["Stopwatch", "progress", "say", "shown", "stage", "watched"]

_Item = TypeVar("_Item")

_EVERY, _LOOK_EVERY = "10", 1.0
_SHOWN = contextvars.ContextVar("shown", default=True)


@contextlib.contextmanager
def shown(wanted: bool) -> Iterator[None]:
    """Draws bars within the block, or none."""
    token = _SHOWN.set(wanted)
    try:
        yield
    finally:
        _SHOWN.reset(token)


def progress(items: Iterable[_Item] | None = None, **options: Any) -> tqdm:
    """As `tqdm`, but for a log: a line every ten seconds at most, and none for what takes less.

    tqdm's own variable TQDM_MININTERVAL sets other seconds.

    Args:
        items: what to go through, if anything.
        **options: of `tqdm`.
    """
    if not _SHOWN.get():
        return _Bar(items, **options | {"disable": True})
    if sys.stderr.isatty():
        return _Bar(items, **options)
    every = float(os.environ.get("TQDM_MININTERVAL", _EVERY))
    rarely = {"mininterval": every, "delay": every, "miniters": 1, "position": 0}
    return _Bar(items, **options | rarely, file=_Lines(sys.stderr))


def say(sentence: str) -> None:
    """A sentence on standard error, above any bar; nothing where no bars are drawn."""
    if _SHOWN.get():
        tqdm.write(sentence, file=sys.stderr)


@contextlib.contextmanager
def stage(name: str) -> Iterator[None]:
    """Names on a terminal what takes a while and cannot be counted, until it is over."""
    with tqdm(desc=name, bar_format="{desc} ...", leave=False, disable=not (_SHOWN.get() and sys.stderr.isatty())):
        yield


@contextlib.contextmanager
def watched(done: Callable[[], int], *, total: int, desc: str, unit: str) -> Iterator[None]:
    """A bar over work that other processes do within the block.

    Args:
        done: how much of it is done, as can be seen from here; asked every second, in a thread.
        total: how much there is to do.
        desc: what it is called, as of `tqdm`.
        unit: what a part of it is called, as of `tqdm`.
    """
    over = threading.Event()
    with progress(total=total, desc=desc, unit=unit) as bar:

        def look() -> None:
            while not over.wait(_LOOK_EVERY):
                bar.update(done() - bar.n)

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            yield
            bar.update(done() - bar.n)
        finally:
            over.set()
            thread.join()


class Stopwatch:
    """Seconds spent on named parts of some work.

    Attributes:
        seconds: part -> seconds.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        """Adds what the block takes."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[part] = self.seconds.get(part, 0.0) + time.perf_counter() - began


class _Bar(tqdm):
    """A bar that says "12.3 s each" of what takes longer than a second."""

    @staticmethod
    def format_meter(*args: Any, **options: Any) -> str:
        """As tqdm's, which writes "12.3s/ pairs" there."""
        return re.sub(r"(?<=[\d?])s/ ?[a-z]+", " s each", tqdm.format_meter(*args, **options))


class _Lines:
    """A stream that makes lines of what is drawn over and over; erasing draws nothing."""

    def __init__(self, stream: TextIO):
        self._stream = stream

    def write(self, text: str) -> None:
        if text.strip():
            self._stream.write(f"{text.strip()}\n")

    def flush(self) -> None:
        self._stream.flush()
