"""JSON to arrays and back, as TF Serving's REST API has it."""

import base64
import binascii
import itertools
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfcollide.serving.codes import Code, ServingError
from tfcollide.serving.tensors import dtype_of

__all__ = ["classify_examples", "parse_object", "predict_inputs", "predict_outputs", "signature_name"]

_KINDS: dict[str, set[type]] = {"f": {int, float}, "i": {int}, "u": {int}, "b": {bool}}
"""What JSON may hold, by the kind of NumPy's type that is asked for."""


def parse_object(body: bytes) -> dict[str, Any]:
    """The JSON object of a request; NaN and Infinity are numbers here, as in TF Serving."""
    if not body:
        raise _bad("JSON Parse error: The document is empty")
    try:
        value = json.loads(body)
    except json.JSONDecodeError as error:
        raise _bad(f"JSON Parse error: {error.msg} at offset: {error.pos}") from None
    except (UnicodeDecodeError, RecursionError, ValueError) as error:
        raise _bad(f"JSON Parse error: Invalid value. ({type(error).__name__})") from None
    if not isinstance(value, dict):
        raise _bad(f"JSON Value: {_shown(value)} Is not object")
    return value


def signature_name(request: Mapping[str, Any]) -> str:
    """The signature that a request names; "" where it names none."""
    name = request.get("signature_name", "")
    if not isinstance(name, str):
        raise _bad(f"JSON Value: {_shown(request)} not formatted correctly. 'signature_name' key must be a string value.")
    return name


def predict_inputs(request: Mapping[str, Any], infos: Mapping[str, Any]) -> tuple[dict[str, np.ndarray], bool]:
    """The inputs of a request, and whether it is in the row format.

    Args:
        request: with "instances" (rows) or "inputs" (columns).
        infos: name -> TensorInfo of the signature's inputs.
    """
    if "instances" in request and "inputs" in request:
        raise _bad(
            f"JSON Value: {_shown(request)} Not formatted correctly expecting only one of 'inputs' or 'instances' "
            "keys to exist "
        )
    if "instances" in request:
        return _rows(request, infos), True
    if "inputs" in request:
        return _columns(request["inputs"], infos), False
    raise _bad("Missing 'inputs' or 'instances' key")


def predict_outputs(outputs: Mapping[str, np.ndarray], *, rows: bool) -> dict[str, Any]:
    """The answer to a request of the row or the column format."""
    values = {name: _plain(name, array) for name, array in outputs.items()}
    if not rows:
        return {"outputs": values if len(values) > 1 else next(iter(values.values()))}
    sizes = {name: len(value) if isinstance(value, list) else None for name, value in values.items()}
    for name, size in sizes.items():
        if size is None:
            raise _bad(f"Tensor name: {name} has no shape information ")
        if size != next(iter(sizes.values())):
            expected = next(iter(sizes.values()))
            raise _bad(f"Tensor name: {name} has inconsistent batch size: {size} expecting: {expected}")
    if len(values) == 1:
        return {"predictions": next(iter(values.values()))}
    return {"predictions": [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]}


def classify_examples(request: Mapping[str, Any]) -> list[bytes]:
    """The serialised tf.Examples of a classify request; the features of its context go into each."""
    context = _example(request["context"]).SerializeToString() if "context" in request else b""
    examples = request.get("examples")
    if "examples" not in request:
        raise _bad(f"JSON Value: {_shown(request)} When method is classify, key 'examples' is expected and was not found")
    if not isinstance(examples, list):
        raise _bad(f"JSON Value: {_shown(request)} Expecting 'examples' value to be an list/array")
    if not examples:
        raise _bad(f"JSON Value: {_shown(request)} 'examples' value is an empty array")
    return [context + _example(example).SerializeToString() for example in examples]


