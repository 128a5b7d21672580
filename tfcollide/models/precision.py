"""Mixed precision for a network that was saved in float32."""

import keras

from tfcollide.models.keras_private import layers_within

__all__ = ["set_precision"]


def set_precision(model: keras.Model, name: str) -> None:
    """Lets the layers of a Keras model compute in 16 bits; weights stay float32.

    Args:
        model: changed in place; the graph of a SavedModel is left as it is.
        name: "float32", "mixed_bfloat16" or "mixed_float16", as of `keras.DTypePolicy`.
    """
    if name == "float32" or not isinstance(model, keras.Model):
        return
    policy = keras.DTypePolicy(name)
    for layer in layers_within(model, include_self=False):
        if not isinstance(layer, (keras.layers.InputLayer, keras.layers.Normalization, keras.layers.Rescaling)):
            layer.dtype_policy = policy  # preprocessing keeps all bits of the pixels
