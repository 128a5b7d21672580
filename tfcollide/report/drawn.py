"""What the pictures of a run are drawn from."""

from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from tfcollide.records import Summary, Trace
from tfcollide.shapes import Bounds

__all__ = ["Curves", "Drawn", "RunPicture", "RunImages"]


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


class Drawn(NamedTuple):
    """All that a picture may show.

    Attributes:
        summary: of the run.
        images: of the run.
        curves: what does not stand in the summary.
    """

    summary: Summary
    images: RunImages
    curves: Curves


class RunPicture(Protocol):
    """What a file `report/NAME_figure.py` has as its `VARIANT`: `--figure=NAME` draws NAME.png."""

    def __call__(self, path: Path, drawn: Drawn) -> None:
        """Writes the PNG file `path`; nothing, where the run has nothing to show."""
