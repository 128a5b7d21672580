"""Examples of JSON as serialized tf.Examples."""

import functools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tfcollide.runtime.quiet import import_tensorflow
from tfcollide.serving.local.json_arrays import too_large
from tfcollide.serving.local.json_values import bad, is_named, json_type, shown, to_bytes

if TYPE_CHECKING:
    import tensorflow as tf

__all__ = ["to_example"]

_MOST = float(np.finfo(np.float32).max)


def to_example(value: object) -> bytes:
    """A serialized tf.Example."""
    if not isinstance(value, dict):
        raise bad(f"An example must be a JSON object, not {json_type(value)}")
    example = _example_type()()
    for name, content in value.items():
        try:
            feature = example.features.feature[name]
        except UnicodeEncodeError:
            raise bad(f"Feature {shown(name)}: its name is not UTF-8") from None
        for item in content if isinstance(content, list) else [content]:
            _add(feature, name, item)
    return example.SerializeToString()


@functools.cache
def _example_type() -> Any:
    import_tensorflow()  # which a process that reads large requests does without otherwise
    import tensorflow as tf

    return tf.train.Example


def _add(feature: "tf.train.Feature", name: str, value: object) -> None:
    kind: str
    item: bytes | float
    if isinstance(value, (str, dict)) and (isinstance(value, str) or not is_named(value)):
        kind, item = "bytes_list", to_bytes(value)
    elif isinstance(value, float):
        if _MOST < abs(value) < math.inf:
            raise too_large(value, np.dtype(np.float32))
        kind, item = "float_list", value
    elif isinstance(value, int):
        kind, item = "int64_list", int(value)
    else:
        raise bad(f"Feature {name}: expected strings, numbers or bytes, not {json_type(value)}")
    present = feature.WhichOneof("kind")
    if present not in (None, kind):
        raise bad(f"Feature {name}: expected all of one type, {present.removesuffix('_list')} as the first")
    try:
        getattr(feature, kind).value.append(item)
    except ValueError:
        raise bad(f"Feature {name}: {value} is too large for int64") from None
