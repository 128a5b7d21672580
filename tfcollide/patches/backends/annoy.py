"""Candidates from Annoy's trees over the projections of groups of windows, ranked by the pixels themselves."""

import bisect
import dataclasses
import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from tfcollide.patches.backend import Backend, ShardStep, ShardWork
from tfcollide.patches.collection import Collection
from tfcollide.patches.grid import Grid
from tfcollide.patches.groups import CODES, groups_of, members_near, open_codes, rounded, span_of
from tfcollide.patches.manifest import Manifest
from tfcollide.patches.neighbors import Neighbors, Query
from tfcollide.patches.ranking import in_blocks, more, rank, smallest, without_doubtful
from tfcollide.patches.scan import scan
from tfcollide.patches.trees import build_trees, check_annoy, load_trees, tree_bytes
from tfcollide.settings import at_least, flag

__all__ = ["OPTIONS", "VARIANT", "AnnoyOptions", "AnnoySearch"]

_CANDIDATES, _PER_NEIGHBOR = 112, 16
_ITEMS = 256
_SEARCH_NODES = 14_000
_GROWTH = 2 / 3
_LEAST_NODES = 1_000
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
        groups_of(work.manifest),
        work.projection,
        work.path,
        num_trees=work.manifest.num_trees,
        seed=work.manifest.seed * 100_003 + work.number + 1,
        on_disk=work.options.on_disk_build,
        progress=work.progress,
    )


def _size(manifest: Manifest) -> int:
    return tree_bytes(manifest.num_images * groups_of(manifest).per_image, manifest.num_components, manifest.num_trees)


_TREES = ShardStep("trees", "ann", lambda manifest: bool(manifest.num_trees), _write_trees, _size)


class AnnoySearch(Backend):
    """Approximate search.

    Args:
        collection: the images, the projection and the trees.
        candidates: patches whose pixels are looked at, for each query; by default 112 and 16 per neighbor, and
            more, as the power 2/3, where there are over 600,000 patches.
        search_nodes: items of trees whose projections are looked at, over all shards; by default
            14,000, and more in the same way, with the number of items.
    """

    preference = 1
    steps = (CODES, _TREES)
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
    def entries(options: AnnoyOptions, grid: Grid) -> Mapping[str, Any]:
        """How many trees, and how large groups of windows are where they are more than one."""
        span = span_of(grid)
        return {"num_trees": options.num_trees} | ({"own": {"span": span}} if span > 1 else {})

    def __init__(self, collection: Collection, *, candidates: int | None = None, search_nodes: int | None = None):
        super().__init__(collection)
        self._projection = collection.projection
        manifest, self._groups = collection.manifest, groups_of(collection.manifest)
        self._shards: list[Any] = load_trees(collection, self._groups, _TREES.files(manifest))
        self._codes = open_codes(collection) if CODES.asked(manifest) else None
        self._starts = [first // manifest.grid.per_image * self._groups.per_image for first in collection.first_ids]
        self._num_trees = manifest.num_trees
        self._candidates = candidates or round(more(manifest.num_patches, _GROWTH) * _CANDIDATES)
        factor = more(manifest.num_images * self._groups.per_image, _GROWTH)
        self._items = round(factor * _ITEMS)
        self._nodes = search_nodes or round(factor * _SEARCH_NODES)

    def search(self, query: Query, *, threads: int = 0) -> Neighbors:
        """The neighbors of every query window, nearly always the true ones."""
        query.check(self._store.grid.values)
        points = self._projection.apply(query.windows.astype(np.float32) - np.float32(128)).tolist()
        ids, distances = in_blocks(query, threads or os.cpu_count() or 1, lambda block: self._block(query, block, points))
        short = np.flatnonzero(ids[:, -1] < 0)
        if len(short):  # nearly everything near was left out, or may have been
            ids[short], distances[short] = scan(self._store, query.part(short), threads=threads)
        return Neighbors(ids, distances, *self._store.grid.locate(np.maximum(ids, 0)))

    def _block(self, query: Query, block: range, points: list[list[float]]) -> tuple[np.ndarray, np.ndarray]:
        """Some queries; of those of which too few candidates count more are asked for, but not without end."""
        wanted = self._candidates + _PER_NEIGHBOR * query.neighbors
        nodes = max(self._nodes, 20 * wanted)
        ids = np.full((len(block), query.neighbors), -1, np.int64)
        distances = np.full(ids.shape, np.inf)
        for factor, spare in self._attempts(query):
            left = np.array(block)[ids[:, -1] < 0]
            if not len(left):
                break
            skip = np.full(len(left), -1) if query.skip_images is None else query.skip_images[left]
            candidates = [
                self._propose(points[q], factor * wanted, factor * nodes, image, spare)
                for q, image in zip(left.tolist(), skip.tolist(), strict=True)
            ]
            asked, here = query.part(left), left - block.start
            found = rank(self._store, asked, candidates)
            ids[here], distances[here] = without_doubtful(asked, candidates, found)
        return ids, distances

    def _attempts(self, query: Query) -> list[tuple[int, int]]:
        """Times as many candidates, and nodes beyond them in the shard of the image that is left out.

        An image whose windows are all alike may be all that its shard proposes, in every tree; beyond these nodes
        come others. Only what is left out for its distance can be any number of patches.
        """
        every_item = self._groups.per_image * self._num_trees
        attempts = [(1, 0)]
        attempts += [(1, every_item)] if query.skip_images is not None else []
        attempts += [(factor, every_item) for factor in _MORE] if query.min_distance else []
        return attempts

    def _propose(self, point: list[float], wanted: int, nodes: int, skip: int, spare: int) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of windows with the nearest projections, and their distances, which bound those of the pixels from below.

        Args:
            point: the projection of the query.
            wanted: how many.
            nodes: to be looked at.
            skip: the image whose patches do not count, or -1.
            spare: nodes to be looked at besides in its shard.
        """
        if self._codes is None:
            return self._items_near(point, wanted, nodes, skip, spare)
        items, _ = self._items_near(point, max(self._items, wanted), nodes, skip, spare)
        return members_near(self._groups, self._codes, items, rounded(np.array(point, np.float32), self._store.grid), wanted)

    def _items_near(self, point: list[float], wanted: int, nodes: int, skip: int, spare: int) -> tuple[np.ndarray, np.ndarray]:
        """The same of the items of trees, groups of windows or windows."""
        share, per_image = max(_LEAST_NODES, nodes // len(self._shards)), self._groups.per_image
        own = bisect.bisect_right(self._starts, skip * per_image) - 1  # -1 for none
        ids, lower = [], []
        for shard, (trees, start) in enumerate(zip(self._shards, self._starts, strict=True)):
            more = (per_image, spare) if shard == own else (0, 0)
            some, distances = trees.get_nns_by_vector(point, wanted + more[0], share + more[1], True)
            ids.append(np.array(some, np.int64) + start)
            lower.append(np.array(distances))
        numbers, bounds = np.concatenate(ids), np.concatenate(lower)
        counts = numbers // per_image != skip
        return smallest(numbers[counts], bounds[counts], wanted)


VARIANT = AnnoySearch
OPTIONS = AnnoyOptions
