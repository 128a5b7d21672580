"""What a search returns, and how distances are counted: over the pixels, exactly."""

from typing import NamedTuple

import numpy as np

from tfcollide.errors import RequestError

__all__ = ["Neighbors", "Query", "closest", "squared_distances"]

_NO_IMAGE = -1


class Query(NamedTuple):
    """What to look for.

    Attributes:
        windows: `[Q, values]` uint8.
        neighbors: how many are wanted for each, k.
        skip_images: `[Q]` image whose patches do not count for a query, -1 for none; None skips none at all.
        min_distance: patches closer than this do not count.
    """

    windows: np.ndarray
    neighbors: int = 1
    skip_images: np.ndarray | None = None
    min_distance: float = 0.0

    def part(self, which: np.ndarray) -> "Query":
        """The same for some of the windows."""
        skip = None if self.skip_images is None else self.skip_images[which]
        return self._replace(windows=self.windows[which], skip_images=skip)

    def check(self, values: int) -> None:
        """Raises `RequestError` unless the windows are 8-bit and have `values` numbers each."""
        shape, kind = self.windows.shape, self.windows.dtype
        if len(shape) != 2 or shape[1] != values or kind != np.uint8:
            raise RequestError(f"query windows of shape {shape} and type {kind}", f"[Q, {values}] uint8, as in the index")
        if self.neighbors < 1:
            raise RequestError(f"{self.neighbors} neighbors", "a number of at least 1")


class Neighbors(NamedTuple):
    """The nearest patches, nearest first; those of equal distance by their number.

    Attributes:
        ids: `[Q, k]` int64; -1 where fewer patches could be found.
        distances: `[Q, k]` float64, L2 over the pixels in 0..255; infinite there.
        images: `[Q, k]` int64, the image of each.
        rows: `[Q, k]` int64, its row of windows.
        columns: `[Q, k]` int64, its column of windows.
    """

    ids: np.ndarray
    distances: np.ndarray
    images: np.ndarray
    rows: np.ndarray
    columns: np.ndarray


def squared_distances(patches: np.ndarray, window: np.ndarray) -> np.ndarray:
    """`[m]` float64 squared L2 distances of `[m, values]` uint8 patches to a `[values]` window, without rounding."""
    if patches.shape[-1] * 255**2 >= 2**31:
        change = np.subtract(patches, window, dtype=np.int16).astype(np.int64)
        return np.einsum("ij,ij->i", change, change).astype(np.float64)
    change = np.maximum(patches, window)
    change -= np.minimum(patches, window)
    return np.multiply(change, change, dtype=np.uint16).sum(axis=1, dtype=np.uint32).astype(np.float64)


def closest(ids: np.ndarray, squared: np.ndarray, count: int, min_distance: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """The `count` nearest of some patches, those closer than `min_distance` left out, padded with -1 and infinity."""
    far = squared >= min_distance**2
    ids, squared = ids[far], squared[far]
    order = np.lexsort((ids, squared))[:count]
    padding = count - len(order)
    return (
        np.concatenate([ids[order], np.full(padding, _NO_IMAGE, np.int64)]),
        np.concatenate([np.sqrt(squared[order]), np.full(padding, np.inf)]),
    )