def _rows(request: Mapping[str, Any], infos: Mapping[str, Any]) -> dict[str, np.ndarray]:
    instances = request["instances"]
    if not isinstance(instances, list):
        raise _bad(f"JSON Value: {_shown(request)} Excepting 'instances' to be an list/array")
    if not instances:
        raise _bad(f"JSON Value: {_shown(request)} No values in 'instances' array")
    if not _is_named(instances[0]):
        if len(infos) > 1:
            raise _bad(
                "instances is a plain list, but expecting list of objects as multiple "
                "input tensors required as per tensorinfo_map"
            )
        for i, item in enumerate(instances):
            if _is_named(item):
                raise _bad(f"Expecting value/list but got object at item {i} of input list")
        (name,) = infos
        return {name: _row_array(instances, infos[name], lambda i: f"element: {i}")}
    for i, item in enumerate(instances):
        if not _is_named(item):
            raise _bad(f"Expecting object but got list at item {i} of input list")
        for name in item:
            if name not in infos:
                raise _bad(
                    f"Failed to process element: {i} key: {name} of 'instances' list. Error: INVALID_ARGUMENT: "
                    f"JSON object: does not have named input: {name}"
                )
        if set(item) != set(infos):
            raise _bad(
                f"Failed to process element: {i} of 'instances' list. JSON object: {_shown(item)} "
                f"keys must be equal to: {','.join(sorted(infos))}"
            )
    return {
        name: _row_array([item[name] for item in instances], info, lambda i, name=name: f"element: {i} key: {name}")
        for name, info in infos.items()
    }


def _row_array(values: list, info: Any, place: Any) -> np.ndarray:
    """All rows at once; where that fails, one by one, to say which is wrong."""
    try:
        return _array(values, info)
    except ServingError:
        first: tuple[int, ...] | None = None
        for i, value in enumerate(values):
            try:
                shape = _array(value, info).shape
            except ServingError as error:
                raise _bad(
                    f"Failed to process {place(i)} of 'instances' list. Error: INVALID_ARGUMENT: {error.message}"
                ) from None
            if first is not None and shape != first:
                sizes = math.prod(first), math.prod(shape)
                words = f"tensor size: {sizes[0]} but got: {sizes[1]}"
                shapes = f"shape {list(first)} but got: {list(shape)}"
                raise _bad(
                    f"Failed to process {place(i)} of 'instances' list. Error: INVALID_ARGUMENT: "
                    f"Expecting {words if sizes[0] != sizes[1] else shapes}"
                ) from None
            first = shape
        raise


def _columns(value: Any, infos: Mapping[str, Any]) -> dict[str, np.ndarray]:
    if not _is_named(value):
        if len(infos) > 1:
            raise _bad(
                "inputs is a plain value/list, but expecting an object as multiple input tensors required as per tensorinfo_map"
            )
        (name,) = infos
        return {name: _array(value, infos[name])}
    for name in infos:
        if name not in value:
            raise _bad(f"Missing named input: {name} in 'inputs' object.")
    return {name: _array(value[name], info) for name, info in infos.items()}


def _array(value: Any, info: Any) -> np.ndarray:
    """One tensor from nested lists."""
    dtype = dtype_of(info.dtype)
    shape = _shape(value)
    flat = _flatten(value, shape)
    wanted = {str, dict} if dtype.kind == "O" else _KINDS.get(dtype.kind, set())
    if flat is None or not set(map(type, flat)) <= wanted:
        _explain(value, 0, shape, dtype)
        raise _bad(f"JSON Value: {_shown(value)} is not of expected type: {_type_name(dtype)}")
    if dtype.kind == "O":
        array = np.empty(len(flat), object)
        array[:] = [item.encode("utf-8", "surrogatepass") if isinstance(item, str) else _decoded(item) for item in flat]
        return array.reshape(shape)
    return _numbers(flat, dtype).reshape(shape)


def _numbers(flat: list, dtype: np.dtype) -> np.ndarray:
    """`[n]` numbers; what the type cannot hold is refused."""
    if dtype.kind in "iu" and flat and not np.iinfo(dtype).min <= min(flat) <= max(flat) <= np.iinfo(dtype).max:
        worst = max(flat, key=abs)
        raise _bad(f"JSON Value: {_shown(worst)} Type: Number is not of expected type: {_type_name(dtype)}")
    try:
        with np.errstate(over="ignore"):
            array = np.array(flat, np.float64 if dtype.kind == "f" else dtype).astype(dtype)
    except OverflowError:
        array = np.array([np.inf])
    lost = [item for item in flat if abs(item) > 3.4e38 and abs(item) != math.inf] if np.isinf(array).any() else []
    if lost:
        raise _bad(f"Cannot convert JSON value: {_shown(lost[0])} to {_type_name(dtype)} without loss of precision.")
    return array


def _flatten(value: Any, shape: tuple[int, ...]) -> list | None:
    """The leaves of nested lists of this shape, or None where the lists have another."""
    level = [value]
    for size in shape:
        if any(map(_is_no_list, level)) or set(map(len, level)) - {size}:
            return None
        level = list(itertools.chain.from_iterable(level))
    return None if list in set(map(type, level)) else level


def _is_no_list(value: Any) -> bool:
    return type(value) is not list


