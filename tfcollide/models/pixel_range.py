"""Which pixel values a network reads, told from its first layers."""

from typing import Any

import keras
import numpy as np

from tfcollide.models.graph import Graph
from tfcollide.shapes import Bounds

__all__ = ["guess_bounds"]

_PHOTO, _UNIT = Bounds(0.0, 255.0), Bounds(0.0, 1.0)
_SHRINKS = 1 / 16
_LOOK_AT = 6


def guess_bounds(graph: Graph) -> Bounds:
    """0..255 where one of the first layers makes pixels smaller by more than 16 or has a mean above 2; else 0..1."""
    return _PHOTO if any(_expects_bytes(call.operation) for call in graph.calls[:_LOOK_AT]) else _UNIT


def _expects_bytes(layer: Any) -> bool:
    if isinstance(layer, keras.layers.Rescaling):
        return float(np.max(np.abs(layer.scale))) < _SHRINKS or float(np.max(np.abs(layer.offset))) > 2
    if isinstance(layer, keras.layers.Normalization):
        return float(np.max(np.abs(np.asarray(layer.mean)))) > 2
    return False
