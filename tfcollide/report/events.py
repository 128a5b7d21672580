"""TensorBoard: the terms of each corner as curves, the images as they are."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from tfcollide.images import to_uint8
from tfcollide.records import Trace
from tfcollide.shapes import Bounds

__all__ = ["write_events"]


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
