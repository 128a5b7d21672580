"""A classifier as the steps from the image to its logits, for proofs: no matrices, branches and all."""

import functools
import math
from collections import Counter
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tfcollide.errors import RequestError
from tfcollide.models.affine_call import NotAffine
from tfcollide.models.affine_reading import Step, kind_of, obstacle, rounded_input, steps_between
from tfcollide.models.dense_chain import Unreadable
from tfcollide.models.rectifier import other_activation, rectifier_of
from tfcollide.models.replicas import AnyGraph
from tfcollide.polytope.proof.linear_layers import linear_steps, reshaped
from tfcollide.polytope.proof.steps import Hinge, Linear, MaxPool, Node

__all__ = ["Network", "hinge_of", "read_network"]


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


def read_network(
    graph: AnyGraph, value: int, image_shape: tuple[int, ...], *, after_zero: bool = False
) -> Network | Unreadable:
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
        reason = rounded_input(graph)
        if reason is not None or graph.entry.dtype.name != "float32":
            raise _Refusal(f"the network {reason or 'reads ' + graph.entry.dtype.name}")
        shape = image_shape if len(graph.entry.shape) == 3 else tuple(n or 0 for n in graph.entry.shape)
        steps, wanted = steps_between(graph, value)
        found = _Reader(graph.source, shape, steps, wanted)
        result = found.at[wanted]
        return Network(tuple(found.nodes), graph.source, result, shape, math.prod(found.shapes[result]), after_zero)
    except (_Refusal, RequestError) as refusal:
        return Unreadable(str(refusal))


class _Reader:
    """Goes through steps, and gathers nodes.

    Args:
        source: the number of the images.
        shape: of the images.
        steps: of the network.
        wanted: the number of the value that is read at the end.

    Attributes:
        nodes: what they consist of.
        shapes: of the values, without the batch axis.
        at: which value of the nodes a value of the steps is.
    """

    def __init__(self, source: int, shape: tuple[int, ...], steps: list[Step], wanted: int):
        self.nodes: list[Node] = []
        self.shapes, self.at = {source: shape}, {source: source}
        self._uses = Counter([wanted, *(number for step in steps for number in step.reads)])
        self._count = source
        for step in steps:
            self._read(step)

    def _read(self, step: Step) -> None:
        call = step.call
        reason = obstacle(call)
        if reason is not None or len(call.writes) != 1:
            raise _Refusal(f"{call.name} {reason or 'gives several values'}")
        shapes = [_fixed(call.name, shape) for shape in step.shapes]
        reads = tuple(self._as(number, shape) for number, shape in zip(step.reads, shapes, strict=True))
        for part in _parts(step, shapes):
            reads = (self._add(call.name, part, reads),)
        self.at[call.writes[0]] = reads[0]
        self._uses[reads[0]] = self._uses[call.writes[0]]

    def _as(self, number: int, shape: tuple[int, ...]) -> int:
        """A value in the shape in which it is read."""
        here = self.at[number]
        return here if self.shapes[here] == shape else self._add("reshape", reshaped(shape), (here,))

    def _add(self, name: str, step: Linear | Hinge | MaxPool, reads: tuple[int, ...]) -> int:
        last = self.nodes[-1] if self.nodes else None
        alone = last is not None and reads == (last.writes,) and self._uses[last.writes] == 1
        if isinstance(step, MaxPool) and last and isinstance(last.step, Hinge) and alone:
            # max(relu(x)) = relu(max(x)), and fewer ReLUs switch.
            self.nodes.pop()
            reads = (self._add(name, step, last.reads),)
            name, step = last.name, last.step
        elif isinstance(step, Linear) and step.entrywise:
            step = self._taken_in(step, reads)
        self._count -= 1
        shape = _shape_of(step, [self.shapes[value] for value in reads])
        self.nodes.append(Node(name, step, reads, self._count, shape))
        self.shapes[self._count], self._uses[self._count] = shape, 1
        return self._count

    def _taken_in(self, step: Linear, reads: tuple[int, ...]) -> Linear:
        """An entry-by-entry step, whose roundings cover that the kernels before it take it in.

        What runs a network may scale a kernel by the batch normalization behind it, and let sums of the kernel begin with the
        offset, or with the other values that are added: these are rounded once for each term of the sum then.
        """
        kernels = [self._kernels(number) for number in reads]
        longest = max(sum(kernel.roundings + 2 for kernel in some.values()) for some in kernels)
        for at, kernel in (item for some in kernels for item in some.items()):
            more = step.roundings + 1
            taken = kernel._replace(roundings=kernel.roundings + more, bias_roundings=kernel.bias_roundings + more)
            self.nodes[at] = self.nodes[at]._replace(step=taken)
        added = longest if len(reads) > 1 else 0
        return step._replace(roundings=step.roundings + added, bias_roundings=step.bias_roundings + longest)

    def _kernels(self, number: int) -> dict[int, Linear]:
        """The linear steps that give a value, by their place in `nodes`: up to a kernel, and where nobody else reads them."""
        at = next((k for k, node in enumerate(self.nodes) if node.writes == number), None)
        step = None if at is None or self._uses[number] > 1 else self.nodes[at].step
        if at is None or not isinstance(step, Linear):
            return {}
        found = {at: step} if step.roundings else {}
        for read in self.nodes[at].reads if step.entrywise or not step.roundings else ():
            found |= self._kernels(read)
        return found


