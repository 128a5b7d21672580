"""Everything about a request that can be told before TensorFlow is imported."""

import csv
import dataclasses
import importlib.util
import os
from pathlib import Path
from typing import Any, NamedTuple

from tfcollide.data.labeled import LabeledImages
from tfcollide.data.select import Selector, classes_like, looks_like_file, parse_selector, resolve, unknown
from tfcollide.errors import RequestError
from tfcollide.files.names import fits_in_line
from tfcollide.models.model_file import inspect, read_lite
from tfcollide.objectives.units import parse_units
from tfcollide.optimize.schedules import parse_schedule
from tfcollide.recipes.classifiers.network_request import is_brought, network_data
from tfcollide.recipes.collide.config import CollideConfig
from tfcollide.recipes.collide.mapping import search_options
from tfcollide.registry import MODELS
from tfcollide.runtime.beam_pipeline import new_pipeline

__all__ = [
    "Pair",
    "beside",
    "parse_pair",
    "read_pairs",
    "request_data",
    "with_absolute_files",
]


class Pair(NamedTuple):
    """A source and a target, as asked for."""

    source: Selector
    target: Selector


def request_data(config: CollideConfig) -> LabeledImages:
    """The data set of a request for corners, all of which is checked but the source and target.

    Args:
        config: resolved.

    Raises:
        RequestError: some value cannot be carried out.
    """
    config.check()
    if config.learning_rate is not None:
        parse_schedule(config.learning_rate)
    search_options(config)
    parse_units(config.units or "0")
    _check_reader(config)
    if config.check_file:
        read_lite(Path(config.check_file))
    if config.runner is not None:
        new_pipeline(config.runner, config.beam_options)
    if (config.vnnlib or config.second_opinion) and importlib.util.find_spec("onnx") is None:
        asked = "--vnnlib" if config.vnnlib else f"--second_opinion={config.second_opinion}"
        raise RequestError(f"{asked} without the package onnx", "it installed", 'Say pip install "tfcollide[verify]".')
    if not is_brought(config):
        _check_tap(config)
    data = network_data(config)
    if is_brought(config) and config.dataset_name() == "none" and (config.num_pairs or config.source == "every"):
        asked = f"--num_pairs={config.num_pairs}" if config.num_pairs else "--source=every"
        raise RequestError(f"{asked} without a data set", "a --dataset to draw from", "Name one, or image files in --pairs.")
    return data


def _check_reader(config: CollideConfig) -> None:
    """The file of --reader, as that of --model is checked."""
    if config.reader is None:
        return
    try:
        inspect(Path(config.reader), allow_custom_code=False)
    except RequestError as error:
        received, _, expected = str(error).replace("--model=", "--reader=").partition(": expected ")
        raise RequestError(received, expected.removesuffix(".")) from error


def _check_tap(config: CollideConfig) -> None:
    """The tap and the units of a network that is known before it exists."""
    taps = MODELS.load(config.model).tap_names(config.hidden_widths())
    if config.tap is not None and config.tap not in taps:
        raise RequestError(f"--tap={config.tap}", f"a ReLU of {config.model}: {', '.join(taps)}")
    width = config.hidden_widths()[taps.index(config.tap or taps[0])]
    for unit in (unit for group in parse_units(config.units) for unit in group) if config.units else ():
        if unit >= width:
            raise RequestError(f"--units: unit {unit}", f"a unit from 0 to {width - 1}")


def parse_pair(config: CollideConfig, data: LabeledImages) -> Pair:
    """The source and target of a single run; a file is read, to know its shape.

    Raises:
        RequestError: one of them does not exist, or they are the same.
    """
    pair = Pair(_end(config, "source", data), _end(config, "target", data))
    files = [selector.path for selector in pair if selector.path is not None]
    if pair.source == pair.target or (len(files) == 2 and os.path.samefile(*files)):
        raise RequestError(f"--source={config.source} and --target={config.target}", "two different images")
    for flag, selector in zip(("source", "target"), pair, strict=True):
        if selector.path is not None and not is_brought(config):  # else it is resized when the size is known
            resolve(flag, selector, data)
    return pair


def _end(config: CollideConfig, flag: str, data: LabeledImages) -> Selector:
    """What --source or --target names; of a default, which nobody may have typed, an error says that it is one."""
    try:
        return parse_selector(flag, getattr(config, flag), data)
    except RequestError as error:
        if getattr(config, flag) != getattr(CollideConfig, flag):
            raise
        received, *rest = error.args
        raise RequestError(f"{received} (the default of --{flag})", *rest) from error


def read_pairs(path: Path, data: LabeledImages) -> list[tuple[str, str]]:
    """The pairs of a sweep, from a CSV file with the columns source and target.

    Args:
        path: of the table.
        data: whose classes are no image files, whatever they look like.

    Raises:
        RequestError: the file cannot be read, lacks a column, has no row, or names a class or an image file that does not
            exist.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            lines = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        what = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be read ({error})"
        raise RequestError(f"--pairs={path}, which {what}", "a CSV file with the columns source and target") from error
    missing = [name for name in ("source", "target") if lines and name not in lines[0][1]]
    if missing:
        raise RequestError(f"--pairs={path} without the column {missing[0]}", "a first line source,target", "Add the header.")
    if not lines:
        raise RequestError(f"--pairs={path} with no pair in it", "a header source,target and one row per pair")
    for line, row in lines:
        if not row.get("source") or not row.get("target"):
            raise RequestError(f"--pairs={path}, line {line}", "a value in each of the columns source and target")
        for text in (row["source"].strip(), row["target"].strip()):
            if not fits_in_line(text):
                raise RequestError(f"--pairs={path}, line {line}: {text!r}", "names without line breaks", "Rename the file.")
            _check_named(path, line, text, data)
    return [(row["source"].strip(), row["target"].strip()) for _, row in lines]


def _check_named(path: Path, line: int, text: str, data: LabeledImages) -> None:
    """Raises `RequestError` where an entry of a table of pairs is neither a class, nor a test image, nor a file."""
    image, alike = Path(beside(str(path), text)), classes_like(text, data.class_names)
    if image.exists() or len(alike) == 1 or (text.startswith("test:") and data.class_names):
        return
    if not alike and looks_like_file(text):
        received = f"--pairs={path}, line {line}: image {image}, which does not exist"
        raise RequestError(received, "image files, named from the table's folder")
    raise unknown(f"--pairs={path}, line {line}: {text}", text, data)


def beside(table: str | None, name: str) -> str:
    """An image file named in a table of pairs, from the table's own folder; anything else as it is."""
    name = os.path.expanduser(name)
    path = Path(table or "").parent / name
    named = bool(path.suffix) or "/" in name  # a class may share its name with a file
    return str(path) if named and (path.is_file() or not Path(name).exists()) else name


def with_absolute_files(config: CollideConfig, pair: Pair) -> CollideConfig:
    """The config with image files named from the root, so that `run.flags` serves in any folder."""
    files: dict[str, Any] = {name: str(selector.path.absolute()) for name, selector in pair._asdict().items() if selector.path}
    return dataclasses.replace(config, **files)
