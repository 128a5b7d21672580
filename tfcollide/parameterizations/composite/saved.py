"""A composite as a run saved it, with its patches cut from the index again."""

import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfcollide.errors import RequestError
from tfcollide.parameterizations.composite.axis import Axis
from tfcollide.parameterizations.composite.found_patches import cut_patches
from tfcollide.parameterizations.composite.layout import Layout, layout_of
from tfcollide.patches.collection import open_collection
from tfcollide.shapes import Bounds

__all__ = ["COMPOSITE_FILE", "SLOTS", "SavedComposite", "read_composite"]

COMPOSITE_FILE = "composite.npz"
"""In the run directory of a composite."""

SLOTS = "by number"
"""What the file says of the order of slots where the spacing is 1; nothing where they were counted from the last window."""


class SavedComposite(NamedTuple):
    """All that the corners of a composite run are made of.

    Attributes:
        layout: where the candidates lie.
        patches: `[K, n + 2s, n + 2s, C]` uint8.
        control_parameters: `[N, *layout.control_shape]` float32.
        bounds: of the model's pixels.
    """

    layout: Layout
    patches: np.ndarray
    control_parameters: np.ndarray
    bounds: Bounds


def read_composite(run: Path, index: Path) -> SavedComposite:
    """Reads a run directory, which holds the patches' numbers, and the index, which holds their pixels.

    Raises:
        RequestError: the run is of no composite, or the index is missing, damaged or another.
    """
    try:
        with np.load(run / COMPOSITE_FILE) as arrays:
            saved = dict(arrays)
        window, stride, surround, spacing = saved["geometry"].tolist()
        height, width, channels = saved["shape"].tolist()
        bounds, controls = Bounds(*saved["bounds"].tolist()), saved["control_parameters"]
        known, ids = str(saved["index"]), saved["patches"]
        per_window, slots = int(saved.get("per_window", 1)), str(saved.get("slots", ""))
    except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise RequestError(f"{run}, where no {COMPOSITE_FILE} can be read", "the run directory of a composite") from error
    if not index.is_dir():
        raise RequestError(
            f"--index={index}, which does not exist",
            f"the index that {run} was made with",
            "Say --index=FOLDER if it has moved; index_patches builds it again, byte by byte, from the same photographs.",
        )
    collection = open_collection(index)
    if known != collection.manifest.fingerprint():
        raise RequestError(f"--index={index}, which is not the one of {run}", "the index that the run used")
    shape, lengths = (height, width, channels), {"window": window, "stride": stride, "surround": surround, "spacing": spacing}
    layout = layout_of(shape, **lengths, per_window=per_window)
    if spacing == 1 and slots != SLOTS:
        controls = _by_number(layout, controls)
    return SavedComposite(layout, cut_patches(collection, layout, ids), controls, bounds)


def _by_number(layout: Layout, controls: np.ndarray) -> np.ndarray:
    """Control parameters `[N, H, W, A, A]` whose slots count backwards from the last window, by the slots of `Axis`."""

    def slots(axis: Axis) -> np.ndarray:
        last = (axis.points // axis.stride).astype(np.int64)
        return (last[:, None] - np.arange(axis.slots)) % axis.slots

    down, across = slots(layout.down), slots(layout.across)
    rows, columns = np.arange(len(down))[:, None, None, None], np.arange(len(across))[:, None, None]
    return controls[:, rows, columns, down[:, None, :, None], across[:, None, :]]
