"""Names of layers that Keras takes and TensorFlow's scopes do not: "_fc1", "fc 1", other alphabets."""

import re
from typing import TYPE_CHECKING

from tfcollide.models.keras_private import layers_within, set_scope

if TYPE_CHECKING:
    import keras

__all__ = ["open_valid_scopes"]

_VALID = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*")


def open_valid_scopes(model: "keras.Model") -> None:
    """Lets a layer with such a name compute in a scope whose name TensorFlow takes; its own name stays.

    Args:
        model: whose layers are changed, those within layers too.
    """
    for layer in layers_within(model):
        if not _VALID.fullmatch(layer.name):
            scope = "layer_" + re.sub(r"[^A-Za-z0-9_.-]", "_", layer.name)
            set_scope(layer, scope)
