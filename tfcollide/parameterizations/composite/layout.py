"""Where the candidates of a composite lie, and what holding their control parameters costs."""

from typing import NamedTuple

import numpy as np

from tfcollide.errors import RequestError
from tfcollide.files.disk import size_text
from tfcollide.parameterizations.composite.axis import Axis
from tfcollide.shapes import ImageShape

__all__ = ["Layout", "layout_of"]

_FLOAT = 4


class Layout(NamedTuple):
    """The windows of an image along both of its axes.

    Candidate k of the nearest ones is the window in row k // columns and column k % columns, row by row;
    those of the next nearest ones of all windows come after them.

    Attributes:
        down: along the height.
        across: along the width.
        channels: C.
        per_window: R, how many patches stand for each window.
    """

    down: Axis
    across: Axis
    channels: int
    per_window: int = 1

    @property
    def num_windows(self) -> int:
        """Places of windows."""
        return self.down.num_windows * self.across.num_windows

    @property
    def num_candidates(self) -> int:
        """K."""
        return self.per_window * self.num_windows

    @property
    def control_shape(self) -> tuple[int, ...]:
        """Of the control parameters of one corner: points down and across, slots down and across; before them R, but for 1."""
        down, across = self.down, self.across
        one = len(down.points), len(across.points), down.point_slots, across.point_slots
        return one if self.per_window == 1 else (self.per_window, *one)

    @property
    def coverage(self) -> tuple[int, float, int]:
        """The fewest candidates at a pixel, their mean number, and the most."""
        counts = [(axis.tents_in_cells() > 0).sum(axis=1).ravel()[axis.crop] for axis in (self.down, self.across)]
        both = self.per_window * np.outer(*counts)
        return int(both.min()), float(both.mean()), int(both.max())

    def candidates_at_cells(self) -> np.ndarray:
        """`[R, Qy, Qx, A, A]`, the candidate in each slot of a cell; -1 where there is none."""
        return self._candidates(self.down.windows_at_cells(), self.across.windows_at_cells())

    def candidates_at_points(self) -> np.ndarray:
        """`control_shape`, the candidate that each control parameter weighs; -1 where there is none."""
        return self._candidates(self.down.windows_at_points(), self.across.windows_at_points()).reshape(self.control_shape)

    def _candidates(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        rows, columns = rows[:, None, :, None], columns[None, :, None, :]
        names = rows * self.across.num_windows + columns
        ranks = np.arange(self.per_window)[:, None, None, None, None] * self.num_windows
        return np.where((rows >= 0) & (columns >= 0), names + ranks, -1)

    def control_bytes(self, corners: int) -> int:
        """Bytes of the control parameters of N corners."""
        return int(np.prod(self.control_shape)) * _FLOAT * corners

    def dense_bytes(self, corners: int) -> int:
        """The same for control parameters `[N, K, H, W]`."""
        return self.num_candidates * self.down.length * self.across.length * _FLOAT * corners

    def describe(self, corners: int) -> str:
        """K, coverage and memory in one line."""
        least, mean, most = self.coverage
        held, dense = self.control_bytes(corners), self.dense_bytes(corners)
        return (
            f"{self.num_candidates} candidates; {least} to {most} cover a pixel, {mean:.0f} on average; control parameters "
            f"of {corners} corners {size_text(held)} ({100 * held / dense:.1f} % of one per candidate and pixel)"
        )


def layout_of(shape: ImageShape, *, window: int, stride: int, surround: int, spacing: int, per_window: int = 1) -> Layout:
    """The layout of images of one shape, checked.

    Args:
        shape: `(H, W, C)`.
        window: n, in pixels of the image, as the rest.
        stride: from window to window.
        surround: s.
        spacing: from control parameter to control parameter.
        per_window: R, patches that stand for a window.

    Raises:
        RequestError: no window fits, the spacing does not, or some pixel is not covered.
    """
    down, across = (Axis(length, window, stride, surround, spacing) for length in shape[:2])
    if window > min(shape[:2]):
        raise RequestError(f"windows of {window} pixels on images of {shape[0]}x{shape[1]}", "windows that fit into them")
    if stride % spacing or down.size % spacing:
        raise RequestError(
            f"--control_spacing={spacing} with a stride of {stride} and pasted squares of {down.size} pixels",
            "a number that divides both",
            "Say --control_spacing=1, or leave it out.",
        )
    for axis in (down, across):
        bare = axis.length - int(axis.covered().sum())
        if bare:
            raise RequestError(
                f"--window_stride and --surround={surround}, which leave {bare} of {axis.length} rows or columns uncovered",
                "windows whose pasted squares cover every pixel",
                f"Say --surround={_surround_that_covers(axis)}, or take a smaller stride.",
            )
    return Layout(down, across, shape[2], per_window)


def _surround_that_covers(axis: Axis) -> int:
    """The smallest surround, of those that the spacing divides, that covers every pixel."""
    wider = axis._replace(surround=axis.surround + 1)
    while wider.size % wider.spacing or not wider.covered().all():
        wider = wider._replace(surround=wider.surround + 1)
    return wider.surround