def _explain(value: Any, level: int, shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Raises what is wrong with nested lists, at the first place where it shows."""
    _check_level(value, level, shape)
    if isinstance(value, list):
        for item in value:
            _explain(item, level + 1, shape, dtype)
        return
    if type(value) not in ({str, dict} if dtype.kind == "O" else _KINDS.get(dtype.kind, set())):
        raise _wrong_type(value, dtype)


def _check_level(value: Any, level: int, shape: tuple[int, ...]) -> None:
    if not isinstance(value, list):
        if level != len(shape):
            raise _bad(
                f"JSON Value: {_shown(value)} found at incorrect level: {level + 1} in the JSON DOM. "
                f"Expected at level: {len(shape)}"
            )
    elif level >= len(shape):
        raise _bad(f"Encountered list at unexpected level: {level} expected < {len(shape)}")
    elif len(value) != shape[level]:
        raise _bad(f"Encountered list at unexpected size: {len(value)} at level: {level} expected size: {shape[level]}")


def _shape(value: Any) -> tuple[int, ...]:
    """Of nested lists, as their first elements have it."""
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        value = value[0] if value else None
    return tuple(shape)


def _example(value: Any) -> tf.train.Example:
    if not isinstance(value, dict):
        raise _bad(f"Example must be JSON object but got JSON {_json_type(value)}")
    example = tf.train.Example()
    for name, content in value.items():
        feature = example.features.feature[name]
        for item in content if isinstance(content, list) else [content]:
            _add(feature, name, item)
    return example


def _add(feature: tf.train.Feature, name: str, value: Any) -> None:
    kind: str
    item: bytes | float
    if isinstance(value, (str, dict)) and (isinstance(value, str) or not _is_named(value)):
        kind, item = "bytes_list", value.encode() if isinstance(value, str) else _decoded(value)
    elif isinstance(value, float):
        kind, item = "float_list", value
    elif isinstance(value, int):
        kind, item = "int64_list", int(value)
    else:
        raise _bad(f"Feature: {name} has element with unexpected JSON type: {_json_type(value)}")
    present = feature.WhichOneof("kind")
    if present not in (None, kind):
        raise _bad(f"Unexpected element type in feature: {name} expecting type: {present.removesuffix('_list')}")
    try:
        getattr(feature, kind).value.append(item)
    except ValueError:
        raise _bad(f"Feature: {name} has uint64 element. Only int64 is supported.") from None


def _plain(name: str, array: np.ndarray) -> Any:
    """Nested lists of what JSON knows; bytes in base64 where the name says so."""
    if array.dtype.kind == "O":
        flat = [_bytes_value(name, item) for item in array.ravel().tolist()]
        return _nested(flat, array.shape)
    if array.dtype == np.float32:
        # By way of the shortest decimal number that is this float32, so that 0.1 is not written as 0.10000000149.
        return array.astype(str).astype(np.float64).tolist()
    return array.tolist()


def _nested(flat: list, shape: tuple[int, ...]) -> Any:
    boxes = np.empty(len(flat), object)
    boxes[:] = flat
    return boxes.reshape(shape).tolist()


def _bytes_value(name: str, item: bytes) -> Any:
    if name.endswith("_bytes"):
        return {"b64": base64.b64encode(item).decode()}
    return item.decode(errors="replace")


def _is_named(value: Any) -> bool:
    """Whether a value is an object, and not bytes in base64."""
    return isinstance(value, dict) and not (list(value) == ["b64"] and isinstance(value["b64"], str))


def _decoded(value: dict) -> bytes:
    if _is_named(value):
        raise _bad(f"JSON Value: {_shown(value)} not formatted correctly for base64 data")
    try:
        return base64.b64decode(value["b64"], validate=True)
    except (binascii.Error, ValueError):
        raise _bad("Unable to base64 decode") from None


def _wrong_type(value: Any, dtype: np.dtype) -> ServingError:
    return _bad(f"JSON Value: {_shown(value)} Type: {_json_type(value)} is not of expected type: {_type_name(dtype)}")


def _type_name(dtype: np.dtype) -> str:
    return {"float32": "float", "float64": "double", "object": "string"}.get(dtype.name, dtype.name)


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "True" if value else "False"
    names = {dict: "Object", list: "Array", str: "String", type(None): "Null"}
    return names.get(type(value), "Number")


def _shown(value: Any, limit: int = 300) -> str:
    text = json.dumps(value)
    return text if len(text) <= limit else text[:limit] + "..."


def _bad(message: str) -> ServingError:
    return ServingError(Code.INVALID_ARGUMENT, message)
