"""A classifier as the steps from the image to its logits, for proofs: no matrices, branches and all."""

import functools
import math
from collections import Counter
from typing import Any, NamedTuple

import keras
import numpy as np

from tfcollide.models.affine_layers import obstacle, passes_through
from tfcollide.models.dense_chain import Unreadable
from tfcollide.models.graph import Call, Graph
from tfcollide.models.rectifier import rectifier_of
from tfcollide.polytope.proof.linear_layers import JOINING, LINEAR, linear_steps
from tfcollide.polytope.proof.steps import Hinge, Linear, MaxPool, Node

__all__ = ["Network", "read_network"]


class Network(NamedTuple):
    """The steps of a classifier.

    Attributes:
        nodes: in an order in which they can be made; the images are value `source`.
        source: the number of the images.
        result: the number of the logits, or of the single one that tells two classes apart.
        shape: `(H, W, C)`, or as the network reads images.
        logits: how many.
        after_zero: whether the logits are [0, z].
    """

    nodes: tuple[Node, ...]
    source: int
    result: int
    shape: tuple[int, ...]
    logits: int
    after_zero: bool = False

    def rows(self, rows: np.ndarray) -> np.ndarray:
        """Combinations `[R, L]` of the logits as those of the value `result`."""
        return rows[:, 1:] if self.after_zero else rows


class _Refusal(Exception):
    """Ends the reading; its text is the reason."""


def read_network(graph: Graph, value: int, image_shape: tuple[int, ...], *, after_zero: bool = False) -> Network | Unreadable:
    """The steps from the images to the logits.

    Args:
        graph: of the classifier.
        value: the number of the value that holds the logits.
        image_shape: `(H, W, C)`.
        after_zero: whether the logits are [0, z], z that value.

    Returns:
        The network; or the reason why it cannot be bounded.
    """
    try:
        entry = graph.entry
        if entry.whole_numbers or entry.dtype.name != "float32":
            raise _Refusal(f"the network reads {entry.dtype.name}, so that it computes with rounded pixels")
        shape = image_shape if len(entry.shape) == 3 else tuple(n or 0 for n in entry.shape)
        found = _Reader({graph.source: shape}, _needed(graph, value))
        return Network(found.nodes, graph.source, found.at[value], shape, math.prod(found.shapes[found.at[value]]), after_zero)
    except _Refusal as refusal:
        return Unreadable(str(refusal))


def _needed(graph: Graph, value: int) -> list[Call]:
    """The calls that the logits depend on."""
    wanted, kept = {value}, []
    for call in reversed(graph.calls):
        if wanted & set(call.writes):
            kept.append(call)
            wanted |= set(call.reads)
    return kept[::-1]


class _Reader:
    """Goes through calls, and gathers nodes.

    Args:
        shapes: of the images, by their number.
        calls: of the network.

    Attributes:
        nodes: the steps.
        shapes: of the values, without the batch axis.
        at: the number of the value that holds what a call writes: what passes unchanged is not written again.
    """

    def __init__(self, shapes: dict[int, tuple[int, ...]], calls: list[Call]):
        self.shapes = dict(shapes)
        self.at = {number: number for number in shapes}
        self._uses = Counter(number for call in calls for number in call.reads)
        self._spare = 1 + max([0, *(n for call in calls for n in (*call.reads, *call.writes))])
        self._nodes: list[Node] = []
        for call in calls:
            self._read(call)
        self.nodes = tuple(self._nodes)

    def _read(self, call: Call) -> None:
        operation, reads = call.operation, tuple(self.at[number] for number in call.reads)
        name = call.name
        if isinstance(operation, keras.layers.Layer) and (reason := obstacle(operation)):
            raise _Refusal(f"{name} {reason}")
        steps = self._steps(call, [self.shapes[number] for number in reads])
        if not steps:
            self.at[call.writes[0]] = reads[0]
            return
        for step in steps:
            reads = (self._add(name, step, reads),)
        self.at[call.writes[0]] = reads[0]
        self._uses[reads[0]] = self._uses[call.writes[0]]

    def _add(self, name: str, step: Linear | Hinge | MaxPool, reads: tuple[int, ...]) -> int:
        last = self._nodes[-1] if self._nodes else None
        if isinstance(step, MaxPool) and last and isinstance(last.step, Hinge) and self._only(last, reads):
            # max(relu(x)) = relu(max(x)), and fewer ReLUs switch.
            self._nodes.pop()
            reads = (self._add(name, step, last.reads),)
            name, step = last.name, last.step
        elif isinstance(step, Linear) and step.bias_roundings == _FOLDED and last and self._only(last, reads):
            self._nodes[-1], step = _foldable(last, step)
        number, self._spare = self._spare, self._spare + 1
        shape = _shape_of(step, [self.shapes[value] for value in reads])
        self._nodes.append(Node(name, step, reads, number, shape))
        self.shapes[number] = shape
        self._uses[number] = 1
        return number

    def _only(self, last: Node, reads: tuple[int, ...]) -> bool:
        """Whether what `last` writes is read here and nowhere else."""
        return reads == (last.writes,) and self._uses[last.writes] == 1

    def _steps(self, call: Call, shapes: list[tuple[int, ...]]) -> list[Any]:
        operation = call.operation
        kind = type(operation).__name__
        if len(call.writes) != 1:
            raise _Refusal(f"{call.name} gives {len(call.writes)} values")
        if len(call.reads) > 1:
            ours = isinstance(operation, keras.Operation) and type(operation).__module__.startswith("keras.src.")
            if not ours or kind not in JOINING or len(set(map(len, shapes))) > 1:
                raise _Refusal(f"{call.name} is a {kind} of {len(call.reads)} values, which is not bounded")
            if kind != "Concatenate" and len(set(shapes)) > 1:
                raise _Refusal(f"{call.name} is a {kind} of values of several shapes")
            return [JOINING[kind](operation, len(shapes))]
        if passes_through(operation) and type(operation) not in LINEAR:
            return []
        if type(operation) in LINEAR:
            try:
                return linear_steps(operation, shapes[0])
            except ValueError as error:
                raise _Refusal(f"{call.name} {error}") from error
        if type(operation) in _POOLS:
            return [_max_pool(operation, shapes[0]), *_without_places(operation)]
        hinge = hinge_of(operation)
        if hinge is None:
            raise _Refusal(f"{call.name} is a {kind}, which is neither linear nor a ReLU or max-pool")
        return [hinge]


