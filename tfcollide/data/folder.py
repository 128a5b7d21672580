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
    `train`; or the folder itself, if it holds the classes. The training split is `train`, its images of
    the same classes; it is empty where that is what is tested on, or is not there.

    Args:
        path: FOLDER/CLASS/IMAGE, or FOLDER/SPLIT/CLASS/IMAGE.

    Raises:
        RequestError: there is no such folder, or no image two levels below it.
    """
    if not path.is_dir():
        raise RequestError(f"--dataset=folder:{path}, which is no folder", "a folder with one folder of images a class")
    root = next((path / name for name in _SPLITS if _classes(path / name)), path)
    classes = _classes(root)
    files = {"test": _files(root, classes), "train": _files(path / "train", classes) if root != path / "train" else []}
    if not files["test"]:
        suffixes = ", ".join(_SUFFIXES)
        raise RequestError(f"--dataset=folder:{path}", f"images ({suffixes}) in one folder a class")
    return LabelledImages(
        f"folder:{readable(path.name)}",
        class_names=class_titles(classes),
        shape=ANY_SIZE,
        test_size=len(files["test"]),
        read=lambda split: _split(files[split]),
    )


def class_titles(folders: Sequence[str]) -> tuple[str, ...]:
    """What classes are called: "n01440764_tench" is "tench", where no other class is called that."""
    folders = [readable(name) for name in folders]
    found = [_WNID.fullmatch(name) for name in folders]
    short = [match[1].replace("_", " ") if match else name for match, name in zip(found, folders, strict=True)]
    times = Counter(short)
    return tuple(name if times[title] > 1 else title for title, name in zip(short, folders, strict=True))


def _split(files: list[tuple[Path, int]]) -> Split:
    """Images that are decoded one by one, as they are looked at."""

    def read(numbers: Sequence[int]) -> list[np.ndarray]:
        return [decode(files[number][0]) for number in numbers]

    return Split(ImagesOnDemand(len(files), ANY_SIZE, read), np.array([label for _, label in files], np.int64))


def _files(root: Path, classes: Sequence[str]) -> list[tuple[Path, int]]:
    """The images of these classes in `root`, each with the number of its class."""
    return [(file, label) for label, name in enumerate(classes) for file in _images(root / name)]


def _classes(root: Path) -> list[str]:
    """The folders in `root` that hold an image, sorted by name."""
    if not root.is_dir():
        return []
    return sorted(entry.name for entry in root.iterdir() if entry.is_dir() and _images(entry))


def _images(folder: Path) -> list[Path]:
    """The images in a folder, sorted by name; none of one that is not there."""
    if not folder.is_dir():
        return []
    return sorted(entry for entry in folder.iterdir() if entry.suffix.lower() in _SUFFIXES and entry.is_file())
