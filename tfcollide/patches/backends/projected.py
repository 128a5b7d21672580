"""Candidates from a product of matrices: every projection against every query, ranked by the pixels themselves.

    |p - q|^2 - |q|^2 = |p|^2 - 2 p.q

for the few dozen numbers that stand for a window, or for the middle one of a group. It needs no trees, and its
time per query grows with the index.
"""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from tfcollide.errors import RequestError
from tfcollide.patches.backend import Backend
from tfcollide.patches.collection import Collection
from tfcollide.patches.grid import Grid
from tfcollide.patches.groups import CODES, groups_of, members_near, open_codes, rounded, span_of
from tfcollide.patches.manifest import Manifest
from tfcollide.patches.neighbors import Neighbors, Query
from tfcollide.patches.ranking import Candidates, in_blocks, more, rank, smallest, without_doubtful
from tfcollide.patches.scan import scan

__all__ = ["VARIANT", "ProjectedSearch"]

_CANDIDATES, _PER_NEIGHBOR = 64, 16
_ITEMS = 256
_GROWTH = 0.8
_MORE = (1, 8, 64)
_SAMPLE = 16_384  # items that tell from which score on an item is among those wanted
_LEAST = 10  # of the sample, as fewer tell too little
_QUERIES, _AT_ONCE = 1_024, 8_192  # queries and items at once
_SCORES = 2**18  # at once, as many as stay in a core's cache
_TOO_MANY = 8  # times as many items as are wanted: where windows are all alike the limits say little


class _Near(NamedTuple):
    """Items and queries that lie near each other.

    Attributes:
        items: `[n]`.
        queries: `[n]`.
        scores: `[n]` float32, |p|^2 - 2 p.q.
    """

    items: np.ndarray
    queries: np.ndarray
    scores: np.ndarray

    def part(self, which: np.ndarray) -> "_Near":
        """Some of them."""
        return _Near(*(values[which] for values in self))


