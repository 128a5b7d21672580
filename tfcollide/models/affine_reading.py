"""Which calls of a graph are read as affine, and which leave values as they are, for the readers of affine networks.

`affine` composes calls from a tap down to the image, `dense_chain` keeps them apart from
the image to the logits. Both bound the rounding of float32, and both bounds end in
claims of proof, so that what a call computes is said once, here.
"""

from typing import Any, NamedTuple

import keras

from tfcollide.models.affine_call import AffineCall, NotAffine, Reader
from tfcollide.models.affine_functions import FUNCTIONS, MOVING_LAYERS
from tfcollide.models.affine_layers import LAYERS
from tfcollide.models.graph import Call, calls_between
from tfcollide.models.keras_private import own_function
from tfcollide.models.rectifier import other_activation
from tfcollide.models.replicas import AnyGraph

__all__ = ["Step", "is_affine", "kind_of", "obstacle", "passes_through", "read_step", "rounded_input", "steps_between"]

OpenShape = tuple[int | None, ...]

# At inference none of these changes a value; the last two change their shape.
_PASSING = (
    keras.layers.Dropout,
    keras.layers.SpatialDropout1D,
    keras.layers.SpatialDropout2D,
    keras.layers.AlphaDropout,
    keras.layers.GaussianDropout,
    keras.layers.GaussianNoise,
    keras.layers.ActivityRegularization,
    keras.layers.Identity,
    keras.layers.Flatten,
    keras.layers.Reshape,
)


def is_affine(call: Call) -> bool:
    """Whether a call's operation is one that `read_step` knows, or leaves every value as it is."""
    return passes_through(call) or _reader(call) is not None


class Step(NamedTuple):
    """A call that changes values.

    Attributes:
        call: of a graph.
        reads: the numbers of the values that it reads, each as the call gives it that last changed it.
        shapes: of these values as they are read, without the batch axis; None where a size is open.
    """

    call: Call
    reads: tuple[int, ...]
    shapes: tuple[OpenShape, ...]


def steps_between(graph: AnyGraph, wanted: int, known: frozenset[int] = frozenset()) -> tuple[list[Step], int]:
    """Those from the images, or from the values `known`, to the value `wanted`, in order; and of which value that is a copy.

    Raises:
        RequestError: the graph does not know all calls.
    """
    calls = calls_between(graph.calls, set(known) or {graph.source}, {wanted})
    shapes = {graph.source: graph.entry.shape} | {call.writes[0]: call.shape for call in graph.calls if call.writes}
    same: dict[int, int] = {}
    steps = []
    for call in calls:
        reads = tuple(same.get(number, number) for number in call.reads)
        if passes_through(call):
            same[call.writes[0]] = reads[0]
        else:
            steps.append(Step(call, reads, tuple(shapes.get(number, (None,)) for number in call.reads)))
    return steps, same.get(wanted, wanted)


def read_step(step: Step) -> AffineCall:
    """What a call computes that `is_affine` and changes values.

    Raises:
        NotAffine: its operation, the settings of it or the shapes are none that are read.
    """
    reader = _reader(step.call)
    if reader is None or len(step.call.writes) != 1:
        raise NotAffine(f"is a {kind_of(step.call)}, which is not read as affine")
    shapes = [tuple(size for size in shape if size is not None) for shape in step.shapes]
    if shapes != list(step.shapes):
        raise NotAffine(f"reads values of no fixed size: {', '.join(map(str, step.shapes))}")
    return reader(step.call, shapes)


def obstacle(call: Call, *, precisions: tuple[str, ...] = ("float32",)) -> str | None:
    """Why a layer may not compute what its type says: "computes in ..."; None where it does, and for functions.

    Args:
        call: of a graph.
        precisions: the dtypes in which it may compute.
    """
    layer = call.operation
    if not isinstance(layer, keras.layers.Layer):
        return None
    if getattr(layer, "data_format", "channels_last") == "channels_first":
        return "has its channels first"
    if layer.compute_dtype not in precisions or getattr(layer, "quantization_mode", None):
        return f"computes in {layer.dtype_policy.name}, not in {' or '.join(precisions)}"
    if getattr(layer, "lora_enabled", False):
        return "adds a low-rank term to its kernel"
    return None


def rounded_input(graph: AnyGraph) -> str | None:
    """Why a network may compute with other pixels than it is given: "reads uint8 ..."; None where it takes them as they are."""
    dtype = graph.entry.dtype.name
    return None if dtype in ("float32", "float64") else f"reads {dtype}, so that it computes with rounded pixels"


def kind_of(call: Call) -> str:
    """What a call's operation is called: "Conv2D", "tanh"."""
    operation = call.operation
    if isinstance(operation, str):  # of a SavedModel
        return operation
    return type(operation).__name__ if isinstance(operation, keras.Operation) else other_activation(operation) or "function"


def passes_through(call: Call) -> bool:
    """Whether a call leaves every value as it is at inference, if perhaps in another shape."""
    operation: Any = call.operation
    if type(operation) is keras.layers.Activation:
        return operation.activation is keras.activations.linear
    return type(operation) in _PASSING or operation is keras.activations.linear


def _reader(call: Call) -> Reader | None:
    kind = type(call.operation)
    return LAYERS.get(kind) or MOVING_LAYERS.get(kind) or FUNCTIONS.get(own_function(call.operation))
