"""A picture of a search: query windows, the patches nearest to each, and how far they are."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

__all__ = ["NeighborRow", "write_neighbors"]

_COLORS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb")


class NeighborRow(NamedTuple):
    """One query and what was found.

    Attributes:
        query: `[n, n, 3]` uint8.
        corner: row and column of its first pixel in the photograph.
        patches: `[k, n, n, 3]` uint8, nearest first.
        captions: one per patch.
    """

    query: np.ndarray
    corner: tuple[int, int]
    patches: np.ndarray
    captions: list[str]


def write_neighbors(path: Path, photograph: np.ndarray, rows: list[NeighborRow], foot: str) -> None:
    """Draws the photograph with its query windows, and a row of patches for each.

    Args:
        path: a PNG file.
        photograph: `[H, W, 3]` uint8.
        rows: at least one.
        foot: a line below.
    """
    across = 1 + max(len(row.patches) for row in rows)
    figure = Figure(figsize=(len(rows) + 0.3 + across, len(rows) * 1.12 + 0.5), dpi=80)
    grid = figure.add_gridspec(
        len(rows),
        across + 1,
        width_ratios=[len(rows) * 1.05, *[1] * across],
        left=0.01,
        right=0.99,
        top=0.95,
        bottom=0.08,
        hspace=0.28,
        wspace=0.06,
    )
    whole = figure.add_subplot(grid[:, 0])
    _show(whole, photograph, "the photograph")
    for number, row in enumerate(rows):
        color = _COLORS[number % len(_COLORS)]
        side = len(row.query)
        whole.add_patch(Rectangle((row.corner[1], row.corner[0]), side, side, fill=False, edgecolor=color, linewidth=2.5))
        axes = figure.add_subplot(grid[number, 1])
        _show(axes, row.query, "query" if number == 0 else "")
        _frame(axes, color)
        for place, (patch, caption) in enumerate(zip(row.patches, row.captions, strict=True), 2):
            axes = figure.add_subplot(grid[number, place])
            _show(axes, patch, f"nearest {place - 1}" if number == 0 else "")
            axes.set_xlabel(caption, fontsize=8, labelpad=2)
    figure.text(0.01, 0.015, foot, fontsize=8, color="#555555")
    figure.savefig(path, metadata={"Software": None})


def _show(axes: Axes, pixels: np.ndarray, title: str) -> None:
    axes.imshow(pixels, interpolation="nearest")
    axes.set_title(title, fontsize=9, pad=4)
    axes.set_xticks([])
    axes.set_yticks([])
    _frame(axes, "#dddddd", 0.8)


def _frame(axes: Axes, color: str, width: float = 2.5) -> None:
    for spine in axes.spines.values():
        spine.set_color(color)
        spine.set_linewidth(width)
