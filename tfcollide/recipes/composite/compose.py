"""The index of a config, opened, and the patches that it gives for an image."""

import importlib.util
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from tfcollide.parameterizations.composite.layout import Layout
from tfcollide.parameterizations.composite.seed import Seed, cut_patches, find_patches, seed_layout
from tfcollide.patches.collection import Collection, open_collection
from tfcollide.patches.grid import Grid
from tfcollide.patches.neighbors import Backend
from tfcollide.recipes.collide.config import CollideConfig
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
            RequestError: a window has no neighbour.
        """
        return find_patches(self.collection, self.backend, self.grid, pixels)

    def cut(self, seed: Seed) -> np.ndarray:
        """`[K, n + 2s, n + 2s, 3]` uint8, the patches of a seed with their surround."""
        return cut_patches(self.collection, self.layout, seed.ids)


def open_composer(config: CollideConfig, shape: ImageShape) -> Composer:
    """Opens `config.index` for images of a shape, and says what a composite of it is made of.

    Raises:
        RequestError: the index is missing or damaged, or does not suit the images.
    """
    collection = open_collection(Path(config.index or ""))
    manifest = collection.manifest
    layout, grid = seed_layout(
        manifest.grid, shape, stride=config.window_stride, surround=config.surround, spacing=config.control_spacing
    )
    trees = manifest.num_trees and importlib.util.find_spec("annoy") is not None
    name = config.search or ("annoy" if trees else "exact")
    tqdm.write(layout.describe(config.num_corners()), file=sys.stderr)
    return Composer(collection, BACKENDS.load(name)(collection), layout, grid)
