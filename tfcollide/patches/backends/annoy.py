"""Candidates from Annoy's trees over the projections, ranked by the pixels themselves."""

import bisect
import dataclasses
import importlib.util
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from tfcollide.patches.backend import Backend, ShardStep, ShardWork
from tfcollide.patches.collection import Collection
from tfcollide.patches.manifest import Manifest
from tfcollide.patches.neighbors import Neighbors, Query, closest, squared_distances
from tfcollide.patches.scan import scan
from tfcollide.patches.trees import build_trees, check_annoy, load_trees, tree_bytes
from tfcollide.settings import at_least, flag

__all__ = ["OPTIONS", "VARIANT", "AnnoyOptions", "AnnoySearch"]

_CANDIDATES = 200
_SEARCH_NODES = 16_000
_ENOUGH_FOR, _GROWTH = 600_000, 2 / 3
_LEAST_NODES = 2_000
_FIRST = 32
_MORE = (8, 64)


@dataclasses.dataclass(frozen=True, kw_only=True)
class AnnoyOptions:
    """How trees are built."""

    NEUTRAL: ClassVar = ("on_disk_build",)

    num_trees: int = flag(10, "Annoy's trees per shard: more find more and take more room.")
    on_disk_build: bool = flag(False, "Build trees in their files where memory is short; room for them is taken first.")

    def check(self) -> None:
        """Raises `RequestError` for a number of trees that no index has."""
        at_least(self, 1, "num_trees")


def _write_trees(work: ShardWork) -> None:
    build_trees(
        work.store,
        work.projection,
        work.path,
        num_trees=work.manifest.num_trees,
        seed=work.manifest.seed * 100_003 + work.number + 1,
        on_disk=work.options.on_disk_build,
        progress=work.progress,
    )


def _size(manifest: Manifest) -> int:
    return tree_bytes(manifest.num_patches, manifest.num_components, manifest.num_trees)


_TREES = ShardStep("trees", "ann", lambda manifest: bool(manifest.num_trees), _write_trees, _size)


class AnnoySearch(Backend):
    """Approximate search.

    Args:
        collection: the images, the projection and the trees.
        candidates: patches whose pixels are looked at, for each query; by default 200, and
            more, as the power 2/3, where there are over 600,000 patches.
        search_nodes: patches whose projections are looked at, over all shards; by default
            16,000, and more in the same way.
    """

    preference = 1
    steps = (_TREES,)
    packages = ("annoy",)

    @staticmethod
    def serves(manifest: Manifest) -> bool:
        """Whether the index has trees, and Annoy is installed."""
        return bool(manifest.num_trees) and importlib.util.find_spec("annoy") is not None

    @staticmethod
    def check_build(folder: Path) -> None:
        """Raises `RequestError` where Annoy is not installed, or cannot take the name of the folder."""
        check_annoy(folder)

    @staticmethod
    def entries(options: AnnoyOptions) -> Mapping[str, Any]:
        """How many trees."""
        return {"num_trees": options.num_trees}

    def __init__(self, collection: Collection, *, candidates: int | None = None, search_nodes: int | None = None):
        super().__init__(collection)
        self._projection = collection.projection
        self._shards: list[Any] = load_trees(collection, _TREES.files(collection.manifest))
        self._starts = collection.first_ids
        self._num_trees = collection.manifest.num_trees
        more = max(1.0, collection.manifest.num_patches / _ENOUGH_FOR) ** _GROWTH
        self._candidates = candidates or round(more * _CANDIDATES)
        self._nodes = search_nodes or round(more * _SEARCH_NODES)

    def search(self, query: Query, *, threads: int = 0) -> Neighbors:
        """The neighbors of every query window, nearly always the true ones."""
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
        skip = -1 if query.skip_images is None else int(query.skip_images[q])
        for factor, spare in self._attempts(query):
            ids, lower = self._propose(point, factor * wanted, factor * nodes, skip, spare)
            found = self._rank(query, q, ids, lower)
            if found[0][-1] >= 0:
                break
        return found

    def _attempts(self, query: Query) -> list[tuple[int, int]]:
        """Times as many candidates, and nodes beyond them in the shard of the image that is left out.

        An image whose windows are all alike may be all that its shard proposes, in every tree; beyond these nodes
        come others. Only what is left out for its distance can be any number of patches.
        """
        every_window = self._store.grid.per_image * self._num_trees
        attempts = [(1, 0)]
        attempts += [(1, every_window)] if query.skip_images is not None else []
        attempts += [(factor, every_window) for factor in _MORE] if query.min_distance else []
        return attempts

    def _propose(self, point: list[float], wanted: int, nodes: int, skip: int, spare: int) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of the nearest projections, and their distances, which bound those of the pixels from below.

        Args:
            point: the projection of the query.
            wanted: how many.
            nodes: to be looked at.
            skip: the image whose patches do not count, or -1.
            spare: nodes to be looked at besides in its shard.
        """
        share, per_image = max(_LEAST_NODES, nodes // len(self._shards)), self._store.grid.per_image
        own = bisect.bisect_right(self._starts, skip * per_image) - 1  # -1 for none
        ids, lower = [], []
        for shard, (trees, start) in enumerate(zip(self._shards, self._starts, strict=True)):
            more = (per_image, spare) if shard == own else (0, 0)
            some, distances = trees.get_nns_by_vector(point, wanted + more[0], share + more[1], True)
            ids.append(np.array(some, np.int64) + start)
            lower.append(np.array(distances))
        numbers, bounds = np.concatenate(ids), np.concatenate(lower)
        counts = numbers // per_image != skip
        numbers, bounds = numbers[counts], bounds[counts]
        order = np.argsort(bounds, kind="stable")[:wanted]
        return numbers[order], bounds[order]

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
OPTIONS = AnnoyOptions
