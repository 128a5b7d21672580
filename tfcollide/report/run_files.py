"""The files of a run directory, written from records and arrays."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfcollide.files.atomic import write_bytes, write_csv, write_npz
from tfcollide.files.names import to_bytes
from tfcollide.images import from_uint8, read_images, to_uint8, write_png
from tfcollide.records import Summary, Trace
from tfcollide.report import events, figure, front_figure, margins_figure, table, trace_figure
from tfcollide.shapes import Bounds

__all__ = ["Curves", "RunImages", "write_arrays", "write_images", "write_report"]


class RunImages(NamedTuple):
    """The images of a run.

    Attributes:
        source: `[H, W, C]` float32 in bounds.
        corners: `[N, H, W, C]` float32 in bounds.
        target: `[H, W, C]` float32 in bounds.
        bounds: of the model.
    """

    source: np.ndarray
    corners: np.ndarray
    target: np.ndarray
    bounds: Bounds


class Curves(NamedTuple):
    """What the further figures of a run are drawn from.

    Attributes:
        trace: the terms along the way.
        margins: `[S]`, how far the target's class is ahead in each mixture.
    """

    trace: Trace
    margins: np.ndarray


def write_images(folder: Path, images: RunImages) -> np.ndarray:
    """Writes `images/` as 8-bit PNG and returns the corners read back, `[N, H, W, C]` in bounds."""
    (folder / "images").mkdir(exist_ok=True)
    paths = [folder / "images" / f"corner_{n}.png" for n in range(len(images.corners))]
    write_png(folder / "images" / "source.png", to_uint8(images.source, images.bounds))
    write_png(folder / "images" / "target.png", to_uint8(images.target, images.bounds))
    for path, corner in zip(paths, to_uint8(images.corners, images.bounds), strict=True):
        write_png(path, corner)
    return from_uint8(read_images(paths, images.source.shape), images.bounds)


def write_arrays(
    folder: Path, images: RunImages, units: tuple[tuple[int, ...], ...], weights: np.ndarray, trace: Trace
) -> None:
    """Writes `corners.npz` and `trace.csv`.

    Args:
        folder: of the run.
        images: of the run.
        units: N groups; stored as `[N]`, or `[N, longest]` filled up with -1.
        weights: `[S, N]` convex weights.
        trace: the terms along the way.
    """
    arrays = {"corners": images.corners, "source": images.source, "target": images.target}
    write_npz(folder / "corners.npz", arrays | {"units": _padded(units), "convex_weights": weights})
    write_csv(folder / "trace.csv", *trace.rows())


def write_report(folder: Path, images: RunImages, summary: Summary, trace: Trace | None, curves: Curves | None = None) -> None:
    """Writes `table.md`, `figure.png` and, where there is a `trace`, TensorBoard events.

    Where there are `curves`, `margins.png` and, of a descent, `trace.png` too, and `front.png` of a run that has a front.
    """
    write_bytes(folder / "table.md", to_bytes(table.run_table(summary)))
    figure.write_row(folder / "figure.png", summary, images.source, images.corners, images.target, images.bounds)
    if curves is not None and len(curves.trace.steps) > 1:  # an exact solver has no way to show
        trace_figure.write_trace(folder / "trace.png", summary, curves.trace)
    if curves is not None:
        margins_figure.write_margins(folder / "margins.png", summary, curves.margins)
    if curves is not None and summary.front is not None:
        front_figure.write_front(folder / "front.png", summary)
    if trace is not None:
        events.write_events(folder, trace, images.source, images.corners, images.target, images.bounds)


def _padded(units: tuple[tuple[int, ...], ...]) -> np.ndarray:
    longest = max(1, *(len(group) for group in units))
    table = np.full([len(units), longest], -1, np.int64)
    for row, group in zip(table, units, strict=True):
        row[: len(group)] = group
    return table[:, 0] if longest == 1 else table
