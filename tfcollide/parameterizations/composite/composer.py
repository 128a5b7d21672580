"""An index of patches, opened for the images of one model, and the patches that it gives for an image."""

import importlib.util
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfcollide.parameterizations.composite.layout import Layout
from tfcollide.parameterizations.composite.seed import Seed, cut_patches, find_patches, seed_layout
from tfcollide.patches.collection import Collection, open_collection
from tfcollide.patches.grid import Grid
from tfcollide.patches.neighbors import Backend
from tfcollide.registry import BACKENDS
from tfcollide.shapes import ImageShape

__all__ = ["Composer", "open_composer"]


class Composer(NamedTuple):
    """An opened index, and where windows lie on the images of one model.

    Attributes:
        collection: the index.
        backend: searches it.
        layout: where candidates are pasted.
        grid: of the windows that are looked up.
    """

    collection: Collection
    backend: Backend
    layout: Layout
    grid: Grid

    def find(self, pixels: np.ndarray) -> Seed:
        """The patches for a seed `[H, W, 3]` uint8.

        Raises:
            RequestError: a window has no neighbor.
        """
        return find_patches(self.collection, self.backend, self.grid, pixels)

    def cut(self, seed: Seed) -> np.ndarray:
        """`[K, n + 2s, n + 2s, 3]` uint8, the patches of a seed with their surround."""
        return cut_patches(self.collection, self.layout, seed.ids)


def open_composer(
    index: Path,
    shape: ImageShape,
    *,
    search: str | None = None,
    stride: int | None = None,
    surround: int | None = None,
    spacing: int | None = None,
) -> Composer:
    """Opens an index for images of a shape.

    Args:
        index: its folder.
        shape: `(H, W, C)` of the images.
        search: a name in `registry.BACKENDS`; None: annoy, where the index and the installation have it.
        stride: see `seed_layout`, as are the next two.
        surround: of a window.
        spacing: of control parameters.

    Raises:
        RequestError: the index is missing or damaged, or does not suit the images.
    """
    collection = open_collection(index)
    manifest = collection.manifest
    layout, grid = seed_layout(manifest.grid, shape, stride=stride, surround=surround, spacing=spacing)
    trees = manifest.num_trees and importlib.util.find_spec("annoy") is not None
    name = search or ("annoy" if trees else "exact")
    return Composer(collection, BACKENDS.load(name)(collection), layout, grid)
