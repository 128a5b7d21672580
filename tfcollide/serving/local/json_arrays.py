"""Nested lists of JSON to arrays and back."""

import base64
import itertools
from typing import Any

import numpy as np

from tfcollide.serving.codes import ServingError
from tfcollide.serving.local.json_values import bad, json_type, shown, to_bytes

__all__ = ["nested_lists", "to_array", "too_large"]

_KINDS: dict[str, set[type]] = {"f": {int, float}, "i": {int}, "u": {int}, "b": {bool}}
"""What JSON may hold, by the kind of NumPy's type that is asked for."""


def to_array(value: object, dtype: np.dtype) -> np.ndarray:
    """One tensor from nested lists."""
    shape = _shape(value)
    flat = _flatten(value, shape)
    wanted = {str, dict} if dtype.kind == "O" else _KINDS.get(dtype.kind, set())
    if flat is None or not set(map(type, flat)) <= wanted:
        _explain(value, 0, shape, dtype)
        raise bad(f"{shown(value)}: expected {_type_name(dtype)}")
    if dtype.kind == "O":
        array = np.empty(len(flat), object)
        array[:] = [to_bytes(item) for item in flat]
        return array.reshape(shape)
    return _numbers(flat, dtype).reshape(shape)


def nested_lists(name: str, array: np.ndarray) -> Any:
    """Nested lists of what JSON knows; bytes in base64 where the name says so."""
    if array.dtype.kind == "O":
        flat = [_bytes_value(name, item) for item in array.ravel().tolist()]
        return _nested(flat, array.shape)
    if array.dtype == np.float32:
        # By way of the shortest decimal number that is this float32, so that 0.1 is not written as 0.10000000149.
        return array.astype(str).astype(np.float64).tolist()
    return array.tolist()


def too_large(value: float, dtype: np.dtype) -> ServingError:
    """A number that its type cannot hold."""
    return bad(f"{shown(value)}: too large for {_type_name(dtype)}")


def _numbers(flat: list, dtype: np.dtype) -> np.ndarray:
    """`[n]` numbers; what the type cannot hold is refused."""
    if dtype.kind in "iu" and flat and not np.iinfo(dtype).min <= min(flat) <= max(flat) <= np.iinfo(dtype).max:
        worst = max(flat, key=abs)
        raise bad(f"{shown(worst)}: too large for {_type_name(dtype)}")
    if dtype.kind != "f":
        return np.array(flat, dtype)
    try:
        exact = np.array(flat, np.float64)
    except OverflowError:
        raise too_large(max(flat, key=abs), dtype) from None
    with np.errstate(over="ignore"):
        array = exact.astype(dtype)
    lost = np.flatnonzero(np.isinf(array) & np.isfinite(exact))
    if len(lost):
        raise too_large(flat[lost[0]], dtype)
    return array


def _flatten(value: object, shape: tuple[int, ...]) -> list | None:
    """The leaves of nested lists of this shape, or None where the lists have another."""
    level: list[Any] = [value]
    for size in shape:
        if any(map(_is_no_list, level)) or set(map(len, level)) - {size}:
            return None
        level = list(itertools.chain.from_iterable(level))
    return None if list in set(map(type, level)) else level


def _is_no_list(value: object) -> bool:
    return type(value) is not list


def _explain(value: object, level: int, shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Raises what is wrong with nested lists, at the first place where it shows."""
    _check_level(value, level, shape)
    if isinstance(value, list):
        for item in value:
            _explain(item, level + 1, shape, dtype)
        return
    if type(value) not in ({str, dict} if dtype.kind == "O" else _KINDS.get(dtype.kind, set())):
        raise _wrong_type(value, dtype)


def _check_level(value: object, level: int, shape: tuple[int, ...]) -> None:
    if not isinstance(value, list):
        if level != len(shape):
            raise bad(f"{shown(value)} lies {level} lists deep, the first value {len(shape)}")
    elif level >= len(shape):
        raise bad(f"{shown(value)}: a list {level} lists deep, where the first has a value")
    elif len(value) != shape[level]:
        raise bad(f"A list {level} lists deep has {len(value)} entries, the first has {shape[level]}")


def _wrong_type(value: object, dtype: np.dtype) -> ServingError:
    return bad(f"{shown(value)}: expected {_type_name(dtype)}, not {json_type(value)}")


def _type_name(dtype: np.dtype) -> str:
    return {"float32": "float", "float64": "double", "object": "string"}.get(dtype.name, dtype.name)


def _shape(value: object) -> tuple[int, ...]:
    """Of nested lists, as their first elements have it."""
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        value = value[0] if value else None
    return tuple(shape)


def _nested(flat: list, shape: tuple[int, ...]) -> Any:
    boxes = np.empty(len(flat), object)
    boxes[:] = flat
    return boxes.reshape(shape).tolist()


def _bytes_value(name: str, item: bytes) -> Any:
    if name.endswith("_bytes"):
        return {"b64": base64.b64encode(item).decode()}
    return item.decode(errors="replace")
