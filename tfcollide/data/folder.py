"""A folder with a folder of images a class, as `tfds.folder_dataset.ImageFolder` reads it."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfcollide.data.images_on_demand import ImagesOnDemand
from tfcollide.data.labelled import ANY_SIZE, LabelledImages, Split
from tfcollide.errors import RequestError
from tfcollide.file_names import readable
from tfcollide.images import decode

__all__ = ["class_titles", "load_folder"]

_SPLITS = ("test", "validation", "val", "train")
_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm")
_WNID = re.compile(r"n\d{8}_(.+)")


def load_folder(path: Path) -> LabelledImages:
    """Opens a folder; its images are decoded one by one, as they are looked at.

    What is tested on is the first there is of `test`, `validation`, `val` and
    `train`; or the folder itself, if it holds the classes.

    Args:
        path: FOLDER/CLASS/IMAGE, or FOLDER/SPLIT/CLASS/IMAGE.

    Raises:
        RequestError: there is no such folder, or no image two levels below it.
    """
    if not path.is_dir():
        raise RequestError(f"--dataset=folder:{path}, which is no folder", "a folder with one folder of images a class")
    root = next((path / name for name in _SPLITS if _classes(path / name)), path)
    classes = _classes(root)
    files = [(file, label) for label, name in enumerate(classes) for file in _images(root / name)]
    if not files:
        suffixes = ", ".join(_SUFFIXES)
        raise RequestError(f"--dataset=folder:{path}", f"images ({suffixes}) in one folder a class")
    labels = np.array([label for _, label in files], np.int64)

    def read(numbers: Sequence[int]) -> list[np.ndarray]:
        return [decode(files[number][0]) for number in numbers]

    return LabelledImages(
        f"folder:{readable(path.name)}",
        class_names=class_titles(classes),
        shape=ANY_SIZE,
        test_size=len(files),
        read=lambda split: Split(ImagesOnDemand(len(files), ANY_SIZE, read), labels),
    )


def class_titles(folders: Sequence[str]) -> tuple[str, ...]:
    """What classes are called: "n01440764_tench" is "tench", where no other class is called that."""
    folders = [readable(name) for name in folders]
    found = [_WNID.fullmatch(name) for name in folders]
    short = [match[1].replace("_", " ") if match else name for match, name in zip(found, folders, strict=True)]
    times = Counter(short)
    return tuple(name if times[title] > 1 else title for title, name in zip(short, folders, strict=True))


def _classes(root: Path) -> list[str]:
    """The folders in `root` that hold an image, sorted by name."""
    if not root.is_dir():
        return []
    return sorted(entry.name for entry in root.iterdir() if entry.is_dir() and _images(entry))


def _images(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if entry.suffix.lower() in _SUFFIXES and entry.is_file())
