"""What a request says about its network and its images, as far as it can be told without TensorFlow."""

import math
import os
from pathlib import Path

from tfcollide.data.labeled import LabeledImages
from tfcollide.data.load_dataset import load_dataset
from tfcollide.errors import RequestError
from tfcollide.files.run_directory import check_writable
from tfcollide.models.class_names import read_labels
from tfcollide.models.model_file import inspect, kind_of
from tfcollide.recipes.classifiers.config import NetworkConfig, TrainConfig
from tfcollide.registry import MODELS
from tfcollide.shapes import Bounds

__all__ = ["check_brought", "is_brought", "network_data", "parse_bounds", "training_data"]

_FOR_FILES = ("allow_custom_code", "pixel_range")
_WEIGHTS = ("imagenet", "random")
_HDF5 = b"\x89HDF\r\n\x1a\n"


def is_brought(config: TrainConfig) -> bool:
    """Whether the network is one that exists already, rather than one that is trained here."""
    return kind_of(config.model) != "trained"


def training_data(config: TrainConfig) -> LabeledImages:
    """The data set of a training request, which is checked.

    Args:
        config: resolved.

    Raises:
        RequestError: some value cannot be carried out.
    """
    config.check()
    MODELS.check(config.model)
    if config.dataset_name() == "none":
        raise RequestError(f"--dataset=none with --model={config.model}", "images to train on", "Name a data set.")
    model_dir = Path(config.model_dir or "")
    if not any(model_dir.glob("*.keras")):  # else one of them may be it; `train_or_load` asks again
        check_writable("model_dir", model_dir)
    return load_dataset(config.dataset_name(), data_dir=config.data_dir)


def network_data(config: NetworkConfig) -> LabeledImages:
    """The data set of a request, and what it says of its network is checked.

    Args:
        config: resolved.

    Raises:
        RequestError: some value cannot be carried out.
    """
    check_brought(config)
    if is_brought(config):
        return load_dataset(config.dataset_name(), data_dir=config.data_dir, any_size=True)
    return training_data(config)


def check_brought(config: NetworkConfig) -> None:
    """Checks the flags about a network, and the files that they name.

    Raises:
        RequestError: a file is missing, damaged, or would run code; or a flag has no use here.
    """
    kind = kind_of(config.model)
    useless = {"file": ("weights",), "application": _FOR_FILES, "trained": (*_FOR_FILES, "weights", "image_size", "labels")}
    for name in useless[kind]:
        if getattr(config, name):
            why = {"file": "is a whole model", "application": "has its own preprocessing", "trained": "is trained here"}[kind]
            raise RequestError(f"--{name} with --model={config.model}, which {why}", "one of the two", f"Leave --{name} out.")
    for name, only in (("precision", "float32"), ("outputs", "auto")):
        if kind == "trained" and getattr(config, name) != only:
            raise RequestError(f"--{name}={getattr(config, name)} with --model={config.model}", only, "Leave it out.")
    if config.pixel_range:
        parse_bounds(config.pixel_range)
    if config.labels:
        read_labels(Path(config.labels))
    if kind == "file":
        inspect(Path(config.model), allow_custom_code=config.allow_custom_code)
    if kind == "application" and config.weights not in (None, *_WEIGHTS):
        _check_weights(Path(config.weights or ""))


def parse_bounds(text: str) -> Bounds:
    """Reads "0,255".

    Raises:
        RequestError: not two finite numbers, the smaller first.
    """
    try:
        lower, upper = (float(part) for part in text.split(","))
    except ValueError:
        lower, upper = 0.0, 0.0
    if not (math.isfinite(lower) and math.isfinite(upper) and lower < upper):
        raise RequestError(f"--pixel_range={text}", "the values of black and white, such as 0,255")
    return Bounds(lower, upper)


def _check_weights(path: Path) -> None:
    if not path.is_file() or not os.access(path, os.R_OK):
        raise RequestError(
            f"--weights={path}, which is no file that can be read", "imagenet, random, or an .h5 file of weights"
        )
    if path.suffix != ".h5":
        raise RequestError(f"--weights={path}", "imagenet, random, or a file that ends in .h5")
    with open(path, "rb") as file:
        start = file.read(len(_HDF5))
    if start != _HDF5:
        raise RequestError(f"--weights={path}, which is no HDF5 file", "weights that Keras has saved")
