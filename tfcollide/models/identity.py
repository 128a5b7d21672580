"""What a network is, in a few bytes: two of one identity compute the same."""

import hashlib

import keras
import numpy as np

from tfcollide.models.classifier import Classifier
from tfcollide.models.keras_private import functional_of
from tfcollide.models.saved_model import FrozenGraph

__all__ = ["identity_of"]


def identity_of(classifier: Classifier) -> str | None:
    """A hash of the configuration and of every weight, and of how the network is read.

    Args:
        classifier: the network.

    Returns:
        The SHA-256, as text; None where part of the network is code that its configuration does not hold.
    """
    model, digest = classifier.model, hashlib.sha256()
    if isinstance(model, FrozenGraph):
        digest.update(model.serialized)
    elif _is_told(model):
        digest.update(model.to_json().encode())
        for weight in model.weights:
            value = np.ascontiguousarray(weight)
            digest.update(f"{value.dtype.str} {value.shape};".encode())
            digest.update(value.data if value.dtype.kind in "fiu" else value.tobytes())
    else:
        return None
    how = (classifier.image_shape, tuple(classifier.bounds), tuple(classifier.reading), classifier.outputs)
    digest.update(repr(how).encode())
    return digest.hexdigest()


def _is_told(model: keras.Model) -> bool:
    """Whether the configuration says all: a functional or sequential model of Keras's own layers."""
    if functional_of(model) is None:
        return False
    return all(
        type(layer).__module__.partition(".")[0] == "keras"
        and type(layer).__name__ != "Lambda"
        and (not isinstance(layer, keras.Model) or _is_told(layer))
        for layer in model.layers
    )
