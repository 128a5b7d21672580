"""Bodies of requests and answers, handled so that a large one keeps nobody else waiting.

Python reads and writes JSON without letting any other thread run, 100 MB in ten
seconds, so what is large goes to another process. Compressed bodies are unpacked in
threads of their own, and no further than the limit: 1 MB can stand for 1 GB.
"""

import asyncio
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import ParamSpec, TypeVar

from tfcollide.serving.codes import Code, ServingError

__all__ = ["Bodies", "TooLarge", "unpack"]

_AT_ONCE = 2
_PIECE = 2**18
_SMALL = 2**20  # bytes of JSON that are read or written within some 20 ms
_WINDOW_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}  # as zlib tells the formats apart

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")


class TooLarge(Exception):
    """A body larger than the limit."""


class Bodies:
    """Unpacks, reads and writes.

    Args:
        max_bytes: of a body, unpacked.
    """

    def __init__(self, max_bytes: int):
        self.max_bytes = max_bytes
        self._threads = ThreadPoolExecutor(_AT_ONCE, "unpack")
        self._processes: ProcessPoolExecutor | None = None

    async def unpacked(self, body: bytes, encoding: str) -> bytes:
        """`unpack` in a thread.

        Raises:
            ServingError, TooLarge: as `unpack`.
        """
        if encoding.lower() in ("", "identity"):
            return body
        return await asyncio.get_running_loop().run_in_executor(self._threads, unpack, body, encoding, self.max_bytes)

    async def call(
        self, size: int, function: Callable[_Given, _Result], *args: _Given.args, **kwargs: _Given.kwargs
    ) -> _Result:
        """The result of a function; in another process if `size`, of JSON in bytes, is large.

        Raises:
            ServingError: the function's own, or the process has been killed, as for its memory.
        """
        if size <= _SMALL:
            return function(*args, **kwargs)
        if self._processes is None:
            spawn = multiprocessing.get_context("spawn")  # a fork would take along TensorFlow's locks and not its threads
            self._processes = ProcessPoolExecutor(_AT_ONCE, mp_context=spawn, initializer=_end_with_parent)
        processes = self._processes
        try:
            return await asyncio.wrap_future(processes.submit(function, *args, **kwargs))
        except BrokenProcessPool:
            if self._processes is processes:
                self._processes = None
            raise ServingError(Code.RESOURCE_EXHAUSTED, "The process that reads large requests has ended") from None

    def close(self) -> None:
        """Begins nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._processes is not None:
            self._processes.shutdown(wait=False, cancel_futures=True)


def unpack(body: bytes, encoding: str, max_bytes: int) -> bytes:
    """A body without its Content-Encoding.

    Args:
        body: compressed.
        encoding: of the header.
        max_bytes: of the result.

    Raises:
        ServingError: the body is no such stream, or not all of it; the encoding is unknown.
        TooLarge: there is more than `max_bytes` in it.
    """
    bits = _WINDOW_BITS.get(encoding.lower())
    if bits is None:
        raise ServingError(Code.INVALID_ARGUMENT, f"Content-Encoding {encoding}: expected gzip, deflate or none")
    parts, size = [], 0
    try:
        for part in _pieces(body, bits):
            parts.append(part)
            size += len(part)
            if size > max_bytes:
                raise TooLarge
    except zlib.error as error:
        raise ServingError(Code.INVALID_ARGUMENT, f"Failed to decompress the {encoding} body: {error}") from None
    return b"".join(parts)


def _pieces(body: bytes, bits: int) -> Iterator[bytes]:
    """What is in a body, in pieces so small that other threads take their turns."""
    stream = zlib.decompressobj(bits)
    for start in range(0, len(body), _PIECE):
        given = body[start : start + _PIECE]
        while given:
            if stream.eof:  # gzip allows several streams, one after the other
                stream = zlib.decompressobj(bits)
            yield stream.decompress(given, _PIECE)
            given = stream.unused_data if stream.eof else stream.unconsumed_tail
    while not stream.eof:
        part = stream.decompress(b"", _PIECE)
        if not part:
            raise zlib.error("it ends too early")
        yield part


def _end_with_parent() -> None:
    """A server that is killed leaves no process behind; an interrupt at the terminal is the server's to answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            multiprocessing.connection.wait([parent.sentinel])
            os._exit(0)

    threading.Thread(target=watch, daemon=True).start()