_FOLDED = 16  # the roundings of a batch normalization, see `affine_layers`


def _foldable(last: Node, step: Linear) -> tuple[Node, Linear]:
    """A kernel and the batch normalization behind it, whose roundings cover that both are folded into one.

    The folded kernel has 16 roundings more, and its offset those of the sum.
    """
    if not isinstance(last.step, Linear) or last.step.fan_out == 1:
        return last, step
    more = last.step._replace(
        roundings=last.step.roundings + _FOLDED + 1, bias_roundings=last.step.bias_roundings + _FOLDED + 1
    )
    return last._replace(step=more), step._replace(bias_roundings=step.bias_roundings + last.step.roundings + 2)


def _shape_of(step: Any, shapes: list[tuple[int, ...]]) -> tuple[int, ...]:
    """What a step makes of `shapes`, by trial on symbols."""
    given = [keras.KerasTensor((1, *shape), "float32") for shape in shapes]
    function = (lambda *values: step.apply(values, False)) if isinstance(step, Linear) else step
    return tuple(keras.src.backend.compute_output_spec(function, *given).shape[1:])


_POOLS = (keras.layers.MaxPooling2D, keras.layers.GlobalMaxPooling2D)


def _max_pool(layer: Any, shape: tuple[int, ...]) -> MaxPool:
    if type(layer) is keras.layers.GlobalMaxPooling2D:
        return MaxPool(shape[:2], (1, 1), ((0, 0), (0, 0)))
    size, strides = tuple(layer.pool_size), tuple(layer.strides)
    if layer.padding != "same":
        return MaxPool(size, strides, ((0, 0), (0, 0)))
    missing = [max((-(-n // s) - 1) * s + k - n, 0) for n, k, s in zip(shape, size, strides, strict=False)]
    (top, left) = (n // 2 for n in missing)
    return MaxPool(size, strides, ((top, missing[0] - top), (left, missing[1] - left)))


def _without_places(layer: Any) -> list[Linear]:
    if type(layer) is not keras.layers.GlobalMaxPooling2D or layer.keepdims:
        return []
    return [Linear(lambda values, absolute: values[0][:, 0, 0])]


def hinge_of(operation: Any) -> Hinge | None:
    """The ReLU, with slope and ceiling, that a layer, a Keras operation or an activation function is; None for others."""
    plain = rectifier_of(operation)
    if plain is not None:
        return Hinge(ceiling=plain.ceiling)
    while isinstance(operation, keras.layers.Activation):
        operation = operation.activation
    settings: dict[str, Any] = {}
    if isinstance(operation, functools.partial) and not operation.args:
        operation, settings = operation.func, operation.keywords
    if isinstance(operation, keras.layers.LeakyReLU) or type(operation).__name__ == "LeakyRelu":
        return _hinge(operation.negative_slope)
    if operation in (keras.activations.leaky_relu, keras.ops.leaky_relu):
        return _hinge(settings.get("negative_slope", 0.2))
    if type(operation) is keras.layers.ReLU and not operation.threshold:
        return _hinge(operation.negative_slope, operation.max_value)
    if operation is keras.activations.relu and not settings.get("threshold"):
        return _hinge(settings.get("negative_slope", 0.0), settings.get("max_value"))
    return None


def _hinge(slope: Any, ceiling: Any = None) -> Hinge | None:
    top = math.inf if ceiling is None else float(ceiling)
    return Hinge(float(np.float32(slope)), top) if 0 <= float(slope) < 1 and top > 0 else None
