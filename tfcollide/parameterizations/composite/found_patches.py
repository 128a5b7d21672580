"""From a seed image to candidates: the nearest patch of an index for every window, with its surround."""

import math
from typing import NamedTuple

import numpy as np

from tfcollide.errors import RequestError
from tfcollide.parameterizations.composite.layout import Layout, layout_of
from tfcollide.patches.backend import Backend
from tfcollide.patches.collection import Collection
from tfcollide.patches.grid import Grid
from tfcollide.patches.neighbors import Neighbors, Query
from tfcollide.patches.recall import windows_of_image
from tfcollide.shapes import ImageShape

__all__ = ["FoundPatches", "cut_patches", "find_patches", "window_layout"]

_ALIKE = 8.0  # of 255, root mean square: two copies of one photograph, resized or compressed apart


class FoundPatches(NamedTuple):
    """The patches that stand for an image.

    Attributes:
        ids: `[K]`, numbers of the patches in the index: the nearest of every window, then the next nearest.
        distances: `[K]`, L2 over the pixels of window and patch.
        images: `[K]`, the photograph of each in the index.
        own: the source's own number in the index, left out of the search; -1 where it is not there.
    """

    ids: np.ndarray
    distances: np.ndarray
    images: np.ndarray
    own: int


def window_layout(
    grid: Grid,
    shape: ImageShape,
    *,
    stride: int | None = None,
    surround: int | None = None,
    spacing: int | None = None,
    per_window: int = 1,
) -> tuple[Layout, Grid]:
    """Where the windows of a seed image lie: the layout at which patches are pasted, and the grid at which they are searched.

    Args:
        grid: of the index.
        shape: `(H, W, C)` of the seed image.
        stride: from window to window, in pixels of the search images; by default a quarter of a patch.
        surround: in pixels of the seed image; by default half of a window.
        spacing: of the control parameters; in the same; by default half the stride, or the stride where that is odd.
        per_window: patches that stand for a window.

    Raises:
        RequestError: the index is for images of another size, windows do not lie on whole pixels, or see `layout_of`.
    """
    if shape != (grid.image_size, grid.image_size, 3):
        raise RequestError(
            f"an index of {grid.image_size}x{grid.image_size} color images with a model of {shape[0]}x{shape[1]}x{shape[2]}",
            "patches cut from images of the model's size",
            f"Build the index with --image_size={shape[0]}." if shape[2] == 3 else "Composites need a model of color images.",
        )
    stride = stride or max(grid.patch_size // 4, 1)
    asked, scale = grid._replace(stride=stride), grid.image_size / grid.search_size
    if (stride * scale) % 1 or (grid.patch_size * scale) % 1:
        raise RequestError(
            f"--window_stride={stride} and windows of {grid.patch_size} pixels, {scale:g} times as large when pasted",
            "whole numbers of pixels in the pasted image",
            "Choose another stride, or build the index with --search_size and --image_size in a simple ratio.",
        )
    window, step = grid.cut_size, round(stride * scale)
    around = window // 2 if surround is None else surround
    spacing = spacing or _half_of(step, window + 2 * around)
    layout = layout_of(shape, window=window, stride=step, surround=around, spacing=spacing, per_window=per_window)
    return layout, asked


def _half_of(stride: int, size: int) -> int:
    """Half a stride, or all of an odd one; less where that does not divide pasted squares of `size` pixels."""
    most, both = stride if stride % 2 else stride // 2, math.gcd(stride, size)
    return max(spacing for spacing in range(1, most + 1) if both % spacing == 0)


def find_patches(collection: Collection, backend: Backend, grid: Grid, pixels: np.ndarray, per_window: int = 1) -> FoundPatches:
    """The nearest patches of every window of a seed image; patches of the seed image itself do not count.

    Args:
        collection: the index.
        backend: searches it.
        grid: of the seed image's windows.
        pixels: `[H, W, 3]` uint8, the seed image.
        per_window: how many of each.

    Raises:
        RequestError: some window has too few neighbors in other photographs.
    """
    windows = windows_of_image(pixels, grid)
    found = backend.search(Query(windows, per_window))
    own = _own_image(collection, pixels, found)
    if own >= 0:
        found = backend.search(Query(windows, per_window, skip_images=np.full(len(windows), own)))
    if (found.ids < 0).any():
        raise RequestError(
            f"index {collection.path}, which has fewer than {per_window} patches of other photographs for "
            f"{int((found.ids < 0).any(axis=1).sum())} windows",
            "an index of more photographs",
            "Build one with index_patches.",
        )
    return FoundPatches(found.ids.T.ravel(), found.distances.T.ravel(), found.images.T.ravel(), own)


def cut_patches(collection: Collection, layout: Layout, ids: np.ndarray) -> np.ndarray:
    """`[K, n + 2s, n + 2s, 3]` uint8: patches with their surround, mirrored where their image ends."""
    return collection.store.cut(ids, layout.down.surround)


def _own_image(collection: Collection, pixels: np.ndarray, found: Neighbors) -> int:
    """The image that most windows were found in, if it is the seed image itself; else -1."""
    images, counts = np.unique(found.images[found.ids >= 0], return_counts=True)
    for image in images[np.argsort(-counts, kind="stable")][:3]:
        change = collection.store.image(int(image)).astype(np.float64) - pixels
        if np.sqrt(np.mean(change**2)) < _ALIKE:
            return int(image)
    return -1
