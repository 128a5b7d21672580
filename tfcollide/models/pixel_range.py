"""Which pixel values a network reads: told from its first layers, or tried."""

from typing import Any

import keras
import numpy as np

from tfcollide.images import from_uint8
from tfcollide.models.classifier import Classifier
from tfcollide.shapes import Bounds

__all__ = ["PHOTO", "UNIT", "range_by_trial", "range_of_layers"]

PHOTO, UNIT = Bounds(0.0, 255.0), Bounds(0.0, 1.0)
_SHRINKS = 1 / 16
_LOOK_AT = 4


def range_of_layers(classifier: Classifier) -> Bounds | None:
    """The range that the first layers speak of; None where they do not.

    Rescaling by less than 1/16, or Normalization by a mean above 2, is for 0..255; by anything
    else it is for 0..1.
    """
    return next((found for layer in classifier.first_layers[:_LOOK_AT] if (found := _range_of(layer))), None)


def range_by_trial(classifier: Classifier, images: np.ndarray, labels: np.ndarray) -> Bounds:
    """Of 0..255 and 0..1 the one in which the classifier gets more `images` `[n, H, W, C]` uint8 right; in doubt 0..255."""
    right = [(classifier.judge(from_uint8(images, bounds)).predicted == labels).sum() for bounds in (PHOTO, UNIT)]
    return UNIT if right[1] > right[0] else PHOTO


def _range_of(layer: Any) -> Bounds | None:
    if isinstance(layer, keras.layers.Rescaling):
        return PHOTO if float(np.max(np.abs(layer.scale))) < _SHRINKS or float(np.max(np.abs(layer.offset))) > 2 else UNIT
    if isinstance(layer, keras.layers.Normalization):
        return PHOTO if float(np.max(np.abs(np.asarray(layer.mean)))) > 2 else UNIT
    return None
