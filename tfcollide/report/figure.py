"""The paper's figures 2 and 3: the source, the corners and the target in a row."""

import math
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tfcollide.images import to_uint8
from tfcollide.records import Summary
from tfcollide.shapes import Bounds

__all__ = ["write_row"]

_COLUMNS = 9
_EDGE = {"source": "#4477aa", "corner": "#bbbbbb", "target": "#228833", "failed": "#cc3311"}


def write_row(
    path: Path, summary: Summary, source: np.ndarray, corners: np.ndarray, target: np.ndarray, bounds: Bounds
) -> None:
    """Draws the images of a run, each under what the network takes it for.

    Args:
        path: a PNG file.
        summary: of the run.
        source: `[H, W, C]`.
        corners: `[N, H, W, C]`.
        target: `[H, W, C]`.
        bounds: of all three.
    """
    panels = [("source", source, _caption(summary.source.predicted, summary.source.probability), "source")]
    for n, (image, record) in enumerate(zip(corners, summary.corners, strict=True), start=1):
        edge = "corner" if record.converged else "failed"
        panels.append((f"corner {n}", image, _caption(record.predicted, record.probability), edge))
    panels.append(("target", target, _caption(summary.target.predicted, summary.target.probability), "target"))
    columns = min(_COLUMNS, len(panels))
    rows = math.ceil(len(panels) / columns)
    figure = Figure(figsize=(1.5 * columns, 1.95 * rows + 0.3), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes[len(panels) :]:
        axis.axis("off")
    for axis, (title, image, caption, edge) in zip(axes, panels, strict=False):
        _panel(axis, to_uint8(image, bounds), title, caption, _EDGE[edge])
    figure.supxlabel(_foot(summary), fontsize=9, color="#444444")
    figure.savefig(path, dpi=160)


def _panel(axis: Axes, pixels: np.ndarray, title: str, caption: str, edge: str) -> None:
    axis.imshow(pixels.squeeze(), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axis.set_title(title, fontsize=9, color="#444444")
    axis.set_xlabel(caption, fontsize=10)
    axis.set_xticks([])
    axis.set_yticks([])
    for spine in axis.spines.values():
        spine.set(color=edge, linewidth=2)


def _caption(name: str, probability: float) -> str:
    short = name.split(",")[0]
    return f'"{short}"  {probability:.3f}'


def _foot(summary: Summary) -> str:
    where = f"{summary.model} at {summary.tap}"
    if summary.distance.corner_mean is None:
        return where
    mixtures = summary.interpolation
    hits = f"{round(mixtures.accuracy * mixtures.samples):,} of {mixtures.samples:,}"
    return (
        f'{where}: corners {summary.distance.corner_mean:.2f} apart; {hits} mixtures of them are "{summary.target.predicted}"'
    )
