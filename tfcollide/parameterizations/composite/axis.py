"""One axis of a composite: which windows cover a pixel, and where control parameters sit.

Lengths are pixels of a canvas that begins one surround before the image, so that
window r with its surround covers [stride r, stride r + size). The canvas is cut
into cells of `spacing` pixels. A *slot* counts the windows that cover a place from
the last one backwards: slot a of a place p is window floor(p / stride) - a. So a
place needs no more slots than windows can cover it, and the same slot of the next
place is the same window, or the next window where a multiple of the stride lies
between them (`shift`).

With a spacing of 1 every pixel is a point and a cell. A window then has the slot of its number modulo
A instead, which is the same at all of its pixels.
"""

from typing import NamedTuple

import numpy as np

__all__ = ["Axis"]


class Axis(NamedTuple):
    """The windows along the height or the width of an image.

    Attributes:
        length: of the image, in pixels.
        window: n, of a window.
        stride: from a window to the next.
        surround: s, on either side of a window.
        spacing: from a control parameter to the next; it divides the stride and `size`.
    """

    length: int
    window: int
    stride: int
    surround: int
    spacing: int

    @property
    def size(self) -> int:
        """N + 2s, of a window with its surround."""
        return self.window + 2 * self.surround

    @property
    def num_windows(self) -> int:
        """Windows that fit."""
        return (self.length - self.window) // self.stride + 1

    @property
    def slots(self) -> int:
        """A, the most windows that cover one pixel."""
        return -(-self.size // self.stride)

    @property
    def smooth(self) -> bool:
        """Whether control parameters are interpolated between points; with a spacing of 1 every pixel has its own."""
        return self.spacing > 1

    @property
    def cells(self) -> np.ndarray:
        """`[Q]`, numbers of the cells that hold pixels of the image."""
        return np.arange(self.surround // self.spacing, (self.surround + self.length - 1) // self.spacing + 1)

    @property
    def crop(self) -> slice:
        """The pixels of the image among those of all cells."""
        start = self.surround % self.spacing
        return slice(start, start + self.length)

    @property
    def points(self) -> np.ndarray:
        """`[P]`, where control parameters sit: pixel centers, or the borders of cells."""
        if self.smooth:
            return np.append(self.cells, self.cells[-1] + 1) * float(self.spacing)
        return self.cells + 0.5

    @property
    def point_slots(self) -> int:
        """Slots of a point; the border of a cell may touch one window more than a pixel."""
        return self.slots + self.smooth

    @property
    def spans(self) -> np.ndarray:
        """`[P]`, how many pixels each point stands for: those nearest to it."""
        spans = np.full(len(self.points), float(self.spacing))
        if self.smooth:
            spans[[0, -1]] /= 2
        return spans

    @property
    def shift(self) -> np.ndarray:
        """`[P - 1]` bool, whether the last window changes from a point to the next."""
        return np.diff(self._last(self.points)) > 0

    def windows_at_cells(self) -> np.ndarray:
        """`[Q, A]`, the window in each slot of a cell; -1 where there is none."""
        starts = self.cells * self.spacing
        return self._covering(self._last(starts), starts + self.spacing, self.slots)

    def windows_at_points(self) -> np.ndarray:
        """`[P, L]`, the window in each slot of a point; -1 where there is none."""
        return self._covering(self._last(self.points), self.points, self.point_slots)

    def tents_at_points(self) -> np.ndarray:
        """`[P, L]`, the factor of d_k: 1 at the middle of a window with its surround, falling to 0 at its ends."""
        return self._tents(self.points[:, None], self.windows_at_points())

    def tents_in_cells(self) -> np.ndarray:
        """`[Q, A, spacing]`, the same at the pixels of each cell."""
        pixels = self.cells[:, None, None] * self.spacing + np.arange(self.spacing) + 0.5
        return self._tents(pixels, self.windows_at_cells()[..., None])

    def interpolation(self) -> np.ndarray:
        """`[spacing, 2]`, the weights of the points before and behind a pixel; `[1, 1]` where each pixel has its own."""
        if not self.smooth:
            return np.ones([1, 1])
        behind = (np.arange(self.spacing) + 0.5) / self.spacing
        return np.stack([1 - behind, behind], axis=1)

    def covered(self) -> np.ndarray:
        """`[length]` bool, the pixels that some window with its surround covers."""
        return self.tents_in_cells().any(axis=1).ravel()[self.crop]

    def _last(self, places: np.ndarray) -> np.ndarray:
        return np.floor_divide(places, self.stride).astype(np.int64)

    def _covering(self, last: np.ndarray, ends: np.ndarray, slots: int) -> np.ndarray:
        back = np.arange(slots)
        windows = last[:, None] - (back if self.smooth else (last[:, None] - back) % slots)
        exists = (windows >= 0) & (windows < self.num_windows) & (ends[:, None] <= windows * self.stride + self.size)
        return np.where(exists, windows, -1)

    def _tents(self, places: np.ndarray, windows: np.ndarray) -> np.ndarray:
        half = self.size / 2
        far = np.abs(places - windows * self.stride - half) / half
        return np.where(windows >= 0, np.maximum(1.0 - far, 0.0), 0.0)
