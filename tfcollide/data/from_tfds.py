"""Any TFDS data set of labeled images of one shape, through TFDS itself."""

import difflib
import functools
import math
import socket
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from tqdm import tqdm

from tfcollide.data.images_on_demand import ImagesOnDemand
from tfcollide.data.labeled import ANY_SIZE, LabeledImages, Split
from tfcollide.data.tfds_rows import check_feature, count_of, labels_of, pixels_of, rows_of
from tfcollide.errors import RequestError
from tfcollide.files.facts import file_states
from tfcollide.images import eight_bits
from tfcollide.shapes import ImageShape

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

__all__ = ["load_tfds", "open_builder"]

_TRAIN = ("train",)
_HELD_OUT = ("test", "validation", "valid", "val", "dev", "eval", "holdout")
_TRAIN_SHARE = 0.9
_CONNECT_SECONDS = 1.0
_FLAG = "dataset="
_MAX_BYTES = 2**30


class _Rows(NamedTuple):
    """Labeled rows of a split: their positions in it, ascending, and their labels, both `[n]` int64."""

    split: str
    positions: np.ndarray
    labels: np.ndarray


def load_tfds(name: str, data_dir: str | None, *, any_size: bool = False) -> LabeledImages:
    """Opens a prepared TFDS data set, or prepares it where the machine can.

    It is tested on the first of its test and validation splits that has labels, or
    else on the last tenth of its training split. Rows without a label are left out.

    Args:
        name: as `tfds.builder` takes it: "mnist", "mnist:3.0.1", "cifar10".
        data_dir: the folder of prepared data sets; None is TFDS's own choice.
        any_size: whether images may differ in size.

    Raises:
        RequestError: there is no such data set; it is not one of labeled 8-bit images
            (of one shape, but for `any_size`); or it is not prepared and cannot be downloaded.
    """
    builder = _builder(name, data_dir, _FLAG)
    info = builder.info
    keys, shape = _keys(name, info), ANY_SIZE
    check_feature(f"--dataset={name}", info.features[keys[0]])
    if not any_size or _is_sized(info.features[keys[0]].shape):
        shape = _checked_shape(name, info.features[keys[0]].shape)
    if not builder.is_prepared():
        _prepare(builder, name, _FLAG)
    reader = _Reader(builder, f"--dataset={name}", keys, shape)
    return LabeledImages(
        info.full_name.replace("/", ":"),
        class_names=_class_names(name, info.features[keys[1]]),
        shape=shape,
        test_size=None,
        splits=tuple(info.splits),
        listed_in=str(Path(builder.data_dir, f"{keys[1]}.labels.txt")),
        read=reader.read,
        without_label=reader.without_label,
        state=lambda: file_states(_files(builder), time.time_ns()),
    )


def _files(builder: "tfds.core.DatasetBuilder") -> list[Path]:
    """Of all splits, and the metadata that says how they are read."""
    folder = Path(builder.data_dir)
    parts = [Path(path) for split in builder.info.splits.values() for path in split.filepaths]
    return sorted({*parts, *folder.glob("*.json"), *folder.glob("*.txt")})


def open_builder(name: str, data_dir: str | None, *, flag: str = _FLAG) -> Any:
    """The TFDS builder of a prepared data set; prepares it where the machine can.

    Args:
        name: as `tfds.builder` takes it.
        data_dir: the folder of prepared data sets; None is TFDS's own choice.
        flag: what stands before the name on the command line, for messages.

    Raises:
        RequestError: there is no such data set, or it cannot be prepared here.
    """
    builder = _builder(name, data_dir, flag)
    if not builder.is_prepared():
        _prepare(builder, name, flag)
    return builder


def _builder(name: str, data_dir: str | None, flag: str) -> Any:
    import tensorflow_datasets as tfds

    if data_dir is not None and not Path(data_dir).expanduser().is_dir():
        raise RequestError(
            f"--data_dir={data_dir}, which is no folder", "a folder of TFDS data sets", "Check the path, or make it."
        )
    try:
        return tfds.builder(name, data_dir=data_dir)
    except Exception as error:  # TFDS raises many kinds, one of them with the names of all data sets
        detail = str(error).splitlines()[0] if str(error) else type(error).__name__
        folder = Path(data_dir or "", name.replace(":", "/"))
        if data_dir and folder.is_dir():
            raise RequestError(
                f"--{flag}{name} ({detail}), which cannot be read from {folder}",
                "a prepared data set whose files are whole",
                "Copy it again, or delete it and prepare it again.",
            ) from error
        known = ["digits", *tfds.list_builders(with_community_datasets=False)]
        near = difflib.get_close_matches(name, known, n=3) or ["digits", "mnist"]
        raise RequestError(f"--{flag}{name} ({detail})", f"folder:PATH, or a name such as {', '.join(near)}") from error


