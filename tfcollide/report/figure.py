"""The paper's figures 2 and 3: the source, the corners and the target in a row."""

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tfcollide.images import to_uint8
from tfcollide.records import Summary
from tfcollide.shapes import Bounds

__all__ = ["Panel", "corner_caption", "corner_panels", "draw", "row_of", "write_row"]

_COLUMNS = 10
_EDGES = {"source": "#4477aa", "corner": "#bbbbbb", "target": "#228833", "failed": "#cc3311"}


class Panel(NamedTuple):
    """One image of a figure.

    Attributes:
        title: above it.
        pixels: `[H, W, C]` uint8.
        caption: below it, what the network takes it for.
        role: "source", "corner", "target" or "failed"; the colour of its frame.
    """

    title: str
    pixels: np.ndarray
    caption: str
    role: str


def write_row(
    path: Path, summary: Summary, source: np.ndarray, corners: np.ndarray, target: np.ndarray, bounds: Bounds
) -> None:
    """Draws the images of a run, each over what the network takes it for.

    Args:
        path: a PNG file.
        summary: of the run.
        source: `[H, W, C]`.
        corners: `[N, H, W, C]`.
        target: `[H, W, C]`.
        bounds: of all three.
    """
    panels = row_of(summary, *(to_uint8(images, bounds) for images in (source, corners, target)))
    draw(path, [panels[i : i + _COLUMNS] for i in range(0, len(panels), _COLUMNS)], _foot(summary))


def row_of(summary: Summary, source: np.ndarray, corners: np.ndarray, target: np.ndarray) -> list[Panel]:
    """The source, the corners and the target of a run, uint8, as panels."""
    first = Panel("source", source, _caption(summary.source.predicted, summary.source.probability), "source")
    last = Panel("target", target, _caption(summary.target.predicted, summary.target.probability), "target")
    return [first, *corner_panels(summary, corners), last]


def corner_panels(summary: Summary, corners: np.ndarray) -> list[Panel]:
    """The corners of a run, `[N, H, W, C]` uint8, as panels."""
    return [
        Panel(f"corner {n}", pixels, corner_caption(record.predicted, record.probability, summary.target.predicted), role)
        for n, (pixels, record) in enumerate(zip(corners, summary.corners, strict=True))
        for role in ["corner" if record.converged else "failed"]
    ]


def corner_caption(predicted: str, probability: float, target: str) -> str:
    """What the network takes a corner for; where that is not the target's class, how likely it finds that one."""
    if predicted == target:
        return _caption(predicted, probability)
    return f'"{predicted}", not "{target}" ({probability:.3f})'


def draw(path: Path, rows: Sequence[Sequence[Panel]], foot: str) -> None:
    """Writes rows of panels with text below them as a PNG."""
    columns = max(len(row) for row in rows)
    figure = Figure(figsize=(1.5 * columns, 1.95 * len(rows) + 0.3 + 0.15 * foot.count("\n")), layout="constrained")
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for line, row in zip(axes, rows, strict=True):
        for axis, panel in zip(line, row, strict=False):
            _show(axis, panel)
        for axis in line[len(row) :]:
            axis.axis("off")
    figure.supxlabel(foot, fontsize=9, color="#444444", parse_math=False)
    figure.savefig(path, dpi=160)


def _show(axis: Axes, panel: Panel) -> None:
    pixels = panel.pixels[..., 0] if panel.pixels.shape[-1] == 1 else panel.pixels
    axis.imshow(pixels, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axis.set_title(panel.title, fontsize=9, color="#444444", parse_math=False)  # names may hold a $
    axis.set_xlabel(panel.caption, fontsize=10, parse_math=False)
    axis.set_xticks([])
    axis.set_yticks([])
    for spine in axis.spines.values():
        spine.set(color=_EDGES[panel.role], linewidth=2)


def _caption(name: str, probability: float) -> str:
    short = name.split(",")[0]
    return f'"{short}"  {probability:.3f}'


def _foot(summary: Summary) -> str:
    where = f"{summary.model} at {summary.tap}"
    if summary.nothing_found:
        return textwrap.fill(f"Not found: {summary.nothing_found}", 50) + f"\n{where}"
    if summary.distance.corner_mean is None:
        return f"{where}: {summary.distance.corner_to_source_mean:.2f} from the source"
    mixtures = summary.interpolation
    hits = f"{round(mixtures.accuracy * mixtures.samples):,} of {mixtures.samples:,}"
    proof = ", and all others by proof" if summary.certificate and summary.certificate.status == "certified" else ""
    apart = f"corners {summary.distance.corner_mean:.2f} apart"
    return f'{where}: {apart}; {hits} mixtures of them are "{summary.target.predicted}"{proof}'
