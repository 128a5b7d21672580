"""From `--dataset` to the data set."""

import os
from pathlib import Path

from tfcollide.data.class_folders import load_folder
from tfcollide.data.from_tfds import load_tfds
from tfcollide.data.labeled import LabeledImages
from tfcollide.errors import RequestError
from tfcollide.registry import DATASETS

__all__ = ["load_dataset"]

_FOLDER = "folder:"


def load_dataset(name: str, *, data_dir: str | None = None, any_size: bool = False) -> LabeledImages:
    """Opens a data set by name; its images are read when they are asked for.

    Args:
        name: an embedded data set, "folder:PATH", else a TFDS name.
        data_dir: the TFDS folder; None is TFDS's own choice.
        any_size: whether images may differ in size, to be fitted to a model later.

    Raises:
        RequestError: see `from_tfds.load_tfds` and `folder.load_folder`.
    """
    if name in DATASETS.names():
        return DATASETS.load(name)()
    if name.startswith(_FOLDER):
        if not any_size:
            mend = "Bring a --model, to which they are fitted."
            raise RequestError(f"--dataset={name}, whose images may differ in size", "images of one fixed shape", mend)
        return load_folder(Path(os.path.expanduser(name.removeprefix(_FOLDER))))
    return load_tfds(name, data_dir, any_size=any_size)
