"""A folder with a folder of images per class, as `tfds.folder_dataset.ImageFolder` reads it."""

import re
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from tfcollide.data.images_on_demand import ImagesOnDemand
from tfcollide.data.labeled import ANY_SIZE, LabeledImages, Split
from tfcollide.errors import RequestError
from tfcollide.files.facts import file_states
from tfcollide.files.names import is_hidden, readable
from tfcollide.images import decode, is_image, suffixes

__all__ = ["class_titles", "load_folder"]

_SPLITS = ("test", "validation", "val", "train")
_WNID = re.compile(r"n\d{8}_(.+)")


def load_folder(path: Path) -> LabeledImages:
    """Opens a folder; its images are decoded one by one, as they are looked at.

    Hidden files and folders do not count. A class without an image keeps its number, and is named on standard error.
    What is tested on is the first there is of `test`, `validation`, `val` and
    `train`; or the folder itself, if it holds the classes. The training split is `train`, its images of
    the same classes; it is empty where that is what is tested on, or is not there.

    Args:
        path: FOLDER/CLASS/IMAGE, or FOLDER/SPLIT/CLASS/IMAGE.

    Raises:
        RequestError: there is no such folder, or no image two levels below it.
    """
    if not path.is_dir():
        raise RequestError(f"--dataset=folder:{path}, which is no folder", "a folder with one folder of images per class")
    root = next((path / name for name in _SPLITS if any(_images_by_class(path / name).values())), path)
    found = _images_by_class(root)
    files = {"test": _files(found, found), "train": _files(_images_by_class(path / "train"), found)}
    if root == path / "train":
        files["train"] = []
    if not files["test"]:
        raise RequestError(f"--dataset=folder:{path}", f"images ({', '.join(sorted(suffixes()))}) in one folder per class")
    classes = class_titles(list(found))
    if empty := [title for title, images in zip(classes, found.values(), strict=True) if not images]:
        tqdm.write(f"No image in {root} that can be read of the classes: {', '.join(empty)}", file=sys.stderr)
    return LabeledImages(
        f"folder:{readable(path.name)}",
        class_names=classes,
        shape=ANY_SIZE,
        test_size=len(files["test"]),
        listed_in=str(root),
        read=lambda split: _split(files[split]),
        state=lambda: file_states([file for split in files.values() for file, _ in split], time.time_ns()),
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


def _files(found: dict[str, list[Path]], classes: Iterable[str]) -> list[tuple[Path, int]]:
    """The images of these classes, each with the number of its class."""
    return [(file, label) for label, name in enumerate(classes) for file in found.get(name, ())]


def _images_by_class(root: Path) -> dict[str, list[Path]]:
    """The visible folders in `root` and the images in each, sorted by name."""
    if not root.is_dir():
        return {}
    folders = sorted(entry.name for entry in root.iterdir() if entry.is_dir() and not is_hidden(entry.name))
    return {name: _images(root / name) for name in folders}


def _images(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if is_image(entry))
