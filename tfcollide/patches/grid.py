"""Where the windows of an image lie, and which number each has.

A patch is addressed by image, row and column. Its number (id) is dense:

    id = (image * side + row) * side + column        row, column < side

The window is compared at `search_size` and cut at `image_size`; the two may differ
(the paper compares 32x32 windows of 128-pixel images and cuts 56x56 of 224).
"""

from typing import NamedTuple

import numpy as np

from tfcollide.errors import RequestError

__all__ = ["Grid", "windows_of"]


class Grid(NamedTuple):
    """The windows of every image.

    Attributes:
        image_size: side of the stored images, at which patches are cut, in pixels.
        search_size: side of the images at which patches are compared, in pixels.
        patch_size: side of a window, in pixels of the search images.
        stride: step from one window to the next, in pixels of the search images.
    """

    image_size: int
    search_size: int
    patch_size: int
    stride: int

    @property
    def side(self) -> int:
        """Windows in a row of an image."""
        return (self.search_size - self.patch_size) // self.stride + 1

    @property
    def per_image(self) -> int:
        """Windows in an image."""
        return self.side**2

    @property
    def values(self) -> int:
        """Numbers in a window: patch_size^2 * 3."""
        return self.patch_size**2 * 3

    @property
    def cut_size(self) -> int:
        """Side of a patch as it is cut, in pixels of the stored images."""
        return round(self.patch_size * self.image_size / self.search_size)

    def locate(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Image, row and column of the windows `ids`; rows and columns count windows, not pixels."""
        images, place = np.divmod(np.asarray(ids, np.int64), self.per_image)
        return images, *np.divmod(place, self.side)

    def corner(self, places: np.ndarray) -> np.ndarray:
        """First pixel in the stored image of the windows with these rows (or columns)."""
        scaled = np.asarray(places, np.float64) * (self.stride * self.image_size / self.search_size)
        return np.minimum(np.rint(scaled).astype(np.int64), self.image_size - self.cut_size)

    def check(self) -> None:
        """Raises `RequestError` where no window fits."""
        for name in ("image_size", "search_size", "patch_size", "stride"):
            if getattr(self, name) < 1:
                raise RequestError(f"--{name}={getattr(self, name)}", "a number of at least 1")
        if self.patch_size > self.search_size:
            raise RequestError(
                f"--patch_size={self.patch_size}", f"a window that fits into the images, at most {self.search_size}"
            )
        if self.search_size > self.image_size:
            raise RequestError(f"--search_size={self.search_size}", f"at most --image_size={self.image_size}")


def windows_of(images: np.ndarray, grid: Grid) -> np.ndarray:
    """All windows of images, without copying a pixel.

    Args:
        images: `[n, search_size, search_size, 3]` uint8, each row of pixels contiguous.
        grid: where the windows lie.

    Returns:
        `[n, side, side, patch_size, patch_size * 3]` uint8, a view.
    """
    image, row, pixel, value = images.strides
    return np.lib.stride_tricks.as_strided(
        images,
        (len(images), grid.side, grid.side, grid.patch_size, grid.patch_size * 3),
        (image, row * grid.stride, pixel * grid.stride, row, value),
        writeable=False,
    )