def _prepare(builder: "tfds.core.DatasetBuilder", name: str, flag: str) -> None:
    """Downloads and prepares; asks first whether the data set's server can be reached at all.

    TFDS itself would try again for minutes on a machine without a connection.
    """
    where = Path(builder.data_dir).parents[builder.info.full_name.count("/")]
    try:
        _check_connection(builder)
        builder.download_and_prepare()
    except Exception as error:  # offline, disk full, manual download needed: TFDS and its clients raise anything
        detail = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
        raise RequestError(
            f"--{flag}{name}, not prepared in {where}, and preparing it failed ({type(error).__name__}: {detail})",
            "a prepared data set or a connection",
            f"On a machine with a connection run `tfds build {name} --data_dir=FOLDER` (with tensorflow-datasets installed), "
            "copy FOLDER here and say --data_dir=FOLDER.",
        ) from error


def _check_connection(builder: "tfds.core.DatasetBuilder") -> None:
    """Raises `OSError` where the first server of the data set does not answer in time."""
    proxies = urllib.request.getproxies()
    proxy = proxies.get("https") or proxies.get("all") or proxies.get("http")
    if proxy:  # it knows the servers, this machine need not
        parts = urllib.parse.urlsplit(proxy if "//" in proxy else f"//{proxy}")
        socket.create_connection((parts.hostname or "", parts.port or 3128), timeout=_CONNECT_SECONDS).close()
        return
    for url in list(getattr(builder, "url_infos", None) or {})[:1]:
        parts = urllib.parse.urlsplit(url)
        if parts.hostname:
            socket.create_connection((parts.hostname, parts.port or 443), timeout=_CONNECT_SECONDS).close()


def _keys(name: str, info: "tfds.core.DatasetInfo") -> tuple[str, str]:
    """The names of the image and the label feature, from the metadata alone."""
    import tensorflow_datasets as tfds

    features = dict(info.features)
    wanted = (tfds.features.Image, tfds.features.ClassLabel)
    found = [[key for key, feature in features.items() if isinstance(feature, kind)] for kind in wanted]
    keys = info.supervised_keys or tuple(names[0] for names in found if len(names) == 1)
    if len(keys) != 2 or not all(isinstance(features.get(key), kind) for key, kind in zip(keys, wanted, strict=True)):
        raise RequestError(f"--dataset={name}", "a data set of images with one class label each")
    return keys


def _class_names(name: str, feature: "tfds.features.FeatureConnector") -> tuple[str, ...]:
    if not feature.names:
        raise RequestError(f"--dataset={name}, whose label has no classes", "a class label with names", "Prepare it again.")
    return tuple(feature.names)


def _is_sized(shape: Sequence[int | None]) -> bool:
    return shape is not None and None not in shape


def _checked_shape(name: str, shape: Any) -> ImageShape:
    if not _is_sized(shape):
        raise RequestError(
            f"--dataset={name} with images of shape {shape}",
            "images of one fixed shape",
            "Choose a data set whose images share one size, or bring a --model, to which they are fitted.",
        )
    return (*shape[:-1], shape[-1] - (shape[-1] + 1) % 2)  # without an alpha channel


