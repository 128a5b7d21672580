"""From `--dataset` to the data set."""

from tfcollide.data.from_tfds import load_tfds
from tfcollide.data.labelled import LabelledImages
from tfcollide.registry import DATASETS

__all__ = ["load_dataset"]


def load_dataset(name: str, *, data_dir: str | None = None) -> LabelledImages:
    """Opens a data set by name; its images are read when they are asked for.

    Args:
        name: an embedded data set, else a TFDS name.
        data_dir: the TFDS folder; None is TFDS's own choice.

    Raises:
        RequestError: see `from_tfds.load_tfds`.
    """
    if name in DATASETS.names():
        return DATASETS.load(name)()
    return load_tfds(name, data_dir)
