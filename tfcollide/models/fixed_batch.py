"""A network that reads a fixed number of images at a time: rows go through it in groups of as many."""

from collections.abc import Mapping

import tensorflow as tf

from tfcollide.errors import RequestError
from tfcollide.models.graph import Call, Graph
from tfcollide.models.saved_model import FrozenGraph
from tfcollide.shapes import ImageShape

__all__ = ["GroupedGraph", "for_any_batch"]

_ESCAPE = "\x1b[1m"  # before what went wrong, in what Keras says


def for_any_batch(graph: Graph | FrozenGraph, image_shape: ImageShape, name: str) -> "Graph | FrozenGraph | GroupedGraph":
    """`graph`, or where it reads a fixed number of images at a time, one that reads any number.

    It is tried, as a network may say that it reads any number, and yet have shapes within of the one
    that it was made with, or layers that do not fit.

    Raises:
        RequestError: the network cannot compute at all.
    """
    size, failure = graph.batch_size, None
    for count in (size,) if size else (2, 1):
        failure = _failure(graph, count, image_shape)
        if failure is None:
            return GroupedGraph(graph, count) if size or count == 1 else graph
    raise RequestError(f"model {name}, which cannot compute ({failure})", f"a network of images {image_shape}")


def _failure(graph: Graph | FrozenGraph, count: int, image_shape: ImageShape) -> str | None:
    """What is said where the network cannot compute so many images; None where it can."""
    try:
        graph.run({graph.source: tf.zeros([count, *image_shape])}, graph.result)
    except Exception as error:  # its layers may raise anything
        plain = [line for line in str(error).splitlines() if line.strip() and not line[0].isspace()]
        said = next((line for line in plain if line.startswith(_ESCAPE)), plain[-1] if plain else type(error).__name__)
        return said.replace(_ESCAPE, "").replace("\x1b[0m", "")[:200]
    return None


class GroupedGraph:
    """What `graph` is, for any number of rows.

    Args:
        graph: which computes `size` rows at a time, and no other number.
        size: of a batch. The last group is filled up with copies of the last row.

    Attributes:
        calls, source, result, entry: those of `graph`.
    """

    def __init__(self, graph: Graph | FrozenGraph, size: int):
        self._graph, self._size = graph, size
        self.calls, self.source, self.result, self.entry = graph.calls, graph.source, graph.result, graph.entry

    def run(self, known: Mapping[int, tf.Tensor], *wanted: int) -> list[tf.Tensor]:
        """As `Graph.run`; values are float32 whatever the network's precision."""
        count = tf.shape(next(iter(known.values())))[0]
        groups = -(-count // self._size)
        missing = groups * self._size - count
        parts = tuple(self._grouped(rows, missing) for rows in known.values())

        def compute(group: tuple[tf.Tensor, ...]) -> tuple[tf.Tensor, ...]:
            values = self._graph.run(dict(zip(known, group, strict=True)), *wanted)
            return tuple(tf.cast(value, tf.float32) for value in values)

        found = tf.map_fn(compute, parts, fn_output_signature=(tf.float32,) * len(wanted))
        return [_ungrouped(value)[:count] for value in found]

    def giver(self, number: int) -> Call | None:
        """As `Graph.giver`."""
        return self._graph.giver(number)

    def decides(self, number: int) -> bool:
        """As `Graph.decides`."""
        return self._graph.decides(number)

    def _grouped(self, rows: tf.Tensor, missing: tf.Tensor) -> tf.Tensor:
        """`[groups, size, ...]`, filled up."""
        whole = tf.concat([rows, tf.repeat(rows[-1:], missing, axis=0)], 0)
        return tf.reshape(whole, [-1, self._size, *rows.shape[1:]])


def _ungrouped(value: tf.Tensor) -> tf.Tensor:
    """`[groups, size, ...]` as rows."""
    inner = [tf.shape(value)[2 + i] if n is None else n for i, n in enumerate(value.shape[2:])]
    return tf.reshape(value, [-1, *inner])