def _fixed(name: str, shape: tuple[int | None, ...]) -> tuple[int, ...]:
    found = tuple(size for size in shape if size is not None)
    if len(found) != len(shape):
        raise _Refusal(f"{name} reads values of no fixed size: {shape}")
    return found


def _parts(step: Step, shapes: list[tuple[int, ...]]) -> list[Any]:
    """What a call consists of."""
    call = step.call
    try:
        linear = linear_steps(step, shapes)
    except NotAffine as error:
        raise _Refusal(f"{call.name} {error}") from error
    if linear is not None:
        return linear
    if type(call.operation) in _POOLS:
        return [_max_pool(call.operation, shapes[0]), *_without_places(call.operation)]
    hinge = hinge_of(call.operation) if len(shapes) == 1 else None
    if hinge is None:
        kind = other_activation(call.operation) or kind_of(call)
        raise _Refusal(f"{call.name} is a {kind}, which is neither linear nor a ReLU or max-pool")
    return [hinge]


def _shape_of(step: Any, shapes: list[tuple[int, ...]]) -> tuple[int, ...]:
    """What a step makes of `shapes`, by trial on symbols."""
    given = [tf.TensorSpec((1, *shape), tf.float32) for shape in shapes]
    function = (lambda *values: step.apply(values, False)) if isinstance(step, Linear) else step
    return tuple(tf.function(function, autograph=False).get_concrete_function(*given).output_shapes[1:])


_POOLS = (keras.layers.MaxPooling2D, keras.layers.GlobalMaxPooling2D)


def _max_pool(layer: keras.Layer, shape: tuple[int, ...]) -> MaxPool:
    if type(layer) is keras.layers.GlobalMaxPooling2D:
        return MaxPool((shape[0], shape[1]), (1, 1), ((0, 0), (0, 0)))
    size, strides = (layer.pool_size[0], layer.pool_size[1]), (layer.strides[0], layer.strides[1])
    if layer.padding != "same":
        return MaxPool(size, strides, ((0, 0), (0, 0)))
    missing = [max((-(-n // s) - 1) * s + k - n, 0) for n, k, s in zip(shape, size, strides, strict=False)]
    (top, left) = (n // 2 for n in missing)
    return MaxPool(size, strides, ((top, missing[0] - top), (left, missing[1] - left)))


def _without_places(layer: keras.Layer) -> list[Linear]:
    if type(layer) is not keras.layers.GlobalMaxPooling2D or layer.keepdims:
        return []
    return [Linear(lambda values, absolute: values[0][:, 0, 0])]


def hinge_of(operation: Any) -> Hinge | None:
    """The ReLU, with slope and ceiling, that a layer, a Keras operation or an activation function is; None for others."""
    plain = rectifier_of(operation)
    if plain is not None:
        return _hinge(0.0, plain.ceiling)
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
    top = math.inf if ceiling is None else float(np.float32(ceiling))  # as the network has it
    return Hinge(float(np.float32(slope)), top) if 0 <= float(slope) < 1 and top > 0 else None
