"""The files of a run directory, written from records and arrays."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfcollide.files.atomic import write_bytes, write_csv, write_npz
from tfcollide.files.names import to_bytes
from tfcollide.images import from_uint8, read_images, to_uint8, write_png
from tfcollide.records import Summary, Trace
from tfcollide.registry import PICTURES
from tfcollide.report import figure, table
from tfcollide.report.drawn import Curves, Drawn, RunImages
from tfcollide.shapes import Bounds

__all__ = ["write_arrays", "write_events", "write_images", "write_report"]


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


def write_report(
    folder: Path,
    images: RunImages,
    summary: Summary,
    trace: Trace | None,
    curves: Curves | None = None,
    pictures: Sequence[str] = (),
) -> None:
    """Writes `table.md`, `figure.png` and, where there is a `trace`, TensorBoard events.

    Where there are `curves`, NAME.png of each of the `pictures`, too.
    """
    write_bytes(folder / "table.md", to_bytes(table.run_table(summary)))
    figure.write_row(folder / "figure.png", summary, images.source, images.corners, images.target, images.bounds)
    if curves is not None:
        for name in pictures:
            PICTURES.load(name)(folder / f"{name}.png", Drawn(summary, images, curves))
    if trace is not None:
        write_events(folder, trace, images.source, images.corners, images.target, images.bounds)


def _padded(units: tuple[tuple[int, ...], ...]) -> np.ndarray:
    longest = max(1, *(len(group) for group in units))
    table = np.full([len(units), longest], -1, np.int64)
    for row, group in zip(table, units, strict=True):
        row[: len(group)] = group
    return table[:, 0] if longest == 1 else table


def write_events(
    folder: Path, trace: Trace, source: np.ndarray, corners: np.ndarray, target: np.ndarray, bounds: Bounds
) -> None:
    """Writes one events file: scalars `term/corner_n` over steps; source, corners and target as images."""
    for stale in folder.glob("events.out.tfevents.*"):
        stale.unlink()  # of an attempt that was interrupted
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default():
        for name, values in trace.terms.items():
            for row, step in zip(values, trace.steps, strict=True):
                for n, value in enumerate(row):
                    tf.summary.scalar(f"{name}/corner_{n}", value, step=int(step))
        last = int(trace.steps[-1])
        for name, images in {"source": source[None], "corners": corners, "target": target[None]}.items():
            tf.summary.image(name, to_uint8(images, bounds), step=last, max_outputs=len(images))
    writer.close()