class ProjectedSearch(Backend):
    """Approximate search without trees.

    Args:
        collection: the images, the projection and the codes.
        candidates: patches whose pixels are looked at at most, for each query; by default 64 and 16 per neighbor, and
            more, as the power 0.8, where there are over 600,000 patches.

    Raises:
        RequestError: the index has no codes.
    """

    preference = 2
    steps = (CODES,)

    @staticmethod
    def serves(manifest: Manifest) -> bool:
        """Whether the index has codes."""
        return CODES.asked(manifest)

    @staticmethod
    def entries(options: None, grid: Grid) -> Mapping[str, Any]:
        """That there are codes, and how large groups of windows are where they are more than one."""
        span = span_of(grid)
        return {"own": {"codes": True} | ({"span": span} if span > 1 else {})}

    def __init__(self, collection: Collection, *, candidates: int | None = None):
        super().__init__(collection)
        manifest, self._groups = collection.manifest, groups_of(collection.manifest)
        if not self.serves(manifest):
            raise RequestError(
                f"index {collection.path}, which has no codes", "one built with --search=projected", "Leave --search out."
            )
        self._projection, self._codes = collection.projection, open_codes(collection)
        self._count = manifest.num_images * self._groups.per_image
        self._candidates = candidates or round(more(manifest.num_patches, _GROWTH) * _CANDIDATES)
        self._items = round(more(self._count, _GROWTH) * _ITEMS)

    def search(self, query: Query, *, threads: int = 0) -> Neighbors:
        """The neighbors of every query window, nearly always the true ones; in batches of hundreds it is fastest."""
        query.check(self._store.grid.values)
        threads = threads or os.cpu_count() or 1
        count = len(query.windows)
        ids, distances = np.full((count, query.neighbors), -1, np.int64), np.full((count, query.neighbors), np.inf)
        left = np.arange(count)
        for factor in _MORE if query.min_distance else _MORE[:1]:
            together = _QUERIES // factor
            for some in (left[first : first + together] for first in range(0, len(left), together)):
                ids[some], distances[some] = self._search(query.part(some), factor, threads)
            left = np.flatnonzero(ids[:, -1] < 0)
        if len(left):  # nearly everything near was left out, or may have been
            ids[left], distances[left] = scan(self._store, query.part(left), threads=threads)
        return Neighbors(ids, distances, *self._store.grid.locate(np.maximum(ids, 0)))

    def _search(self, query: Query, factor: int, threads: int) -> tuple[np.ndarray, np.ndarray]:
        """Some queries at once, with `factor` times as many candidates."""
        points = self._projection.apply(query.windows.astype(np.float32) - np.float32(128))
        codes = rounded(points, self._store.grid).astype(np.float32)
        wanted = factor * (self._candidates + _PER_NEIGHBOR * query.neighbors)
        near = self._near(query, codes, max(wanted, self._items) if self._groups.span > 1 else wanted, threads)
        order = np.argsort(near.queries, kind="stable")
        bounds = np.searchsorted(near.queries, np.arange(len(codes) + 1), sorter=order)

        def block(some: range) -> tuple[np.ndarray, np.ndarray]:
            own = [order[bounds[q] : bounds[q + 1]] for q in some]
            candidates = [
                self._candidates_of(codes[q], near.items[which], near.scores[which], wanted)
                for q, which in zip(some, own, strict=True)
            ]
            asked = query.part(np.array(some))
            return without_doubtful(asked, candidates, rank(self._store, asked, candidates))

        return in_blocks(query, threads, block)

    def _candidates_of(self, code: np.ndarray, items: np.ndarray, scores: np.ndarray, wanted: int) -> Candidates:
        """Numbers of windows with the nearest projections, and how far these are, which bounds how far the pixels are."""
        if self._groups.span > 1:
            items, _ = smallest(items, scores, max(self._items, wanted))
            return members_near(self._groups, self._codes, items, code, wanted)
        ids, lower = smallest(items, scores, wanted)
        return ids, np.sqrt(np.maximum(lower + code @ code, 0.0) * self._store.grid.values)

    def _near(self, query: Query, codes: np.ndarray, wanted: int, threads: int) -> _Near:
        """About twice as many items as are wanted of every query, the nearest; none of images that do not count."""
        factors = np.concatenate([-2.0 * codes.T, np.ones((1, len(codes)), np.float32)])
        with threadpool_limits(1, "blas"), ThreadPoolExecutor(threads) as pool:
            skip = np.full(len(codes), -1) if query.skip_images is None else query.skip_images
            shares = np.array_split(np.arange(len(codes)), threads)
            sampled = pool.map(lambda some: self._limits(factors[:, some], skip[some], wanted), shares)
            limits = np.concatenate(list(sampled))
            starts = np.array_split(np.arange(0, self._count, _AT_ONCE), threads)
            return _joined(list(pool.map(lambda some: self._below(some, factors, limits.copy(), skip, wanted), starts)))

    def _limits(self, factors: np.ndarray, skip: np.ndarray, wanted: int) -> np.ndarray:
        """`[Q]`, the score below which about twice as many items lie as are wanted, by a sample of them."""
        sample = np.arange(self._count)
        if self._count > _SAMPLE:
            sample = np.unique(np.random.default_rng(0).integers(0, self._count, _SAMPLE))
        place = max(_LEAST, -(-2 * wanted * len(sample) // self._count))
        if place >= len(sample):
            return np.full(factors.shape[1], np.inf, np.float32)
        scores = factors.T @ self._augmented(sample).T  # a row for each query, as rows are quickly put in order
        if (skip >= 0).any():
            scores[skip[:, None] == sample // self._groups.per_image] = np.inf
        scores.partition(place)
        return scores[:, place]

    def _below(self, starts: np.ndarray, factors: np.ndarray, limits: np.ndarray, skip: np.ndarray, wanted: int) -> _Near:
        """Of some runs of items those whose scores are at most the limits, which are lowered where too many are."""
        count, skipping = factors.shape[1], bool((skip >= 0).any())
        size = max(1, _SCORES // count)
        buffer, below, found, kept = np.empty((size, count), np.float32), np.empty((size, count), bool), [_NONE], 0
        for start in starts.tolist():
            run = self._augmented(np.arange(start, min(start + _AT_ONCE, self._count)))
            parts = []
            for first in range(0, len(run), size):
                part = run[first : first + size]
                scores = np.matmul(part, factors, out=buffer[: len(part)])
                places = np.flatnonzero(np.less_equal(scores, limits, out=below[: len(part)]))
                parts.append((places + first * count, scores.ravel()[places]))
            places, values = (np.concatenate(part) for part in zip(*parts, strict=True))
            rows, queries = np.divmod(places, count)
            near = _Near(start + rows, queries, values)
            found.append(near.part(near.items // self._groups.per_image != skip[queries]) if skipping else near)
            kept += len(found[-1].items)
            if kept > _TOO_MANY * wanted * count:
                found = [_nearest(_joined(found), wanted, limits)]
                kept = len(found[0].items)
        return _joined(found)

    def _augmented(self, items: np.ndarray) -> np.ndarray:
        """`[m, d + 1]` float32: the codes of the middle windows of items, and their squares."""
        codes = self._codes.take(self._groups.middle(items))
        return np.concatenate([codes, np.einsum("ij,ij->i", codes, codes)[:, None]], axis=1)


_NONE = _Near(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))


def _joined(parts: Sequence[_Near]) -> _Near:
    return _Near(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _nearest(near: _Near, wanted: int, limits: np.ndarray) -> _Near:
    """The `wanted` items with the smallest scores of every query; where there are as many, its limit falls below the last."""
    order = np.lexsort((near.scores, near.queries))
    starts = np.searchsorted(near.queries, np.arange(len(limits)), sorter=order)
    place = np.arange(len(order)) - starts[near.queries[order]]
    last = order[place == wanted - 1]
    limits[near.queries[last]] = np.nextafter(near.scores[last], np.float32(-np.inf))
    return near.part(order[place < wanted])


VARIANT = ProjectedSearch
