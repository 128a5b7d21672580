"""From `--images` to the photographs."""

from pathlib import Path
from typing import NamedTuple

from tfcollide.patches.folder import BUNDLED, open_bundled, open_folder
from tfcollide.patches.photographs import Photographs
from tfcollide.patches.tfds_photographs import open_tfds

__all__ = ["PhotographSource", "open_photographs"]

_TFDS = "tfds:"


class PhotographSource(NamedTuple):
    """What `open_photographs` is told, as it goes to the workers of a pipeline."""

    images: str
    data_dir: str | None
    split: str


def open_photographs(images: str, *, data_dir: str | None = None, split: str = "train", labeled: bool = True) -> Photographs:
    """Opens photographs by name; their pixels are read when they are asked for.

    Args:
        images: a folder, "tfds:NAME", or "bundled".
        data_dir: the TFDS folder; None is TFDS's own choice.
        split: of a TFDS data set.
        labeled: whether the labels of a TFDS data set are read.

    Raises:
        RequestError: see `open_folder` and `open_tfds`.
    """
    if images == BUNDLED:
        return open_bundled()
    if images.startswith(_TFDS):
        return open_tfds(images.removeprefix(_TFDS), data_dir, split, labeled=labeled)
    return open_folder(Path(images))
