"""The end of an approximate search: candidates, the most promising first, ranked by their pixels."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from tfcollide.patches.neighbors import Query, closest, squared_distances
from tfcollide.patches.store import ImageStore

__all__ = ["Candidates", "in_blocks", "more", "rank", "smallest", "without_doubtful"]

Candidates = tuple[np.ndarray, np.ndarray]
"""Numbers of windows `[m]`, those with the nearest projections first, and how far these are `[m]`: no farther than pixels."""

_Found = tuple[np.ndarray, np.ndarray]
_FIRST = 32
_ENOUGH_FOR = 600_000  # patches or items
_UNLIKELY = 0.95  # of the distance of the farthest neighbor so far: patches whose projections are as far hardly ever win
_BLOCK = 16  # queries that a thread takes at once
_TOGETHER = 512  # windows of several queries that are compared at once, as many as stay in a core's cache


def rank(store: ImageStore, query: Query, candidates: Sequence[Candidates]) -> _Found:
    """Looks at the pixels of the most promising, then of more, while their projections leave them a chance.

    Args:
        store: the images.
        query: what is asked.
        candidates: for each of its windows.

    Returns:
        Numbers `[Q, k]` and L2 distances `[Q, k]`, as of `closest`.
    """
    rankings = [_Ranking(query, *some) for some in candidates]
    left = list(range(len(rankings)))
    while left:
        asked = [rankings[q].asked() for q in left]
        for q, ids, squared in zip(left, asked, _distances(store, query.windows[left], asked), strict=True):
            rankings[q].see(ids, squared)
        left = [q for q in left if rankings[q].going]
    ids, distances = (np.stack(part) for part in zip(*(one.found for one in rankings), strict=True))
    return ids, distances


def without_doubtful(query: Query, candidates: Sequence[Candidates], found: _Found) -> _Found:
    """What `rank` found, but -1 where patches that are too close filled the candidates, so that others were never looked at.

    Without a `min_distance` nothing is in doubt; with one, whatever may be nearer than what was found has to be among the
    candidates, or the query is asked again.
    """
    ids, distances = found
    if query.min_distance:
        ends = np.array([bounds[-1] if len(bounds) else 0.0 for _, bounds in candidates])
        doubtful = ends < distances[:, -1]
        ids[doubtful], distances[doubtful] = -1, np.inf
    return ids, distances


class _Ranking:
    """One query's: those that were looked at so far, and where to go on."""

    def __init__(self, query: Query, ids: np.ndarray, bounds: np.ndarray):
        self._query, self._ids, self._bounds = query, ids, bounds
        self._start, self._end = 0, max(_FIRST, 2 * query.neighbors)
        self._nearest, self._squared = ids[:0], np.empty(0)
        self.found = closest(self._nearest, self._squared, query.neighbors)

    @property
    def going(self) -> bool:
        """Whether some are still to be looked at."""
        return self._start < min(self._end, len(self._ids))

    def asked(self) -> np.ndarray:
        """These, in rising order, as memory is read in order."""
        return np.sort(self._ids[self._start : self._end])

    def see(self, ids: np.ndarray, squared: np.ndarray) -> None:
        """Takes their squared distances."""
        self._nearest, self._squared = np.concatenate([self._nearest, ids]), np.concatenate([self._squared, squared])
        self.found = closest(self._nearest, self._squared, self._query.neighbors, self._query.min_distance)
        share = 1.0 if self._query.min_distance else _UNLIKELY  # just beyond a distance there are many more than near
        likely = int(np.searchsorted(self._bounds, share * self.found[1][-1], "right"))
        self._start, self._end = self._end, min(likely, 4 * self._end)


def _distances(store: ImageStore, windows: np.ndarray, asked: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    """Squared distances of some patches to each window; of several windows at once where these are few."""
    counts = np.array([len(ids) for ids in asked])
    first, ends = 0, np.cumsum(counts)
    while first < len(asked):
        before = ends[first] - counts[first]
        last = max(first + 1, int(np.searchsorted(ends, before + _TOGETHER, "right")))
        patches = store.patches(np.concatenate(asked[first:last]))
        compared = windows[first] if last == first + 1 else np.repeat(windows[first:last], counts[first:last], axis=0)
        yield from np.split(squared_distances(patches, compared), ends[first : last - 1] - before)
        first = last


def in_blocks(query: Query, threads: int, one: Callable[[range], _Found]) -> _Found:
    """What `one` finds of some queries at a time, several threads at once: numbers `[Q, k]` and distances `[Q, k]`."""
    count = len(query.windows)
    if not count:
        return np.empty((0, query.neighbors), np.int64), np.empty((0, query.neighbors))
    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(one, (range(first, min(first + _BLOCK, count)) for first in range(0, count, _BLOCK))))
    ids, distances = (np.concatenate(part) for part in zip(*found, strict=True))
    return ids, distances


def smallest(ids: np.ndarray, bounds: np.ndarray, count: int) -> Candidates:
    """The `count` with the smallest bounds, these first."""
    order = np.argsort(bounds, kind="stable")[:count]
    return ids[order], bounds[order]


def more(count: int, power: float) -> float:
    """How much more has to be looked at for so many patches or items, where they are over 600,000."""
    return max(1.0, count / _ENOUGH_FOR) ** power
