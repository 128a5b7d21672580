"""A tap's pre-activation as an affine function of what the layer before gives, rather than of the image.

The paper's polytope (section 2) lives in this space. The layer is the last one with weights
below the tap, a dense one or a 1x1 convolution; what it reads is the point, and what stands
between it and the tap (a batch normalization, a sum) is part of the map. A 1x1 convolution
computes each position by itself, so its map is that of one position.
"""

import dataclasses
import math

import numpy as np
import tensorflow as tf

from tfcollide.errors import RequestError
from tfcollide.models.affine import AffineMap, check_reading, composed
from tfcollide.models.affine_reading import Step, is_affine, kind_of, passes_through, steps_between
from tfcollide.models.classifier import Classifier
from tfcollide.models.graph import Call
from tfcollide.models.rectifier import Rectifier
from tfcollide.models.value_ranges import value_range

__all__ = ["LayerMap", "layer_map", "positions_of"]

_EXPECTED = "a ReLU behind a dense layer or a 1x1 convolution"
Position = tuple[int, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class LayerMap:
    """What a tap computes of the values of the layer before.

    Attributes:
        network: the network.
        affine: from these values `[D]` to pre-activations `[U]`; at a convolution, of one position.
        lower: `[D]`, the least that each value can be; -inf where nothing is known.
        upper: `[D]`, the most, likewise.
        layer: the names of what gives the values.
        units: `[U]`, the numbers of these units among all of the tap.
        rectifier: of the tap.
        position: of the convolution; None at a dense layer.
        ends: number of a value of the graph -> where in it the position is; () for all of it.
    """

    network: Classifier
    affine: AffineMap
    lower: np.ndarray
    upper: np.ndarray
    layer: str
    units: np.ndarray
    rectifier: Rectifier
    position: Position | None
    ends: dict[int, Position]

    def values(self, image: np.ndarray) -> np.ndarray:
        """`[D]` float64, what the layer before gives for an `image` `[H, W, C]`."""
        graph = self.network.graph
        found = graph.run({graph.source: tf.constant(image[None], tf.float32)}, *self.ends)
        parts = [value.numpy()[0][place].ravel() for value, place in zip(found, self.ends.values(), strict=True)]
        return np.concatenate(parts).astype(np.float64)


def positions_of(network: Classifier, tap_name: str) -> Position | None:
    """How many positions a tap has along each axis of its pictures; None at a dense layer."""
    return network.tap(tap_name).unit_shape[:-1] or None


def layer_map(network: Classifier, tap_name: str, position: Position | None = None) -> LayerMap:
    """The affine map from the layer before to a tap.

    Args:
        network: the network.
        tap_name: a ReLU of it.
        position: (row, column) at a convolution; None at a dense layer.

    Raises:
        RequestError: there is no such ReLU or position, or no dense layer or 1x1 convolution below it.
    """
    place, sizes = network.place(tap_name), positions_of(network, tap_name)
    _check_position(tap_name, sizes, position)
    ends = _ends(network, place.before, tap_name, position or ())
    steps, wanted = steps_between(network.graph, place.before, frozenset(ends))
    for step in steps:
        check_reading(step.call)
    if position is not None:
        steps = [_at_one_position(step) for step in steps]
    units = np.arange(math.prod(network.tap(tap_name).unit_shape)).reshape(network.tap(tap_name).unit_shape)
    units = units[position].ravel() if position is not None else units
    ranges = [tuple(end[at].ravel() for end in value_range(network, number)) for number, at in ends.items()]
    lower, upper = (np.concatenate(side) for side in zip(*ranges, strict=True))
    sized = {number: len(low) for number, (low, _) in zip(ends, ranges, strict=True)}
    affine = composed(sized, steps, wanted, units.size, tap_name)
    names = ", ".join(_name(network, number) for number in ends)
    return LayerMap(network, affine, lower, upper, names, units, place.rectifier, position, ends)


def _ends(network: Classifier, before: int, tap_name: str, position: Position) -> dict[int, Position]:
    """The values that the last layers with weights read, and where in them the position is; those that go round such layers.

    Raises:
        RequestError: there is no layer with weights, or another one than dense and 1x1.
    """
    graph, found, weighted = network.graph, dict[int, Position](), False
    ahead = [(before, position)]
    while ahead:
        number, at = ahead.pop(0)
        call = graph.giver(number)
        if call is None or not is_affine(call):
            found[number] = at
        elif hasattr(call.operation, "kernel"):
            weighted = True
            found[call.reads[0]] = _position_below(call, at, tap_name)
        else:
            if position and not passes_through(call):
                _check_pointwise(network, call, tap_name)
            ahead += [(read, at) for read in call.reads]
    if not weighted:
        call = graph.giver(before)
        what = "the image" if call is None else f"{call.name} ({kind_of(call)})"
        raise RequestError(f"--tap={tap_name} behind {what} with --space=layer", _EXPECTED, "Take another tap.")
    return found


def _position_below(call: Call, at: Position, tap_name: str) -> Position:
    """Where a layer with weights reads for its output at a position."""
    sizes = getattr(call.operation, "kernel_size", (1,))
    if not at:
        return at
    if any(size != 1 for size in sizes):
        what = f"--tap={tap_name} behind {call.name}, a convolution of {'x'.join(map(str, sizes))}"
        raise RequestError(f"{what}, with --space=layer", _EXPECTED, "Take another tap.")
    strides = getattr(call.operation, "strides", (1,) * len(at))
    return tuple(place * stride for place, stride in zip(at, strides, strict=True))


def _check_pointwise(network: Classifier, call: Call, tap_name: str) -> None:
    """Refuses what mixes positions."""
    shapes = {network.graph.giver(read).shape[:-1] if network.graph.giver(read) else () for read in call.reads}  # type: ignore[union-attr]
    if hasattr(call.operation, "pool_size") or shapes != {call.shape[:-1]}:
        what = f"--tap={tap_name}: {call.name} ({kind_of(call)}) mixes positions between it and the convolution"
        raise RequestError(f"{what}, with --space=layer", _EXPECTED, "Take another tap.")


def _at_one_position(step: Step) -> Step:
    """The step as it is at a single position, of pictures of one by one."""
    ones = (1,) * (len(step.call.shape) - 1)
    call = step.call._replace(shape=(*ones, step.call.shape[-1]))
    return step._replace(call=call, shapes=tuple((*ones, shape[-1]) for shape in step.shapes))


def _check_position(tap_name: str, sizes: Position | None, position: Position | None) -> None:
    if sizes is None and position is not None:
        raise RequestError(f"--position={position} with --tap={tap_name}", "no position, as it is a dense layer")
    if sizes is None:
        return
    fits = position is not None and len(position) == len(sizes)
    if not fits or not all(0 <= at < size for at, size in zip(position or (), sizes, strict=True)):
        raise RequestError(
            f"--position={position} with --tap={tap_name}",
            f"{len(sizes)} numbers below {sizes}: each has a polytope of its own",
        )


def _name(network: Classifier, number: int) -> str:
    """Of what gives a value, before it was reshaped."""
    call = network.graph.giver(number)
    while call is not None and passes_through(call):
        call = network.graph.giver(call.reads[0])
    return "the image" if call is None else call.name
