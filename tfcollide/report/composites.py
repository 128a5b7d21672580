"""What a composite is made of, in pictures: the paper's Figure 4, the patches used, and which of them dominate where."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

__all__ = ["Pasted", "draw_candidates", "draw_dominance", "draw_pasted"]

_GREEN, _GRAY = "#22aa33", "#bbbbbb"
_UNUSED = 230
_COLORS = 20


class Pasted(NamedTuple):
    """One window of a source and what became of it; squares are (row, column, side) in pixels.

    Attributes:
        query: the window's square in the source.
        photograph: `[H, W, 3]` uint8, where its nearest patch was found.
        found: the patch's square there.
        patch: `[n + 2s, n + 2s, 3]` uint8, what is pasted.
        distance: L2 between window and patch, 0..255.
    """

    query: tuple[int, int, int]
    photograph: np.ndarray
    found: tuple[int, int, int]
    patch: np.ndarray
    distance: float


def draw_pasted(path: Path, source: np.ndarray, rows: Sequence[Pasted]) -> None:
    """Figure 4: the query patch, its nearest neighbor, and the source image as it is pasted, framed in green.

    Args:
        path: a PNG file.
        source: `[H, W, 3]` uint8.
        rows: one per window.
    """
    figure = Figure(figsize=(6.3, 2.15 * len(rows)), layout="constrained")
    titles = ("query patch", "nearest neighbor", "pasted source")
    for number, (line, row) in enumerate(zip(figure.subplots(len(rows), 3, squeeze=False), rows, strict=True)):
        pasted = np.full_like(source, _UNUSED)
        around = (len(row.patch) - row.query[2]) // 2
        _paste(pasted, row.patch, row.query[0] - around, row.query[1] - around)
        shown, squares = (source, row.photograph, pasted), (row.query, row.found, row.query)
        for axis, pixels, square, title in zip(line, shown, squares, titles, strict=True):
            _show(axis, pixels, title if number == 0 else "")
            _frame(axis, square)
        line[1].set_xlabel(f"distance {row.distance:,.0f}", fontsize=8)
    figure.savefig(path, dpi=120)


def draw_candidates(path: Path, source: np.ndarray, composite: np.ndarray, patches: np.ndarray, rows: int, foot: str) -> None:
    """The source, its composite, and every patch at the place of its window.

    Args:
        path: a PNG file.
        source: `[H, W, 3]` uint8.
        composite: `[H, W, 3]` uint8.
        patches: `[K, n, n, 3]` uint8, without their surround.
        rows: rows of windows.
        foot: a line below.
    """
    columns, side = len(patches) // rows, patches.shape[1]
    gap = max(side // 8, 1)
    sheet = np.full([rows * (side + gap) + gap, columns * (side + gap) + gap, 3], 255, np.uint8)
    for k, patch in enumerate(patches):
        top, left = (gap + place * (side + gap) for place in divmod(k, columns))
        sheet[top : top + side, left : left + side] = patch
    figure = Figure(figsize=(10, 5.4), layout="constrained")
    grid = figure.add_gridspec(2, 2, width_ratios=(1, 2.2))
    for place, pixels, title in ((grid[0, 0], source, "seed"), (grid[1, 0], composite, "seed composite")):
        _show(figure.add_subplot(place), pixels, title)
    _show(figure.add_subplot(grid[:, 1]), sheet, "the nearest patch of every window, at its place")
    figure.supxlabel(foot, fontsize=9, color="#444444", parse_math=False)
    figure.savefig(path, dpi=120)


def draw_dominance(path: Path, corners: np.ndarray, photographs: np.ndarray) -> None:
    """Below each corner, which photograph has the largest weight at each pixel, one color per photograph.

    Args:
        path: a PNG file.
        corners: `[N, H, W, 3]` uint8.
        photographs: `[N, H, W]`, numbers of photographs.
    """
    _, number = np.unique(photographs, return_inverse=True)
    colors = (number.reshape(photographs.shape) * 7) % _COLORS
    figure = Figure(figsize=(1.8 * len(corners), 3.9), layout="constrained")
    axes = figure.subplots(2, len(corners), squeeze=False)
    for n, (corner, map_of) in enumerate(zip(corners, colors, strict=True)):
        _show(axes[0, n], corner, f"corner {n}")
        _show(axes[1, n], map_of, "", cmap="tab20", vmin=0, vmax=_COLORS - 1)
        axes[1, n].set_xlabel(f"{len(np.unique(photographs[n]))} photographs", fontsize=8)
    figure.savefig(path, dpi=120)


def _paste(canvas: np.ndarray, patch: np.ndarray, top: int, left: int) -> None:
    """Pastes what of a patch lies on the canvas."""
    height, width = canvas.shape[:2]
    y, x = max(top, 0), max(left, 0)
    part = patch[y - top : height - top, x - left : width - left]
    canvas[y : y + part.shape[0], x : x + part.shape[1]] = part


def _show(axis: Axes, pixels: np.ndarray, title: str, **how: Any) -> None:
    axis.imshow(pixels, interpolation="nearest", **how)
    axis.set_title(title, fontsize=9, color="#444444")
    axis.set(xticks=[], yticks=[])
    for spine in axis.spines.values():
        spine.set_color(_GRAY)


def _frame(axis: Axes, square: tuple[int, int, int]) -> None:
    top, left, side = square
    axis.add_patch(Rectangle((left - 0.5, top - 0.5), side, side, fill=False, edgecolor=_GREEN, linewidth=2.2))
