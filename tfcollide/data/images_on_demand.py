"""Images of a data set that are read when they are looked at."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import DTypeLike

from tfcollide.shapes import ImageShape

__all__ = ["ImagesOnDemand"]


class ImagesOnDemand:
    """Stands for an array `[n, H, W, C]` uint8 that would not fit into memory.

    Args:
        count: n.
        shape: `(H, W, C)` of every image.
        read: reads the images with these indices, in this order.
    """

    def __init__(self, count: int, shape: ImageShape, read: Callable[[Sequence[int]], list[np.ndarray]]):
        self.shape = (count, *shape)
        self._read = read

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: int | np.integer | slice | np.ndarray) -> np.ndarray:
        """One image for a number; `[m, H, W, C]` for a slice or an array of numbers."""
        chosen = np.arange(len(self))[key]
        if chosen.ndim == 0:
            return self._read([int(chosen)])[0]
        if not chosen.size:
            return np.zeros([0, *self.shape[1:]], np.uint8)
        return np.stack(self._read(chosen.tolist()))

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self[:], dtype)
