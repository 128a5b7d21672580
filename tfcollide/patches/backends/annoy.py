"""Candidates from Annoy's trees over the projections, ranked by the pixels themselves."""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from tfcollide.patches.collection import Collection
from tfcollide.patches.neighbors import Neighbors, Query, closest, squared_distances
from tfcollide.patches.scan import scan
from tfcollide.patches.trees import load_trees

__all__ = ["VARIANT", "AnnoySearch"]

_CANDIDATES = 200
_SEARCH_NODES = 16_000
_ENOUGH_FOR, _GROWTH = 600_000, 2 / 3
_LEAST_NODES = 2_000
_FIRST = 32
_ATTEMPTS = (1, 8, 64)


class AnnoySearch:
    """Approximate search.

    Args:
        collection: the images, the projection and the trees.
        candidates: patches whose pixels are looked at, for each query; by default 200, and
            more, as the power 2/3, where there are over 600,000 patches.
        search_nodes: patches whose projections are looked at, over all shards; by default
            16,000, and more in the same way.
    """

    def __init__(self, collection: Collection, *, candidates: int | None = None, search_nodes: int | None = None):
        self._store = collection.store
        self._projection = collection.projection
        self._shards: list[Any] = load_trees(collection)
        self._starts = collection.first_ids
        more = max(1.0, collection.manifest.num_patches / _ENOUGH_FOR) ** _GROWTH
        self._candidates = candidates or round(more * _CANDIDATES)
        self._nodes = search_nodes or round(more * _SEARCH_NODES)

    def search(self, query: Query, *, threads: int = 0) -> Neighbors:
        """The neighbours of every query window, nearly always the true ones."""
        query.check(self._store.grid.values)
        points = self._projection.apply(query.windows.astype(np.float32) - np.float32(128)).tolist()
        with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
            found = list(pool.map(lambda q: self._one(query, q, points[q]), range(len(points))))
        ids, distances = (np.stack(part) for part in zip(*found, strict=True))
        short = np.flatnonzero(ids[:, -1] < 0)
        if len(short):  # nearly everything near was left out
            ids[short], distances[short] = scan(self._store, query.part(short), threads=threads)
        return Neighbors(ids, distances, *self._store.grid.locate(np.maximum(ids, 0)))

    def _one(self, query: Query, q: int, point: list[float]) -> tuple[np.ndarray, np.ndarray]:
        """One query; where too few candidates may count, more are asked for, but not without end."""
        wanted = max(self._candidates, 4 * query.neighbors)
        nodes = max(self._nodes, 20 * wanted)
        for factor in _ATTEMPTS:
            ids, lower = self._propose(point, factor * wanted, factor * nodes)
            if query.skip_images is not None:
                other = ids // self._store.grid.per_image != query.skip_images[q]
                ids, lower = ids[other], lower[other]
            found = self._rank(query, q, ids, lower)
            if found[0][-1] >= 0:
                break
        return found

    def _propose(self, point: list[float], wanted: int, nodes: int) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of the nearest projections, and their distances, which bound those of the pixels from below."""
        share = max(_LEAST_NODES, nodes // len(self._shards))
        found = [trees.get_nns_by_vector(point, wanted, share, True) for trees in self._shards]
        ids = np.concatenate([np.array(some, np.int64) + start for (some, _), start in zip(found, self._starts, strict=False)])
        lower = np.concatenate([np.array(distances) for _, distances in found])
        order = np.argsort(lower, kind="stable")[:wanted]
        return ids[order], lower[order]

    def _rank(self, query: Query, q: int, ids: np.ndarray, lower: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Looks at the pixels of the most promising, then of more, while the bound leaves them a chance."""
        start, size, nearest, squared = 0, max(_FIRST, 2 * query.neighbors), ids[:0], np.empty(0)
        distances = np.array([np.inf])
        while start < len(ids) and lower[start] <= distances[-1] * (1 + 1e-4):
            some = ids[start : start + size]
            some = some[lower[start : start + size] <= distances[-1] * (1 + 1e-4)]
            nearest = np.concatenate([nearest, some])
            squared = np.concatenate([squared, squared_distances(self._store.patches(some), query.windows[q])])
            start, size = start + size, 2 * size
            _, distances = closest(nearest, squared, query.neighbors, query.min_distance)
        return closest(nearest, squared, query.neighbors, query.min_distance)


VARIANT = AnnoySearch
