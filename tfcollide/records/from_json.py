"""Records from the files that hold them: the way back from `dataclasses.asdict`."""

import dataclasses
import functools
import json
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from tfcollide.errors import RequestError

__all__ = ["checked_record", "read_content", "record_from_json"]


_Read = TypeVar("_Read")


def read_content(folder: Path, flag: str) -> dict[str, Any]:
    """`summary.json` of a run's or sweep's folder, as it is; `flag` named the folder, for messages.

    Raises:
        RequestError: there is none, or it is no JSON object.
    """
    path = folder / "summary.json"
    if not path.is_file():
        raise RequestError(
            f"--{flag}={folder}",
            "the directory of a finished run",
            "Make one with collide --out=DIR.",
            mend_in_python="Make one with found.save(DIR), or with the program collide.",
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RequestError(
            f"--{flag}: {path}, which cannot be read ({error})", "that of a whole run", "Check the path."
        ) from error
    if not isinstance(content, dict):
        raise RequestError(f"--{flag}: {path}, which is no object", "that of a whole run", "Check the path.")
    return content


def checked_record(kind: type[_Read], content: Mapping[str, object], folder: Path, flag: str) -> _Read:
    """The record of this kind that `content` holds, read from the folder.

    Raises:
        RequestError: something is missing, or is of another type.
    """
    try:
        return record_from_json(kind, content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        received = f"--{flag}: {folder / 'summary.json'}, which cannot be read ({error!r})"
        raise RequestError(received, "that of a whole run", "Check the path.") from error


@functools.cache
def _kinds(record: type) -> dict[str, Any]:
    return typing.get_type_hints(record)


def record_from_json(kind: type, content: Mapping[str, object]) -> Any:
    """A record from its JSON object; what it has no field for is left out."""
    known = {field.name for field in dataclasses.fields(kind)}
    return kind(**{name: _value(_kinds(kind)[name], value) for name, value in content.items() if name in known})


def _value(kind: Any, value: Any) -> Any:
    """A value of a record's field from JSON: records, tuples of anything, or what it is; a number may be None."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        options = [one for one in parts if one is not type(None)]
        return None if value is None else _value(options[0], value) if len(options) == 1 else value
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return record_from_json(kind, value)
    if origin is tuple:
        kinds = [parts[0]] * len(value) if parts[-1] is Ellipsis else parts
        return tuple(_value(one, part) for one, part in zip(kinds, value, strict=True))
    if kind in (str, int, bool, float) and value is not None:
        if not isinstance(value, (int, float) if kind is float else kind):
            raise TypeError(f"{value!r} is no {kind.__name__}")
        return kind(value)
    return value
