"""Where in a graph the logits are; margins need them, and a softmax hides them."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfcollide.errors import RequestError
from tfcollide.models.rectifier import is_softmax
from tfcollide.models.replicas import AnyGraph

__all__ = ["Logits", "find_logits"]

_PROBES = 4


class Logits(NamedTuple):
    """How the logits are read from a graph.

    Attributes:
        value: the number of the value that they are made of.
        finish: from that value to logits `[N, L]` float32.
        classes: L.
    """

    value: int
    finish: Callable[[tf.Tensor], tf.Tensor]
    classes: int


def find_logits(graph: AnyGraph, name: str, image_shape: tuple[int, ...], bounds: tuple[float, float]) -> Logits:
    """What a final softmax reads; the output itself where there is none.

    An output that is made some other way, yet is never negative and sums to one on
    random images, is taken for probabilities: their logarithms are logits up to a
    constant, which no margin and no softmax depends on.

    Args:
        graph: of the classifier.
        name: of the classifier, for messages.
        image_shape: `(H, W, C)`.
        bounds: of the pixels.

    Raises:
        RequestError: the output is not one vector of at least two numbers an image.
    """
    last = graph.giver(graph.result)
    shape = tuple(last.shape if last else ())
    sizes = [size for size in shape if size != 1]
    if len(sizes) != 1 or sizes[0] is None:
        raise RequestError(f"model {name} with outputs of shape {shape}", "one logit or probability a class, two or more")
    if last and is_softmax(last.operation):
        return Logits(last.reads[0], _flat, sizes[0])
    probes = np.random.default_rng(0).uniform(*bounds, [_PROBES, *image_shape]).astype(np.float32)
    values = _flat(*graph.run({graph.source: tf.constant(probes)}, graph.result)).numpy()
    if values.min() >= 0 and np.abs(values.sum(axis=1) - 1).max() < 1e-3:
        return Logits(graph.result, _log, sizes[0])
    return Logits(graph.result, _flat, sizes[0])


def _flat(values: tf.Tensor) -> tf.Tensor:
    """`[N, L]` float32 of `[N, 1, 1, L]` in any precision."""
    values = tf.cast(values, tf.float32)
    return values if len(values.shape) == 2 else tf.reshape(values, [tf.shape(values)[0], max(values.shape[1:])])


def _log(values: tf.Tensor) -> tf.Tensor:
    return tf.math.log(tf.maximum(_flat(values), np.finfo(np.float32).tiny))
