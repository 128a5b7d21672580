"""A run directory read back: its config, numbers and arrays."""

import dataclasses
import typing
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfcollide.errors import RequestError
from tfcollide.files.names import to_text
from tfcollide.recipes.collide.config import CollideConfig
from tfcollide.records import Summary

__all__ = ["FinishedRun", "config_from_flags", "read_run"]


class FinishedRun(NamedTuple):
    """One finished run of `collide`.

    Attributes:
        path: of the directory.
        config: from `run.flags`.
        summary: the content of `summary.json`.
        arrays: the content of `corners.npz`: corners, source, target, units and convex_weights.
    """

    path: Path
    config: CollideConfig
    summary: Summary
    arrays: Mapping[str, np.ndarray]


def read_run(path: Path) -> FinishedRun:
    """Reads the directory of a run, without TensorFlow.

    Raises:
        RequestError: it is not one, is not whole, or is that of a sweep.
    """
    if not (path / "run.flags").is_file():
        raise RequestError(f"--run={path}", "the directory of a finished run", "Make one with collide --out=DIR.")
    summary = Summary.read(path)
    try:
        text = to_text((path / "run.flags").read_bytes())
        with np.load(path / "corners.npz") as arrays:
            return FinishedRun(path, config_from_flags(text), summary, dict(arrays))
    except (OSError, EOFError, KeyError, TypeError, UnicodeDecodeError, zipfile.BadZipFile, ValueError) as error:
        if isinstance(error, RequestError):
            raise
        raise RequestError(f"--run={path}, which cannot be read ({error})", "a whole run directory") from error


def config_from_flags(text: str) -> CollideConfig:
    """The config that `flags_text` wrote.

    Raises:
        RequestError: a line is not a flag of `collide`, or has a value of another kind.
    """
    kinds = {
        name: next(kind for kind in (typing.get_args(hint) or (hint,)) if kind is not type(None))
        for name, hint in typing.get_type_hints(CollideConfig).items()
    }
    values: dict[str, Any] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("#"):
            continue
        name, equals, value = line.removeprefix("--").partition("=")
        negated = not equals and name.startswith("no") and kinds.get(name[2:]) is bool
        name = name[2:] if negated else name
        try:
            values[name] = not negated if kinds[name] is bool else kinds[name](value)
        except (KeyError, ValueError) as error:
            raise RequestError(f"run.flags with the line {line}", "a flag that collide writes there") from error
    return CollideConfig(**{k: v for k, v in values.items() if k in {f.name for f in dataclasses.fields(CollideConfig)}})
