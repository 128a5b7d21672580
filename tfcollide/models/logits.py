"""Where in a graph the logits are; margins need them, and a softmax or sigmoid hides them."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfcollide.errors import RequestError
from tfcollide.models.graph import Call
from tfcollide.models.outputs import End, Meaning, meaning_of
from tfcollide.models.reading import Reading
from tfcollide.models.rectifier import is_sigmoid, is_softmax
from tfcollide.models.replicas import AnyGraph
from tfcollide.models.saved_loss import SavedLoss

__all__ = ["Logits", "find_logits"]

_PROBES = 4


class Logits(NamedTuple):
    """How the logits are read from a graph.

    Attributes:
        value: the number of the value that they are made of.
        finish: from that value to logits `[N, L]` float32.
        reading: how they are read.
        kind: what the outputs are, one of `outputs.OUTPUTS`, not "auto".
        plain: whether logits are that value as it is, but for a constant 0 in front of a single one.
        doubt: see `outputs.Meaning`.
    """

    value: int
    finish: Callable[[tf.Tensor], tf.Tensor]
    reading: Reading
    kind: str
    plain: bool
    doubt: str | None = None


def find_logits(
    graph: AnyGraph,
    name: str,
    image_shape: tuple[int, ...],
    bounds: tuple[float, float],
    outputs: str = "auto",
    loss: SavedLoss | None = None,
) -> Logits:
    """What a final softmax or sigmoid reads; the output itself where there is none.

    Outputs that are probabilities some other way become their logarithms, or for labels
    their log-odds; one output z that tells two classes apart becomes [0, z].

    Args:
        graph: of the classifier.
        name: of the classifier, for messages.
        image_shape: `(H, W, C)`.
        bounds: of the pixels.
        outputs: what they are, one of `outputs.OUTPUTS`.
        loss: that the network was trained with, where its file says so.

    Raises:
        RequestError: the output is not one vector, or nothing tells what it is; see `outputs.meaning_of`.
    """
    last = graph.giver(graph.result)
    shape = tuple(last.shape if last else ())
    sizes = [size for size in shape if size != 1] or [1]
    if not shape or len(sizes) != 1 or sizes[0] is None:
        raise RequestError(f"model {name} with outputs of shape {shape}", "one logit or probability a class, two or more")
    activation, count = _activation(last), sizes[0]

    def probe() -> np.ndarray:
        probes = np.random.default_rng(0).uniform(*bounds, [_PROBES, *image_shape]).astype(np.float32)
        return _flat(*graph.run({graph.source: tf.constant(probes)}, graph.result)).numpy()

    meaning = meaning_of(outputs, End(name, activation, count, probe), loss)
    value = last.reads[0] if last and activation else graph.result
    finish = _finish(meaning, activation)
    reading = Reading(2 if meaning.kind == "binary" else count, meaning.kind == "multilabel")
    shown = _after_zero(finish) if meaning.kind == "binary" else finish
    return Logits(value, shown, reading, meaning.kind, finish is _flat, meaning.doubt)


def _finish(meaning: Meaning, activation: str) -> Callable[[tf.Tensor], tf.Tensor]:
    """From what the last activation reads, or the output where it has none, to one logit for each output."""
    one_of_several = meaning.kind == "probabilities"
    if activation == "sigmoid" and one_of_several:
        return _log_sigmoid
    if activation or not meaning.chances:
        return _flat
    return _log if one_of_several else _log_odds


def _activation(last: Call | None) -> str:
    if last is None:
        return ""
    return "softmax" if is_softmax(last.operation) else "sigmoid" if is_sigmoid(last.operation) else ""


def _flat(values: tf.Tensor) -> tf.Tensor:
    """`[N, L]` float32 of `[N, 1, 1, L]` in any precision."""
    values = tf.cast(values, tf.float32)
    return values if len(values.shape) == 2 else tf.reshape(values, [tf.shape(values)[0], max(values.shape[1:])])


def _log(values: tf.Tensor) -> tf.Tensor:
    return tf.math.log(tf.maximum(_flat(values), np.finfo(np.float32).tiny))


def _log_sigmoid(values: tf.Tensor) -> tf.Tensor:
    return tf.math.log_sigmoid(_flat(values))


def _log_odds(values: tf.Tensor) -> tf.Tensor:
    return _log(values) - _log(1.0 - _flat(values))


def _after_zero(finish: Callable[[tf.Tensor], tf.Tensor]) -> Callable[[tf.Tensor], tf.Tensor]:
    def both(values: tf.Tensor) -> tf.Tensor:
        found = finish(values)
        return tf.concat([tf.zeros_like(found), found], axis=1)

    return both
