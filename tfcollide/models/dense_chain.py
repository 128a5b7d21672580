"""A classifier read as a chain of affine maps and ReLUs, from the image to the logits.

    a_0 = image, flattened;   z_k = W_k a_{k-1} + b_k;   a_k = max(z_k, 0) or z_k;   logits = a_last

The weights are the network's own float32 values in float64. A map is kept apart
from its neighbors, as the network computes it, so that the rounding of each can
be bounded.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np

from tfcollide.errors import RequestError
from tfcollide.models.affine_call import AffineCall, NotAffine, as_array, is_entrywise
from tfcollide.models.affine_reading import Step, is_affine, kind_of, obstacle, read_step, rounded_input, steps_between
from tfcollide.models.graph import Call, Graph, calls_between
from tfcollide.models.rectifier import Rectifier, is_sigmoid, is_softmax, rectifier_of
from tfcollide.models.replicas import AnyGraph

__all__ = ["DenseChain", "Stage", "Unreadable", "read_chain", "with_zero"]

# A matrix of 32 MiB. Beyond it neither the certificate nor an exported file is of use.
_MAX_ENTRIES = 2**22


class Stage(NamedTuple):
    """One affine map, perhaps with a ReLU behind it.

    In float32, however a sum is ordered, every term of output i is rounded at
    most `terms[i] + extra` times, so that the computed value is off by at most
    gamma (|weight| |input| + magnitude)[i], gamma as in `polytope.relaxation`.

    Attributes:
        name: of the call.
        weight: `[out, in]` float64.
        bias: `[out]` float64.
        magnitude: `[out]`, the sum of the absolute values that make up `bias`.
        terms: `[out]` int, the entries of a row of `weight` that are not zero.
        extra: further roundings, such as one to add the bias.
        relu: whether a ReLU follows.
    """

    name: str
    weight: np.ndarray
    bias: np.ndarray
    magnitude: np.ndarray
    terms: np.ndarray
    extra: int
    relu: bool


class DenseChain(NamedTuple):
    """A whole classifier.

    Attributes:
        stages: from the image on; the last gives the logits.
        input_shape: `(H, W, C)`, or as the model has it.
    """

    stages: tuple[Stage, ...]
    input_shape: tuple[int, ...]

    def logits(self, images: np.ndarray) -> np.ndarray:
        """`[n, L]` float64 for `images` `[n, ...]`, in float64 throughout."""
        values = images.reshape(len(images), -1).astype(np.float64)
        for stage in self.stages:
            values = values @ stage.weight.T + stage.bias
            values = np.maximum(values, 0.0) if stage.relu else values
        return values


class Unreadable(NamedTuple):
    """Why a network is not a chain that can be read.

    Attributes:
        reason: in words, naming the layer.
    """

    reason: str


class _Refusal(Exception):
    """Ends the reading; its text is the reason."""


def read_chain(network: keras.Model | AnyGraph, *, to_logits: bool = False) -> DenseChain | Unreadable:
    """Reads a classifier that gives logits.

    Understood: ReLUs, and whatever `affine_layers` and `affine_functions` read, in nested models
    too. Branches are read where they join before the next ReLU: till then their values are one
    vector. A subclass of a layer is not, for it may compute anything.

    Args:
        network: images `[N, ...]` -> logits `[N, L]`: a model that is built, or the graph of one.
        to_logits: whether a softmax or sigmoid at the end is left out.

    Returns:
        The chain; or the reason why there is none.
    """
    try:
        graph = _graph_of(network)
        wanted = _end(graph, to_logits)
        _check_calls(graph, wanted)
        stages = _stages(graph.source, math.prod(_fixed(graph.entry.shape)), *steps_between(graph, wanted))
    except _Refusal as refusal:
        return Unreadable(str(refusal))
    return DenseChain(stages, _fixed(graph.entry.shape))


def with_zero(chain: DenseChain) -> DenseChain:
    """The chain to the logits [0, z], of one that gives z."""
    zero = np.zeros(2)
    return chain._replace(
        stages=(*chain.stages, Stage("zero", np.array([[0.0], [1.0]]), zero, zero, np.zeros(2, int), 0, False))
    )


def _graph_of(network: Any) -> AnyGraph:
    """The graph, all of whose calls are known."""
    try:
        graph = Graph(network) if isinstance(network, keras.Model) else network
        calls_between(graph.calls, {graph.source}, {graph.result})
    except RequestError as error:
        raise _Refusal(str(error) if isinstance(network, keras.Model) else "a network without Keras layers") from error
    return graph


def _end(graph: AnyGraph, to_logits: bool) -> int:
    """The number of the logits."""
    last = graph.giver(graph.result)
    ends = to_logits and last is not None and (is_softmax(last.operation) or is_sigmoid(last.operation))
    return last.reads[0] if ends and last else graph.result


def _check_calls(graph: AnyGraph, wanted: int) -> None:
    """Refuses what is neither affine nor a ReLU, and what rounds otherwise."""
    if (reason := rounded_input(graph)) is not None:
        raise _Refusal(f"the network {reason}")
    for call in calls_between(graph.calls, {graph.source}, {wanted}):
        if (reason := obstacle(call)) is not None:
            raise _Refusal(f"{call.name} {reason}")
        if not is_affine(call) and not _is_relu(call):
            raise _Refusal(f"{call.name} {_what(call)}")


def _what(call: Call) -> str:
    if isinstance(call.operation, (keras.Operation, str)):
        return f"is a {kind_of(call)}, which is not read as affine or ReLU"
    return f"has the activation {kind_of(call)}"


def _is_relu(call: Call) -> bool:
    rectifier = rectifier_of(call.operation)
    if rectifier is not None and rectifier != Rectifier():
        raise _Refusal(f"{call.name} is no plain max(x, 0)")
    return rectifier is not None


def _fixed(shape: tuple[int | None, ...]) -> tuple[int, ...]:
    found = tuple(size for size in shape if size is not None)
    if found != shape:
        raise _Refusal(f"an input has no fixed size: {shape}")
    return found


def _stages(source: int, pixels: int, steps: list[Step], wanted: int) -> tuple[Stage, ...]:
    """The maps, each from all the values that it or a later call reads, put one after the other in one vector."""
    live = {source: pixels}  # the sizes of these values, by number
    uses = Counter([wanted, *(number for step in steps for number in step.reads)])
    kernels: dict[int, list[int]] = {}  # the maps that give a value, up to a kernel, by their place in `stages`
    stages: list[Stage] = []
    for i, step in enumerate(steps):
        later = {wanted, *(number for other in steps[i + 1 :] for number in other.reads)}
        kept = {number: size for number, size in live.items() if number in later}
        if is_affine(step.call):
            found = _read(step, live, kept)
            stages.append(_stage(step, found, live, kept))
            before = [k for number in step.reads if uses[number] == 1 for k in kernels.get(number, [])]
            before = before if is_entrywise(found) or not found.terms + found.extra else []
            _take_in(stages, before, found.terms + found.extra)
            kernels[step.call.writes[0]] = [*before, len(stages) - 1]
            given = len(found.bias)
        else:
            given = _end_in_relu(stages, step.call.name, live, kept)
        live = kept | {step.call.writes[0]: given}
    if not stages:
        raise _Refusal("the network has no affine layer")
    return tuple(stages)


def _take_in(stages: list[Stage], before: Sequence[int], roundings: int) -> None:
    """Covers that the maps `before` and the last one, an entry-by-entry step behind them, are computed as one.

    Weights may be scaled by it beforehand; and what it adds may be what a kernel's sum begins with, and so be rounded once
    for each term of that sum.
    """
    if before:
        added = sum(int(stages[k].terms.max(initial=0)) + stages[k].extra + 2 for k in before)
        stages[-1] = stages[-1]._replace(extra=stages[-1].extra + added)
    for k in before:
        stages[k] = stages[k]._replace(extra=stages[k].extra + roundings + 1)


def _end_in_relu(stages: list[Stage], name: str, live: dict[int, int], kept: dict[int, int]) -> int:
    """Gives the last map its ReLU; returns how many values there are."""
    if kept:
        raise _Refusal(f"{name} is a ReLU in one of {len(kept) + 1} branches, so the network is no chain")
    (size,) = live.values()
    if not stages:
        _check_size(name, size, size)
        stages.append(_identity(size))
    stages.append(stages.pop()._replace(relu=True))
    return size


def _read(step: Step, live: dict[int, int], kept: dict[int, int]) -> AffineCall:
    """What a call computes, if that is no matrix too large; that of a dense layer has been made already."""
    rows = math.prod(_fixed(step.call.shape)) + sum(kept.values())
    if type(step.call.operation) is not keras.layers.Dense or len(step.shapes[0]) > 1 or kept:
        _check_size(step.call.name, sum(live.values()), rows)
    try:
        return read_step(step)
    except NotAffine as error:
        raise _Refusal(f"{step.call.name} {error}") from error


def _stage(step: Step, found: AffineCall, live: dict[int, int], kept: dict[int, int]) -> Stage:
    """The map from all `live` values to those `kept` and what a call gives."""
    bias, magnitude = (np.append(np.zeros(sum(kept.values())), part) for part in (found.bias, found.magnitude))
    if len(live) == 1 and not kept and len(found.weights) == 1:
        weight = as_array(found.weights[0])
    else:
        weight = np.zeros([len(bias), sum(live.values())])
        columns = dict(zip(live, np.split(weight, np.cumsum([*live.values()])[:-1], axis=1), strict=True))
        ends = np.cumsum([*kept.values()])
        for (number, size), end in zip(kept.items(), ends, strict=True):
            columns[number][end - size : end] = np.eye(size)
        for number, part in zip(step.reads, found.weights, strict=True):
            columns[number][-len(found.bias) :] += part
    return Stage(step.call.name, weight, bias, magnitude, np.count_nonzero(weight, axis=1), found.extra, False)


def _identity(size: int) -> Stage:
    zeros = np.zeros(size)
    return Stage("identity", np.eye(size), zeros, zeros, np.zeros(size, int), 0, False)


def _check_size(name: str, inputs: int, outputs: int) -> None:
    if inputs * outputs > _MAX_ENTRIES:
        raise _Refusal(f"{name} is a matrix of {outputs} x {inputs}, which is too large")
