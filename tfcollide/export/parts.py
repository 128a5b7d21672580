"""What an export is made from, and what it is made into."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfcollide.models.classifier import Classifier, Tap
from tfcollide.parameterizations.composite.saved import SavedComposite

__all__ = ["Parts", "Subject"]


class Subject(NamedTuple):
    """A finished run, as far as an export needs it.

    Attributes:
        classifier: the network, frozen.
        tap: where features were compared.
        corners: `[N, H, W, C]` float32.
        weights: `[S, N]` convex weights that the run checked.
        target: `[H, W, C]` float32.
        stop_loss: what every active_match has to stay below.
        composite: what the corners are made of, where they are composites and that is asked for.
    """

    classifier: Classifier
    tap: Tap
    corners: np.ndarray
    weights: np.ndarray
    target: np.ndarray
    stop_loss: float
    composite: SavedComposite | None = None


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
