"""Names of layers that Keras takes and TensorFlow's scopes do not: "_fc1", "fc 1", other alphabets."""

import functools
import re
from typing import Any

import keras

__all__ = ["open_valid_scopes"]

_VALID = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*")


def open_valid_scopes(model: Any) -> None:
    """Lets a layer with such a name compute in a scope whose name TensorFlow takes; its own name stays.

    Args:
        model: whose layers are changed, those within layers too.
    """
    for layer in model._flatten_layers():
        if not _VALID.fullmatch(layer.name):
            scope = "layer_" + re.sub(r"[^A-Za-z0-9_.-]", "_", layer.name)
            # Past Keras, which keeps a list of what is set on a layer.
            object.__setattr__(layer, "_open_name_scope", functools.partial(keras.name_scope, scope))