class _Reader:
    """Reads the training and the test images of a data set.

    Args:
        builder: of the prepared data set.
        name: what stands on the command line, for messages.
        keys: of the image and of the label.
        shape: of every image, or `ANY_SIZE`.
    """

    def __init__(self, builder: "tfds.core.DatasetBuilder", name: str, keys: tuple[str, str], shape: ImageShape):
        self._builder = builder
        self._name = name
        self._keys = keys
        self._shape = shape
        self._without_label: dict[str, int] = {}
        self._splits = [split for split in builder.info.splits if count_of(builder, split)]

    def read(self, split: str) -> Split:
        """The images of "train" or "test", and their labels."""
        rows = self._test if split == "test" else self._train
        return Split(self._images(rows), rows.labels)

    def without_label(self) -> dict[str, int]:
        """Split -> rows that were left out, of all splits that were tried for training or tests: the same in every process."""
        _ = self._test, self._train  # whatever a run has read so far
        return dict(sorted(self._without_label.items()))

    @functools.cached_property
    def _test(self) -> _Rows:
        if self._held_out is not None:
            return self._held_out
        rows = self._training
        if not len(rows.labels):
            named = ", ".join(self._splits) or "none"
            raise RequestError(f"{self._name}, of whose splits ({named}) none has labeled images", "a data set with labels")
        return _part(rows, slice(_cut(rows), None))

    @functools.cached_property
    def _train(self) -> _Rows:
        rows = self._training
        return rows if self._held_out is not None else _part(rows, slice(_cut(rows)))

    @functools.cached_property
    def _held_out(self) -> _Rows | None:
        """The first split for tests that has labels."""
        return self._first_labeled(_of_kind(self._splits, _HELD_OUT))

    @functools.cached_property
    def _training(self) -> _Rows:
        """The first split for training that has labels, else no row."""
        named, held_out = _of_kind(self._splits, _TRAIN), _of_kind(self._splits, _HELD_OUT)
        others = [name for name in self._splits if name not in (*named, *held_out)]
        none = np.zeros([0], np.int64)
        return self._first_labeled([*named, *others]) or _Rows("train", none, none)

    def _first_labeled(self, splits: Sequence[str]) -> _Rows | None:
        for split in splits:
            rows = self._labeled(split)
            if len(rows.labels):
                return rows
        return None

    @functools.cache  # noqa: B019 (as long as the data set)
    def _labeled(self, split: str) -> _Rows:
        """The rows of a split that have a label; says how many have none."""
        labels = self._whole(split)[0] if self._fits(split) else labels_of(self._builder, split, *self._keys, self._name)
        positions = np.flatnonzero(labels >= 0)
        if len(positions) < len(labels):
            self._without_label[split] = without = len(labels) - len(positions)
            tqdm.write(
                f"{self._name}: {without} of {len(labels)} images of split {split} have no label and are left out",
                file=sys.stderr,
            )
        return _Rows(split, positions, labels[positions])

    def _fits(self, split: str) -> bool:
        """Whether the images of a split are held in memory."""
        sized = self._shape != ANY_SIZE
        return sized and (split not in self._splits or count_of(self._builder, split) * math.prod(self._shape) <= _MAX_BYTES)

    @functools.cache  # noqa: B019 (as long as the data set)
    def _whole(self, split: str) -> tuple[np.ndarray, np.ndarray]:
        """Labels and images of all rows, read in one go: their labels alone take nearly as long."""
        return rows_of(self._builder, split, *self._keys, self._name)

    def _images(self, rows: _Rows) -> np.ndarray | ImagesOnDemand:
        if not self._fits(rows.split):
            return ImagesOnDemand(len(rows.labels), self._shape, lambda chosen: self._at(rows, chosen))
        if not len(rows.labels):
            return np.zeros([0, *self._shape], np.uint8)
        images = eight_bits(self._whole(rows.split)[1], f"{self._name}, split {rows.split}: an image")
        return images if len(rows.positions) == len(images) else images[rows.positions]

    def _at(self, rows: _Rows, chosen: Sequence[int]) -> list[np.ndarray]:
        """The images with these numbers, in any order."""
        positions, places = np.unique(rows.positions[np.asarray(chosen)], return_inverse=True)
        found = list(self._pixels(rows, positions))
        return [found[place] for place in places]

    def _pixels(self, rows: _Rows, positions: np.ndarray) -> Iterator[np.ndarray]:
        for image in pixels_of(self._builder, rows.split, self._keys[0], positions, self._name):
            yield eight_bits(image, f"{self._name}, split {rows.split}: an image")


def _cut(rows: _Rows) -> int:
    return math.floor(_TRAIN_SHARE * len(rows.labels))


def _part(rows: _Rows, part: slice) -> _Rows:
    return _Rows(rows.split, rows.positions[part], rows.labels[part])


def _of_kind(splits: Sequence[str], kinds: Sequence[str]) -> list[str]:
    """The splits whose names begin like one of the kinds; in the kinds' order, those of the very name first."""
    found = [name for kind in kinds for name in sorted(splits, key=lambda name: name != kind) if name.lower().startswith(kind)]
    return list(dict.fromkeys(found))
