"""JSON to arrays and back, as TF Serving's REST API has it."""

import base64
import binascii
import functools
import itertools
import json
import math
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from tfcollide.runtime.quiet import import_tensorflow
from tfcollide.serving.codes import Code, ServingError

if TYPE_CHECKING:
    import tensorflow as tf

__all__ = ["InputTypes", "parse_classify", "parse_predict", "write_classify", "write_predict"]

InputTypes = Mapping[str, Mapping[str, np.dtype]]
"""Signature -> input -> NumPy's type; strings are objects."""

_KINDS: dict[str, set[type]] = {"f": {int, float}, "i": {int}, "u": {int}, "b": {bool}}
"""What JSON may hold, by the kind of NumPy's type that is asked for."""

_MAY_OVERFLOW = re.compile(rb"\d{300}|[eE]\+?\d{3}")
_MOST = float(np.finfo(np.float32).max)


def parse_predict(body: bytes, types: InputTypes, default: str) -> tuple[str, dict[str, np.ndarray], bool]:
    """The signature that a request names, its inputs, and whether it is in the row format.

    Args:
        body: JSON with "instances" (rows) or "inputs" (columns).
        types: of the model.
        default: the signature of a request that names none.
    """
    request = _parse_object(body)
    name = _signature_name(request) or default
    if name not in types:
        raise _bad(f'No signature "{name}": expected one of {", ".join(sorted(types))}')
    if "instances" in request and "inputs" in request:
        raise _bad(f"{_shown(request)}: expected either 'inputs' or 'instances', not both")
    if "instances" in request:
        return name, _rows(request, types[name]), True
    if "inputs" in request:
        return name, _columns(request["inputs"], types[name]), False
    raise _bad("The request has neither 'inputs' nor 'instances'")


def write_predict(outputs: Mapping[str, np.ndarray], *, rows: bool) -> str:
    """The answer to a request of the row or the column format."""
    return json.dumps(_predict_outputs(outputs, rows=rows))


def parse_classify(body: bytes) -> tuple[str, list[bytes]]:
    """The signature that a request names, "" where it names none, and its serialized tf.Examples.

    The features of a request's context go into each.
    """
    request = _parse_object(body)
    name = _signature_name(request)
    context = _example(request["context"]) if "context" in request else b""
    examples = request.get("examples")
    if "examples" not in request:
        raise _bad(f"{_shown(request)}: a classify request needs the key 'examples'")
    if not isinstance(examples, list):
        raise _bad(f"{_shown(request)}: 'examples' must be a list")
    if not examples:
        raise _bad(f"{_shown(request)}: 'examples' is empty")
    return name, [context + _example(example) for example in examples]


def write_classify(results: list[list[tuple[str | None, float | None]]]) -> str:
    """The answer to a classify request."""
    return json.dumps({"results": [[[label or "", score or 0.0] for label, score in result] for result in results]})


def _parse_object(body: bytes) -> dict[str, Any]:
    """The JSON object of a request; NaN and Infinity are numbers here, as in TF Serving."""
    if not body:
        raise _bad("The body is empty: expected a JSON object")
    try:
        # A function for every number makes it slow, so it is given only where some number may be too large.
        value = json.loads(body, parse_float=_finite if _MAY_OVERFLOW.search(body) else None)
    except json.JSONDecodeError as error:
        raise _bad(f"The body is not JSON: {error.msg} at offset {error.pos}") from None
    except (UnicodeDecodeError, RecursionError, ValueError, OverflowError) as error:
        raise _bad(f"The body is not JSON that can be read ({type(error).__name__})") from None
    if not isinstance(value, dict):
        raise _bad(f"{_shown(value)}: expected a JSON object")
    return value


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise _bad(f"{text[:40]}: the number is too large for float64")
    return value


def _signature_name(request: Mapping[str, object]) -> str:
    """The signature that a request names; "" where it names none."""
    name = request.get("signature_name", "")
    if not isinstance(name, str):
        raise _bad(f"{_shown(request)}: 'signature_name' must be a string")
    return name


def _predict_outputs(outputs: Mapping[str, np.ndarray], *, rows: bool) -> dict[str, Any]:
    """The answer to a request of the row or the column format."""
    values = {name: _plain(name, array) for name, array in outputs.items()}
    if not rows:
        return {"outputs": values if len(values) > 1 else next(iter(values.values()))}
    sizes = {name: len(value) if isinstance(value, list) else None for name, value in values.items()}
    for name, size in sizes.items():
        if size is None:
            raise _bad(f"Output {name} is a single number and has no rows: ask in the column format ('inputs')")
        if size != next(iter(sizes.values())):
            expected = next(iter(sizes.values()))
            raise _bad(f"Output {name} has {size} rows where others have {expected}: ask in the column format ('inputs')")
    if len(values) == 1:
        return {"predictions": next(iter(values.values()))}
    return {"predictions": [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]}


