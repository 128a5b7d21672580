"""Windows that lie within a pixel or so of each other, as one item of a search, and short codes to tell them apart.

With a small stride neighboring windows are alike. A search then looks among the middle ones of
groups of span x span windows first, takes the windows of the groups that are near,
and compares their projections, kept in half precision.

    group = (image * side + row // span) * side + column // span        side = ceil(windows in a row / span)
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfcollide.errors import RequestError
from tfcollide.files.disk import naming
from tfcollide.patches.backend import ShardStep, ShardWork
from tfcollide.patches.collection import Collection
from tfcollide.patches.grid import Grid
from tfcollide.patches.manifest import Manifest
from tfcollide.patches.ranking import Candidates, smallest
from tfcollide.patches.store import ImageStore

__all__ = ["CODES", "Codes", "Groups", "groups_of", "members_near", "open_codes", "rounded", "span_of"]

_REACH = 1 / 32  # of a patch, from the middle of a group to its edge
_MIDDLES_AT_ONCE = 4096


def span_of(grid: Grid) -> int:
    """How many windows a group has in a row: those at most a thirty-second of a patch from its middle."""
    return 1 + 2 * int(grid.patch_size * _REACH / grid.stride)


class Groups(NamedTuple):
    """Groups of windows; of one window each where `span` is 1.

    Attributes:
        grid: where windows lie.
        span: windows in a row of a group; at the end of an image it may have fewer.
    """

    grid: Grid
    span: int

    @property
    def side(self) -> int:
        """Groups in a row of an image."""
        return -(-self.grid.side // self.span)

    @property
    def per_image(self) -> int:
        """Groups in an image."""
        return self.side**2

    def middles(self, store: ImageStore) -> Iterator[tuple[int, np.ndarray]]:
        """The middle windows of all groups, as `store.chunks` gives windows: first number, `[m, values]` float32."""
        if self.span == 1:
            yield from store.chunks()
            return
        for first in range(0, store.num_images * self.per_image, _MIDDLES_AT_ONCE):
            numbers = np.arange(first, min(first + _MIDDLES_AT_ONCE, store.num_images * self.per_image))
            windows = store.patches(self.middle(numbers)).astype(np.float32)
            windows -= np.float32(128)
            yield first, windows

    def middle(self, groups: np.ndarray) -> np.ndarray:
        """Numbers of the middle windows of some groups, in rising order where the groups' are."""
        if self.span == 1:
            return groups
        images, place = np.divmod(groups, self.per_image)
        rows, columns = (
            np.minimum(first * self.span + self.span // 2, self.grid.side - 1) for first in np.divmod(place, self.side)
        )
        return (images * self.grid.side + rows) * self.grid.side + columns

    def members(self, groups: np.ndarray) -> np.ndarray:
        """Numbers of the windows of some groups, in rising order where the groups' are."""
        if self.span == 1:
            return groups
        images, place = np.divmod(groups, self.per_image)
        reach, side = np.arange(self.span), self.grid.side
        rows, columns = (first[:, None] * self.span + reach for first in np.divmod(place, self.side))
        ids = (images[:, None, None] * side + rows[:, :, None]) * side + columns[:, None]
        return ids[(rows < side)[:, :, None] & (columns < side)[:, None]]


def rounded(points: np.ndarray, grid: Grid) -> np.ndarray:
    """Projections per pixel value, root mean square, in half precision: within -255 to 255, however large a patch is."""
    return (points / np.float32(grid.values**0.5)).astype(np.float16)


def _write_codes(work: ShardWork) -> None:
    """Writes the rounded projections of every window of a shard, `[n, d]` float16."""
    unfinished = work.path.with_name(f".{work.path.name}")
    shape = (work.store.num_patches, len(work.projection.components))
    with naming(work.path), open(unfinished, "wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f2", "fortran_order": False, "shape": shape})
        for _, windows in work.store.chunks():
            file.write(rounded(work.projection.apply(windows), work.store.grid).tobytes())
            work.progress(len(windows))
    os.replace(unfinished, work.path)


class Codes:
    """The rounded projections of all windows, memory-mapped.

    Args:
        paths: one file per shard.
        counts: windows in each.
        components: d.

    Raises:
        RequestError: a file holds something else.
    """

    def __init__(self, paths: Sequence[Path], counts: Sequence[int], components: int):
        self._shards = [np.load(path, mmap_mode="r", allow_pickle=False) for path in paths]
        self._starts = np.cumsum([0, *counts])
        for path, array, count in zip(paths, self._shards, counts, strict=True):
            if array.shape != (count, components) or array.dtype != np.float16:
                shape = f"{array.dtype} of shape {array.shape}"
                raise RequestError(f"{path} with {shape}", f"float16 of shape {(count, components)}, as the manifest says")

    def take(self, ids: np.ndarray) -> np.ndarray:
        """`[m, d]` float32, the codes of windows, in rising order of their numbers."""
        bounds = np.searchsorted(ids, self._starts)
        found = np.empty((len(ids), self._shards[0].shape[1]), np.float32)
        for shard, start in enumerate(self._starts[:-1]):
            here = slice(bounds[shard], bounds[shard + 1])
            if here.stop > here.start:
                found[here] = self._shards[shard][ids[here] - start]
        return found

    def distances(self, ids: np.ndarray, code: np.ndarray) -> np.ndarray:
        """`[m]` float32 L2 distances of the codes of windows, in rising order of their numbers, to one of `rounded`."""
        found = self.take(ids)
        found -= code
        return np.sqrt(np.einsum("ij,ij->i", found, found))


def groups_of(manifest: Manifest) -> Groups:
    """The groups of an index; of one window each where it says nothing of any."""
    return Groups(manifest.grid, (manifest.own or {}).get("span", 1))


def members_near(groups: Groups, codes: Codes, items: np.ndarray, code: np.ndarray, count: int) -> Candidates:
    """The `count` windows of some groups whose codes are nearest to one of `rounded`, and how far these are, in pixels' L2."""
    ids = groups.members(np.sort(items))
    return smallest(ids, codes.distances(ids, code) * np.float32(groups.grid.values**0.5), count)


def open_codes(collection: Collection) -> Codes:
    """The codes of an index that has them."""
    manifest = collection.manifest
    paths = [collection.path / name for name in CODES.files(manifest)]
    return Codes(paths, collection.counts, manifest.num_components)


CODES = ShardStep(
    "codes",
    "npy",
    lambda manifest: bool({"span", "codes"} & (manifest.own or {}).keys()),
    _write_codes,
    lambda manifest: 2 * manifest.num_patches * manifest.num_components,
)
"""The rounded projections of every window; an index has them that is built for `projected`, or whose windows are in groups."""
