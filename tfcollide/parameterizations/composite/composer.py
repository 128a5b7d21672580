"""An index of patches, opened, and what it gives for an image."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfcollide.parameterizations.composite.composite_options import CompositeOptions
from tfcollide.parameterizations.composite.found_patches import FoundPatches, cut_patches, find_patches, window_layout
from tfcollide.parameterizations.composite.layout import Layout
from tfcollide.patches.backend import Backend, best_backend
from tfcollide.patches.collection import Collection, open_collection
from tfcollide.patches.grid import Grid
from tfcollide.registry import BACKENDS
from tfcollide.runtime.progress import say
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

    def find(self, pixels: np.ndarray) -> FoundPatches:
        """The patches for a seed image `[H, W, 3]` uint8.

        Raises:
            RequestError: a window has no neighbor.
        """
        return find_patches(self.collection, self.backend, self.grid, pixels, self.layout.per_window)

    def cut(self, found: FoundPatches) -> np.ndarray:
        """`[K, n + 2s, n + 2s, 3]` uint8, the patches that were found, with their surround."""
        return cut_patches(self.collection, self.layout, found.ids)


def open_composer(options: CompositeOptions, shape: ImageShape, num_corners: int) -> Composer:
    """Opens `options.index` for images of a shape, and says what a composite of it is made of.

    Raises:
        RequestError: the index is missing or damaged, or does not suit the images.
    """
    collection = open_collection(Path(options.index or ""))
    manifest = collection.manifest
    layout, grid = window_layout(
        manifest.grid,
        shape,
        stride=options.window_stride,
        surround=options.surround,
        spacing=options.control_spacing,
        per_window=options.patches_per_window,
    )
    backend = BACKENDS.load(options.search or best_backend(manifest))
    say(layout.describe(num_corners))
    return Composer(collection, backend(collection), layout, grid)
