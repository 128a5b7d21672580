"""A network on several devices: each holds the weights and computes its share of the rows.

A row is an image, or a value within the network that belongs to one. Which rows come
together makes no difference to them but rounding, so rows are split evenly, whether
they are corners, mixtures or whole pairs.
"""

from collections.abc import Callable, Mapping

import tensorflow as tf

from tfcollide.models.fixed_batch import GroupedGraph
from tfcollide.models.graph import Call, Graph
from tfcollide.models.saved_model import FrozenGraph

__all__ = ["AnyGraph", "SplitGraph", "split_rows"]

Rows = tuple[tf.Tensor, ...]


class SplitGraph:
    """What `graph` is, its work split among the devices of a strategy.

    Args:
        graph: whose variables were made under `strategy.scope()`, or which has none.
        strategy: a mirrored one.

    Attributes:
        calls, source, result, entry: those of `graph`.
    """

    def __init__(self, graph: Graph | FrozenGraph | GroupedGraph, strategy: tf.distribute.Strategy):
        self._graph, self._strategy = graph, strategy
        self.calls, self.source, self.result, self.entry = graph.calls, graph.source, graph.result, graph.entry

    def run(self, known: Mapping[int, tf.Tensor], *wanted: int) -> list[tf.Tensor]:
        """As `Graph.run`; without `tf.function`, where a single look is not worth the trouble, on one device."""
        if tf.executing_eagerly():
            return self._graph.run(known, *wanted)
        numbers = list(known)

        def values(*rows: tf.Tensor) -> Rows:
            return tuple(self._graph.run(dict(zip(numbers, rows, strict=True)), *wanted))

        return list(split_rows(values, self._strategy)(*known.values()))

    def giver(self, number: int) -> Call | None:
        """As `Graph.giver`."""
        return self._graph.giver(number)

    def decides(self, number: int) -> bool:
        """As `Graph.decides`."""
        return self._graph.decides(number)


AnyGraph = Graph | FrozenGraph | GroupedGraph | SplitGraph


def split_rows(function: Callable[..., Rows], strategy: tf.distribute.Strategy) -> Callable[..., Rows]:
    """`function` with its rows split evenly among the devices of a strategy; for use in a `tf.function`.

    Differentiable once, in its arguments alone: each device keeps what its share of the
    backward pass needs, so nothing is computed again.

    Args:
        function: from tensors `[n, ...]` to tensors `[n, ...]`, row by row.
        strategy: a mirrored one, of R devices. Where they do not divide n, the last row is
            computed more than once.
    """
    shares = strategy.num_replicas_in_sync

    def on_each(work: Callable[[int], Rows]) -> list[tf.Tensor]:
        """What the devices give, put together: `work` goes from the number of a device to its rows."""
        found = strategy.run(lambda: work(_device()))
        return [tf.concat(strategy.experimental_local_results(value), 0) for value in found]

    @tf.custom_gradient
    def split(*whole: tf.Tensor) -> tuple[Rows, Callable[..., list[tf.Tensor]]]:
        count = tf.shape(whole[0])[0]
        padded = shares * -(-count // shares)
        own = list(zip(*(tf.split(_repeat_last(rows, padded), shares) for rows in whole), strict=True))
        kept: dict[int, tuple[tf.GradientTape, Rows]] = {}

        def forward(device: int) -> Rows:
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(own[device])
                kept[device] = tape, function(*own[device])
            return kept[device][1]

        def backward(*upstream: tf.Tensor) -> list[tf.Tensor]:
            slopes = list(zip(*(tf.split(_append_zeros(rows, padded), shares) for rows in upstream), strict=True))

            def share(device: int) -> Rows:
                tape, values = kept[device]
                return tuple(tape.gradient(values, own[device], slopes[device], unconnected_gradients="zero"))

            return [_like(rows, of) for rows, of in zip(on_each(share), whole, strict=True)]

        return tuple(rows[:count] for rows in on_each(forward)), backward

    def run(*whole: tf.Tensor) -> Rows:
        found = split(*whole)
        for value in found:
            value.set_shape([whole[0].shape[0], *value.shape[1:]])
        return found

    return run


def _device() -> int:
    """The number of the device for which a strategy is tracing."""
    context = tf.distribute.get_replica_context()
    return int(tf.get_static_value(context.replica_id_in_sync_group))


def _repeat_last(rows: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
    return tf.gather(rows, tf.minimum(tf.range(length), tf.shape(rows)[0] - 1))


def _append_zeros(rows: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
    missing = length - tf.shape(rows)[0]
    return tf.concat([rows, tf.zeros([missing, *rows.shape[1:]], rows.dtype)], 0)


def _like(rows: tf.Tensor, of: tf.Tensor) -> tf.Tensor:
    """The first of `rows`, as many as `of` has."""
    return tf.ensure_shape(rows[: tf.shape(of)[0]], of.shape)
