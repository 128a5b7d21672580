"""Requests and answers in JSON, as TF Serving's REST API has them."""

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tfcollide.serving.codes import ServingError
from tfcollide.serving.local.json_arrays import nested_lists, to_array
from tfcollide.serving.local.json_examples import to_example
from tfcollide.serving.local.json_values import bad, is_named, shown

__all__ = ["InputTypes", "parse_classify", "parse_predict", "write_classify", "write_predict"]

InputTypes = Mapping[str, Mapping[str, np.dtype]]
"""Signature -> input -> NumPy's type; strings are objects."""

_MAY_OVERFLOW = re.compile(rb"\d{300}|[eE]\+?\d{3}")


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
        raise bad(f'No signature "{name}": expected one of {", ".join(sorted(types))}')
    if "instances" in request and "inputs" in request:
        raise bad(f"{shown(request)}: expected either 'inputs' or 'instances', not both")
    if "instances" in request:
        return name, _rows(request, types[name]), True
    if "inputs" in request:
        return name, _columns(request["inputs"], types[name]), False
    raise bad("The request has neither 'inputs' nor 'instances'")


def write_predict(outputs: Mapping[str, np.ndarray], *, rows: bool) -> str:
    """The answer to a request of the row or the column format."""
    return json.dumps(_predict_outputs(outputs, rows=rows))


def parse_classify(body: bytes) -> tuple[str, list[bytes]]:
    """The signature that a request names, "" where it names none, and its serialized tf.Examples.

    The features of a request's context go into each.
    """
    request = _parse_object(body)
    name = _signature_name(request)
    context = to_example(request["context"]) if "context" in request else b""
    examples = request.get("examples")
    if "examples" not in request:
        raise bad(f"{shown(request)}: a classify request needs the key 'examples'")
    if not isinstance(examples, list):
        raise bad(f"{shown(request)}: 'examples' must be a list")
    if not examples:
        raise bad(f"{shown(request)}: 'examples' is empty")
    return name, [context + to_example(example) for example in examples]


def write_classify(results: list[list[tuple[str | None, float | None]]]) -> str:
    """The answer to a classify request."""
    return json.dumps({"results": [[[label or "", score or 0.0] for label, score in result] for result in results]})


def _parse_object(body: bytes) -> dict[str, Any]:
    """The JSON object of a request; NaN and Infinity are numbers here, as in TF Serving."""
    if not body:
        raise bad("The body is empty: expected a JSON object")
    try:
        # A function for every number makes it slow, so it is given only where some number may be too large.
        value = json.loads(body, parse_float=_finite if _MAY_OVERFLOW.search(body) else None)
    except json.JSONDecodeError as error:
        raise bad(f"The body is not JSON: {error.msg} at offset {error.pos}") from None
    except (UnicodeDecodeError, RecursionError, ValueError, OverflowError) as error:
        raise bad(f"The body is not JSON that can be read ({type(error).__name__})") from None
    if not isinstance(value, dict):
        raise bad(f"{shown(value)}: expected a JSON object")
    return value


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise bad(f"{text[:40]}: the number is too large for float64")
    return value


def _signature_name(request: Mapping[str, object]) -> str:
    """The signature that a request names; "" where it names none."""
    name = request.get("signature_name", "")
    if not isinstance(name, str):
        raise bad(f"{shown(request)}: 'signature_name' must be a string")
    return name


def _predict_outputs(outputs: Mapping[str, np.ndarray], *, rows: bool) -> dict[str, Any]:
    """The answer to a request of the row or the column format."""
    values = {name: nested_lists(name, array) for name, array in outputs.items()}
    if not rows:
        return {"outputs": values if len(values) > 1 else next(iter(values.values()))}
    sizes = {name: len(value) if isinstance(value, list) else None for name, value in values.items()}
    for name, size in sizes.items():
        if size is None:
            raise bad(f"Output {name} is a single number and has no rows: ask in the column format ('inputs')")
        if size != next(iter(sizes.values())):
            expected = next(iter(sizes.values()))
            raise bad(f"Output {name} has {size} rows where others have {expected}: ask in the column format ('inputs')")
    if len(values) == 1:
        return {"predictions": next(iter(values.values()))}
    return {"predictions": [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]}


def _rows(request: Mapping[str, object], types: Mapping[str, np.dtype]) -> dict[str, np.ndarray]:
    instances = request["instances"]
    if not isinstance(instances, list):
        raise bad(f"{shown(request)}: 'instances' must be a list")
    if not instances:
        raise bad(f"{shown(request)}: 'instances' is empty")
    if not is_named(instances[0]):
        if len(types) > 1:
            raise bad(f"'instances' must be a list of objects, as there are several inputs: {', '.join(sorted(types))}")
        for i, item in enumerate(instances):
            if is_named(item):
                raise bad(f"Element {i} of 'instances' is an object where the first is none")
        (name,) = types
        return {name: _row_array(instances, types[name], lambda i: f"Element {i}")}
    for i, item in enumerate(instances):
        if not is_named(item):
            raise bad(f"Element {i} of 'instances' is no object where the first is one")
        for name in item:
            if name not in types:
                raise bad(f"Element {i} of 'instances': no input is named {name}, expected {', '.join(sorted(types))}")
        if set(item) != set(types):
            raise bad(f"Element {i} of 'instances': {shown(item)} must have the keys {', '.join(sorted(types))}")
    return {
        name: _row_array([item[name] for item in instances], dtype, lambda i, name=name: f"Element {i}, input {name},")
        for name, dtype in types.items()
    }


def _row_array(values: list, dtype: np.dtype, place: Callable[..., str]) -> np.ndarray:
    """All rows at once; where that fails, one by one, to say which is wrong."""
    try:
        return to_array(values, dtype)
    except ServingError:
        first: tuple[int, ...] | None = None
        for i, value in enumerate(values):
            try:
                shape = to_array(value, dtype).shape
            except ServingError as error:
                raise bad(f"{place(i)} of 'instances': {error.message}") from None
            if first is not None and shape != first:
                raise bad(f"{place(i)} of 'instances' has the shape {list(shape)}, the first {list(first)}") from None
            first = shape
        raise


def _columns(value: object, types: Mapping[str, np.dtype]) -> dict[str, np.ndarray]:
    if not is_named(value):
        if len(types) > 1:
            raise bad(f"'inputs' must be an object, as there are several inputs: {', '.join(sorted(types))}")
        (name,) = types
        return {name: to_array(value, types[name])}
    for name in types:
        if name not in value:
            raise bad(f"'inputs' lacks the input {name}")
    return {name: to_array(value[name], dtype) for name, dtype in types.items()}
