"""Everything about a request that can be told before TensorFlow is imported."""

import csv
from pathlib import Path
from typing import NamedTuple

from tfcollide.data.catalog import load_dataset
from tfcollide.data.labelled import LabelledImages
from tfcollide.data.select import Selector, parse_selector, resolve
from tfcollide.errors import RequestError
from tfcollide.models import mlp
from tfcollide.objectives.units import parse_units
from tfcollide.recipes.config import CollideConfig, TrainConfig
from tfcollide.registry import MODELS, OBJECTIVES, PARAMETERIZATIONS
from tfcollide.schedules import parse_schedule

__all__ = ["Pair", "check_collide", "check_train", "parse_pair", "read_pairs"]


class Pair(NamedTuple):
    """A source and a target, as asked for."""

    source: Selector
    target: Selector


def check_train(config: TrainConfig) -> LabelledImages:
    """Checks a training request and opens its data set.

    Raises:
        RequestError: some value cannot be carried out.
    """
    config.check()
    MODELS.check(config.model)
    return load_dataset(config.dataset, data_dir=config.data_dir)


def check_collide(config: CollideConfig) -> LabelledImages:
    """Checks a request for corners, all but the source and target, and opens its data set.

    Raises:
        RequestError: some value cannot be carried out.
    """
    config.check()
    OBJECTIVES.check(config.objective)
    PARAMETERIZATIONS.check(config.parameterization)
    parse_schedule(config.learning_rate)
    if config.units is not None:
        parse_units(config.units)
    taps = mlp.tap_names(config.hidden_widths())
    if config.tap not in taps:
        raise RequestError(f"--tap={config.tap}", f"a ReLU of {config.model}: {', '.join(taps)}")
    return check_train(config)


def parse_pair(config: CollideConfig, data: LabelledImages) -> Pair:
    """The source and target of a single run; a file is read, to know its shape.

    Raises:
        RequestError: one of them does not exist, or they are the same.
    """
    pair = Pair(parse_selector("source", config.source, data), parse_selector("target", config.target, data))
    if pair.source == pair.target:
        raise RequestError(f"--source={config.source} and --target={config.target}", "two different images")
    for flag, selector in zip(("source", "target"), pair, strict=True):
        if selector.path is not None:
            resolve(flag, selector, data)
    return pair


def read_pairs(path: Path) -> list[tuple[str, str]]:
    """The pairs of a sweep, from a CSV file with the columns source and target.

    Raises:
        RequestError: the file cannot be read, lacks a column, or has no row.
    """
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RequestError(f"--pairs={path}, which cannot be read ({error})", "a CSV file") from error
    missing = [name for name in ("source", "target") if rows and name not in rows[0]]
    if missing:
        raise RequestError(f"--pairs={path} without the column {missing[0]}", "a first line source,target", "Add the header.")
    if not rows:
        raise RequestError(f"--pairs={path} with no pair in it", "a header source,target and one row a pair")
    for line, row in enumerate(rows, start=2):
        if not row.get("source") or not row.get("target"):
            raise RequestError(f"--pairs={path}, line {line}", "a value in each of the columns source and target")
    return [(row["source"].strip(), row["target"].strip()) for row in rows]
