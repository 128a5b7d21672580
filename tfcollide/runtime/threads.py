"""Work in several threads of one process."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ["in_threads"]

_MOST = 4  # of searches that compute outside of Python for half of the time: more wait for each other
_Item = TypeVar("_Item")
_Found = TypeVar("_Found")


def in_threads(work: Callable[[_Item], _Found], items: Sequence[_Item]) -> Iterator[_Found]:
    """What `work` makes of each item, in order; a few at once where there are cores for it.

    The first one is done alone, so that what is made once for all is made once. Where the caller stops, items that have not
    begun are dropped.
    """
    yield from map(work, items[:1])
    pool = ThreadPoolExecutor(min(_MOST, len(os.sched_getaffinity(0))))
    try:
        yield from pool.map(work, items[1:])
    finally:
        pool.shutdown(cancel_futures=True)