def _rows(request: Mapping[str, object], types: Mapping[str, np.dtype]) -> dict[str, np.ndarray]:
    instances = request["instances"]
    if not isinstance(instances, list):
        raise _bad(f"{_shown(request)}: 'instances' must be a list")
    if not instances:
        raise _bad(f"{_shown(request)}: 'instances' is empty")
    if not _is_named(instances[0]):
        if len(types) > 1:
            raise _bad(f"'instances' must be a list of objects, as there are several inputs: {', '.join(sorted(types))}")
        for i, item in enumerate(instances):
            if _is_named(item):
                raise _bad(f"Element {i} of 'instances' is an object where the first is none")
        (name,) = types
        return {name: _row_array(instances, types[name], lambda i: f"Element {i}")}
    for i, item in enumerate(instances):
        if not _is_named(item):
            raise _bad(f"Element {i} of 'instances' is no object where the first is one")
        for name in item:
            if name not in types:
                raise _bad(f"Element {i} of 'instances': no input is named {name}, expected {', '.join(sorted(types))}")
        if set(item) != set(types):
            raise _bad(f"Element {i} of 'instances': {_shown(item)} must have the keys {', '.join(sorted(types))}")
    return {
        name: _row_array([item[name] for item in instances], dtype, lambda i, name=name: f"Element {i}, input {name},")
        for name, dtype in types.items()
    }


def _row_array(values: list, dtype: np.dtype, place: Callable[..., str]) -> np.ndarray:
    """All rows at once; where that fails, one by one, to say which is wrong."""
    try:
        return _array(values, dtype)
    except ServingError:
        first: tuple[int, ...] | None = None
        for i, value in enumerate(values):
            try:
                shape = _array(value, dtype).shape
            except ServingError as error:
                raise _bad(f"{place(i)} of 'instances': {error.message}") from None
            if first is not None and shape != first:
                raise _bad(f"{place(i)} of 'instances' has the shape {list(shape)}, the first {list(first)}") from None
            first = shape
        raise


def _columns(value: object, types: Mapping[str, np.dtype]) -> dict[str, np.ndarray]:
    if not _is_named(value):
        if len(types) > 1:
            raise _bad(f"'inputs' must be an object, as there are several inputs: {', '.join(sorted(types))}")
        (name,) = types
        return {name: _array(value, types[name])}
    for name in types:
        if name not in value:
            raise _bad(f"'inputs' lacks the input {name}")
    return {name: _array(value[name], dtype) for name, dtype in types.items()}


def _array(value: object, dtype: np.dtype) -> np.ndarray:
    """One tensor from nested lists."""
    shape = _shape(value)
    flat = _flatten(value, shape)
    wanted = {str, dict} if dtype.kind == "O" else _KINDS.get(dtype.kind, set())
    if flat is None or not set(map(type, flat)) <= wanted:
        _explain(value, 0, shape, dtype)
        raise _bad(f"{_shown(value)}: expected {_type_name(dtype)}")
    if dtype.kind == "O":
        array = np.empty(len(flat), object)
        array[:] = [_utf_8(item) if isinstance(item, str) else _decoded(item) for item in flat]
        return array.reshape(shape)
    return _numbers(flat, dtype).reshape(shape)


def _numbers(flat: list, dtype: np.dtype) -> np.ndarray:
    """`[n]` numbers; what the type cannot hold is refused."""
    if dtype.kind in "iu" and flat and not np.iinfo(dtype).min <= min(flat) <= max(flat) <= np.iinfo(dtype).max:
        worst = max(flat, key=abs)
        raise _bad(f"{_shown(worst)}: too large for {_type_name(dtype)}")
    if dtype.kind != "f":
        return np.array(flat, dtype)
    try:
        exact = np.array(flat, np.float64)
    except OverflowError:
        raise _lossy(max(flat, key=abs), dtype) from None
    with np.errstate(over="ignore"):
        array = exact.astype(dtype)
    lost = np.flatnonzero(np.isinf(array) & np.isfinite(exact))
    if len(lost):
        raise _lossy(flat[lost[0]], dtype)
    return array


