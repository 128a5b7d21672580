"""Which photographs the corners of a composite run come from, pixel by pixel."""

from pathlib import Path

import numpy as np

from tfcollide.files.run_directory import absolute
from tfcollide.parameterizations.composite.blend_weights import dominant
from tfcollide.parameterizations.composite.composite_options import CompositeOptions
from tfcollide.parameterizations.composite.saved import COMPOSITE_FILE, read_composite
from tfcollide.patches.collection import open_collection
from tfcollide.recipes.finished_run import FinishedRun
from tfcollide.report.explore.page import Patches
from tfcollide.settings import options_of

__all__ = ["patches_of"]


def patches_of(finished: FinishedRun, index: Path | None = None) -> Patches:
    """The photograph of largest weight at each pixel of each corner.

    Args:
        finished: a run of a composite.
        index: that it used; None for where it was then.

    Raises:
        RequestError: the index is missing, or another.
    """
    path = index or absolute(options_of(finished.config, CompositeOptions).index or "")
    saved = read_composite(finished.path, path)
    collection = open_collection(path)
    with np.load(finished.path / COMPOSITE_FILE) as arrays:
        images, _, _ = collection.manifest.grid.locate(arrays["patches"])
    maps = np.stack([images[dominant(saved.layout, control)] for control in saved.control_parameters])
    used, numbers = np.unique(maps, return_inverse=True)
    names = collection.photographs()
    return Patches(numbers.reshape(maps.shape), tuple(Path(names[i]).stem for i in used))
