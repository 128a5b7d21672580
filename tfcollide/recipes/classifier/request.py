"""What a request says about its network, as far as it can be told without TensorFlow."""

import math
import os
from pathlib import Path

from tfcollide.errors import RequestError
from tfcollide.models.class_names import read_labels
from tfcollide.models.model_file import inspect, kind_of
from tfcollide.recipes.collide.config import CollideConfig, TrainConfig
from tfcollide.shapes import Bounds

__all__ = ["check_brought", "is_brought", "parse_bounds"]

_FOR_FILES = ("allow_custom_code", "pixel_range")
_WEIGHTS = ("imagenet", "random")
_HDF5 = b"\x89HDF\r\n\x1a\n"


def is_brought(config: TrainConfig) -> bool:
    """Whether the network is one that exists already, rather than one that is trained here."""
    return kind_of(config.model) != "trained"


def check_brought(config: CollideConfig) -> None:
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
        read_labels(Path(config.resolved().labels or ""))
    if kind == "file":
        inspect(Path(config.resolved().model), allow_custom_code=config.allow_custom_code)
    if kind == "application" and config.weights not in (None, *_WEIGHTS):
        _check_weights(Path(config.resolved().weights or ""))


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
