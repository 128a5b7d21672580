"""What an export is made from, and what it is made into."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfcollide.models.classifier import Classifier, Tap

__all__ = ["Parts", "Subject"]


class Subject(NamedTuple):
    """A finished run, as far as an export needs it.

    Attributes:
        classifier: the network, frozen.
        tap: where features were compared.
        corners: `[N, H, W, C]` float32.
        convex_weights: `[S, N]`, those that the run checked.
        target: `[H, W, C]` float32.
        stop_loss: what every active_match has to stay below.
        material: what else the export has read of the run, such as a composite's patches.
    """

    classifier: Classifier
    tap: Tap
    corners: np.ndarray
    convex_weights: np.ndarray
    target: np.ndarray
    stop_loss: float
    material: Any = None


class Parts(NamedTuple):
    """A SavedModel before it is written.

    Attributes:
        module: owns every variable that the signatures read.
        signatures: name -> function of named tensors that returns named tensors.
        examples: signature -> input -> a representative value; they become warm-up requests.
        classify: signatures in TF Serving's tf.Example form.
    """

    module: tf.Module
    signatures: Mapping[str, tf.types.experimental.ConcreteFunction]
    examples: Mapping[str, Mapping[str, np.ndarray]]
    classify: tuple[str, ...] = ()