def _lossy(value: float, dtype: np.dtype) -> ServingError:
    return _bad(f"{_shown(value)}: too large for {_type_name(dtype)}")


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
            raise _bad(f"{_shown(value)} lies {level} lists deep, the first value {len(shape)}")
    elif level >= len(shape):
        raise _bad(f"{_shown(value)}: a list {level} lists deep, where the first has a value")
    elif len(value) != shape[level]:
        raise _bad(f"A list {level} lists deep has {len(value)} entries, the first has {shape[level]}")


def _shape(value: object) -> tuple[int, ...]:
    """Of nested lists, as their first elements have it."""
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        value = value[0] if value else None
    return tuple(shape)


@functools.cache
def _example_type() -> Any:
    import_tensorflow()  # which a process that reads large requests does without otherwise
    import tensorflow as tf

    return tf.train.Example


def _example(value: object) -> bytes:
    """A serialized tf.Example."""
    if not isinstance(value, dict):
        raise _bad(f"An example must be a JSON object, not {_json_type(value)}")
    example = _example_type()()
    for name, content in value.items():
        try:
            feature = example.features.feature[name]
        except UnicodeEncodeError:
            raise _bad(f"Feature {_shown(name)}: its name is not UTF-8") from None
        for item in content if isinstance(content, list) else [content]:
            _add(feature, name, item)
    return example.SerializeToString()


def _add(feature: "tf.train.Feature", name: str, value: object) -> None:
    kind: str
    item: bytes | float
    if isinstance(value, (str, dict)) and (isinstance(value, str) or not _is_named(value)):
        kind, item = "bytes_list", _utf_8(value) if isinstance(value, str) else _decoded(value)
    elif isinstance(value, float):
        if _MOST < abs(value) < math.inf:
            raise _lossy(value, np.dtype(np.float32))
        kind, item = "float_list", value
    elif isinstance(value, int):
        kind, item = "int64_list", int(value)
    else:
        raise _bad(f"Feature {name}: expected strings, numbers or bytes, not {_json_type(value)}")
    present = feature.WhichOneof("kind")
    if present not in (None, kind):
        raise _bad(f"Feature {name}: expected all of one type, {present.removesuffix('_list')} as the first")
    try:
        getattr(feature, kind).value.append(item)
    except ValueError:
        raise _bad(f"Feature {name}: {value} is too large for int64") from None


def _plain(name: str, array: np.ndarray) -> Any:
    """Nested lists of what JSON knows; bytes in base64 where the name says so."""
    if array.dtype.kind == "O":
        flat = [_bytes_value(name, item) for item in array.ravel().tolist()]
        return _nested(flat, array.shape)
    if array.dtype == np.float32:
        # By way of the shortest decimal number that is this float32, so that 0.1 is not written as 0.10000000149.
        return array.astype(str).astype(np.float64).tolist()
    return array.tolist()


def _utf_8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _nested(flat: list, shape: tuple[int, ...]) -> Any:
    boxes = np.empty(len(flat), object)
    boxes[:] = flat
    return boxes.reshape(shape).tolist()


def _bytes_value(name: str, item: bytes) -> Any:
    if name.endswith("_bytes"):
        return {"b64": base64.b64encode(item).decode()}
    return item.decode(errors="replace")


def _is_named(value: object) -> TypeGuard[dict]:
    """Whether a value is an object, and not bytes in base64."""
    return isinstance(value, dict) and not (list(value) == ["b64"] and isinstance(value["b64"], str))


def _decoded(value: dict) -> bytes:
    if _is_named(value):
        raise _bad(f'{_shown(value)}: expected {{"b64": TEXT}}')
    text = "".join(value["b64"].split())  # line breaks and a missing padding do not matter to TF Serving
    if "=" not in text:
        text += "=" * (-len(text) % 4)
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except (binascii.Error, ValueError):
        raise _bad(f"{_shown(value['b64'], 40)}: not base64") from None


def _wrong_type(value: object, dtype: np.dtype) -> ServingError:
    return _bad(f"{_shown(value)}: expected {_type_name(dtype)}, not {_json_type(value)}")


def _type_name(dtype: np.dtype) -> str:
    return {"float32": "float", "float64": "double", "object": "string"}.get(dtype.name, dtype.name)


def _json_type(value: object) -> str:
    if isinstance(value, bool):
        return "True" if value else "False"
    names = {dict: "Object", list: "Array", str: "String", type(None): "Null"}
    return names.get(type(value), "Number")


def _shown(value: object, limit: int = 300) -> str:
    text = json.dumps(value)
    return text if len(text) <= limit else text[:limit] + "..."


def _bad(message: str) -> ServingError:
    return ServingError(Code.INVALID_ARGUMENT, message)
