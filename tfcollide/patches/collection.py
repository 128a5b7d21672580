"""An open index: its manifest, its images and its projection, all checked."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfcollide.errors import RequestError
from tfcollide.patches.manifest import Manifest, damaged
from tfcollide.patches.projection import Projection
from tfcollide.patches.store import ImageStore
from tfcollide.patches.trust import trusted_manifest

__all__ = ["Collection", "open_collection", "open_images"]


class Collection(NamedTuple):
    """What every backend searches.

    Attributes:
        path: the folder.
        manifest: its description.
        store: the images, memory-mapped.
        projection: of a window to a few dozen numbers.
        counts: patches in each shard.
        first_ids: number of the first patch of each shard.
    """

    path: Path
    manifest: Manifest
    store: ImageStore
    projection: Projection
    counts: list[int]
    first_ids: list[int]

    def photographs(self) -> list[str]:
        """The name of every image, in order."""
        import csv

        with open(self.path / "photographs.csv", newline="", encoding="utf-8") as file:
            return [row["id"] for row in csv.DictReader(file) if row["image"]]

    def held_out(self) -> np.ndarray:
        """`[n, image_size, image_size, 3]` uint8, the photographs that the index does not know."""
        return np.load(self.path / "held_out.npy", mmap_mode="r", allow_pickle=False)


def open_collection(path: str | Path, *, rehash: bool = False) -> Collection:
    """Opens an index after checking it.

    Raises:
        RequestError: it is missing or damaged; see `trust.trusted_manifest`.
    """
    path = Path(path)
    if not path.is_dir():
        raise RequestError(f"index {path}, which does not exist", "a folder that index_patches wrote")
    manifest = trusted_manifest(path, rehash=rehash)
    try:
        store = open_images(path, manifest)
        projection = Projection.load(path / "projection.npz")
    except (OSError, ValueError, KeyError) as error:
        raise damaged(path, f"{error}") from error
    if projection.components.shape != (manifest.num_components, manifest.grid.values):
        raise damaged(path / "projection.npz", f"components of shape {projection.components.shape}")
    counts = [images * manifest.grid.per_image for images in manifest.shard_images]
    return Collection(path, manifest, store, projection, counts, [0, *np.cumsum(counts)[:-1].tolist()])


def open_images(path: Path, manifest: Manifest, shards: slice = slice(None)) -> ImageStore:
    """Memory-maps the images of some shards.

    Raises:
        RequestError: a file holds another shape than the manifest says.
    """
    arrays = {}
    for kind, size in (("images", manifest.image_size), ("search", manifest.search_size)):
        if kind == "search" and manifest.search_size == manifest.image_size:
            continue
        names = zip(manifest.files(kind)[shards], manifest.shard_images[shards], strict=True)
        arrays[kind] = [_map(path / name, (count, size, size, 3)) for name, count in names]
    return ImageStore(manifest.grid, arrays.get("search", arrays["images"]), arrays["images"])


def _map(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    if array.shape != shape or array.dtype != np.uint8 or not array.flags.c_contiguous:
        raise damaged(path, f"{array.dtype} of shape {array.shape}")
    return array
