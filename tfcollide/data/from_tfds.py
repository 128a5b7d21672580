"""Any TFDS data set of labelled images of one shape, through TFDS itself."""

import difflib
import math
import socket
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfcollide.data.images_on_demand import ImagesOnDemand
from tfcollide.data.labelled import ANY_SIZE, LabelledImages, Split
from tfcollide.errors import RequestError
from tfcollide.shapes import ImageShape

__all__ = ["load_tfds", "open_builder"]

_HELD_OUT = ("test", "validation")
_CONNECT_SECONDS = 1.0
_FLAG = "dataset="
_MAX_BYTES = 2**30


class _Part(NamedTuple):
    """`size` examples of a split of TFDS, from number `first` on."""

    split: str
    first: int
    size: int

    def slice(self, start: int, count: int) -> str:
        """As TFDS writes `count` examples of this part from `start` on."""
        first = self.first + start
        return f"{self.split}[{first}:{first + count}]"


def load_tfds(name: str, data_dir: str | None, *, any_size: bool = False) -> LabelledImages:
    """Opens a prepared TFDS data set, or prepares it where the machine can.

    A data set without a test or validation split is tested on the last tenth of
    its training split.

    Args:
        name: as `tfds.builder` takes it: "mnist", "mnist:3.0.1", "cifar10".
        data_dir: the folder of prepared data sets; None is TFDS's own choice.
        any_size: whether images may differ in size.

    Raises:
        RequestError: there is no such data set; it is not one of labelled images
            (of one shape, but for `any_size`); or it is not prepared and cannot be downloaded.
    """
    builder = _builder(name, data_dir, _FLAG)
    info = builder.info
    keys, shape = _keys(name, info), ANY_SIZE
    if not any_size or _is_sized(info.features[keys[0]].shape):
        shape = _checked_shape(name, info.features[keys[0]].shape)
    if not builder.is_prepared():
        _prepare(builder, name, _FLAG)
    splits = _splits(info)
    return LabelledImages(
        info.full_name.replace("/", ":"),
        class_names=tuple(info.features[keys[1]].names),
        shape=shape,
        test_size=splits["test"].size,
        read=lambda split: _read(builder, splits[split], keys, shape),
    )


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

    try:
        return tfds.builder(name, data_dir=data_dir)
    except Exception as error:  # TFDS raises many kinds, one of them with the names of all data sets
        known = ["digits", *tfds.list_builders(with_community_datasets=False)]
        near = difflib.get_close_matches(name, known, n=3) or ["digits", "mnist"]
        detail = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RequestError(f"--{flag}{name} ({detail})", f"folder:PATH, or a name such as {', '.join(near)}") from error


def _prepare(builder: Any, name: str, flag: str) -> None:
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


def _check_connection(builder: Any) -> None:
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


def _keys(name: str, info: Any) -> tuple[str, str]:
    """The names of the image and the label feature, from the metadata alone."""
    import tensorflow_datasets as tfds

    features = dict(info.features)
    wanted = (tfds.features.Image, tfds.features.ClassLabel)
    found = [[key for key, feature in features.items() if isinstance(feature, kind)] for kind in wanted]
    keys = info.supervised_keys or tuple(names[0] for names in found if len(names) == 1)
    if len(keys) != 2 or not all(isinstance(features.get(key), kind) for key, kind in zip(keys, wanted, strict=True)):
        raise RequestError(f"--dataset={name}", "a data set of images with one class label each")
    return keys


def _is_sized(shape: Any) -> bool:
    return shape is not None and None not in shape


def _checked_shape(name: str, shape: Any) -> ImageShape:
    if not _is_sized(shape) or shape[-1] not in (1, 3):
        raise RequestError(
            f"--dataset={name} with images of shape {shape}",
            "8-bit images of one fixed shape with 1 or 3 channels",
            "Choose a data set whose images share one size, or bring a --model, to which they are fitted.",
        )
    return tuple(shape)


def _splits(info: Any) -> dict[str, _Part]:
    sizes = {name: split.num_examples for name, split in info.splits.items()}
    for held_out in _HELD_OUT:
        if held_out in sizes:
            return {"train": _Part("train", 0, sizes.get("train", 0)), "test": _Part(held_out, 0, sizes[held_out])}
    cut = math.floor(0.9 * sizes["train"])
    return {"train": _Part("train", 0, cut), "test": _Part("train", cut, sizes["train"] - cut)}


def _read(builder: Any, part: _Part, keys: tuple[str, str], shape: ImageShape) -> Split:
    if shape != ANY_SIZE and part.size * math.prod(shape) <= _MAX_BYTES:
        examples = builder.as_dataset(split=part.slice(0, part.size), batch_size=-1, shuffle_files=False)
        return Split(examples[keys[0]].numpy(), examples[keys[1]].numpy().astype(np.int64))
    import tensorflow_datasets as tfds

    undecoded = {keys[0]: tfds.decode.SkipDecoding()}
    found = builder.as_dataset(split=part.slice(0, part.size), decoders=undecoded, shuffle_files=False)
    labels = np.fromiter((int(example[keys[1]]) for example in found), np.int64, part.size)
    return Split(ImagesOnDemand(part.size, shape, lambda chosen: _images(builder, part, keys[0], chosen)), labels)


def _images(builder: Any, part: _Part, key: str, chosen: Sequence[int]) -> list[np.ndarray]:
    """The images with these numbers; a run of them is read in one go."""
    if len(chosen) > 1 and list(chosen) == list(range(chosen[0], chosen[0] + len(chosen))):
        found = builder.as_dataset(split=part.slice(chosen[0], len(chosen)), shuffle_files=False)
        return [np.asarray(example[key]) for example in found]
    single = (builder.as_dataset(split=part.slice(number, 1), shuffle_files=False) for number in chosen)
    return [np.asarray(next(iter(found))[key]) for found in single]
