"""The ReLUs of a network, by name, and the one that is taken where none is named."""

from collections.abc import Mapping
from typing import NamedTuple

from tfcollide.errors import RequestError
from tfcollide.models.rectifier import Rectifier, other_activation, rectifier_of
from tfcollide.models.replicas import AnyGraph

__all__ = ["Place", "default_tap", "find_taps", "look_up"]


class Place(NamedTuple):
    """Where a ReLU stands in a graph.

    Attributes:
        before: the number of the value that it reads.
        after: the number of the value that it gives.
        shape: `[U]` or `[H, W, C]`, of both.
        rectifier: what it computes.
    """

    before: int
    after: int
    shape: tuple[int | None, ...]
    rectifier: Rectifier


def find_taps(graph: AnyGraph) -> dict[str, Place]:
    """Every ReLU, from the input on."""
    found = ((call, rectifier_of(call.operation)) for call in graph.calls)
    return {call.name: Place(call.reads[0], call.writes[0], call.shape, rectifier) for call, rectifier in found if rectifier}


def default_tap(graph: AnyGraph, taps: Mapping[str, Place], model_name: str) -> str:
    """The first ReLU of a dense layer: `fc1` in VGG16; in a network without one, the last ReLU.

    Raises:
        RequestError: there is no ReLU.
    """
    if not taps:
        raise _without_relu(graph, model_name)
    return next((name for name, place in taps.items() if len(place.shape) == 1), list(taps)[-1])


def look_up(graph: AnyGraph, taps: Mapping[str, Place], name: str, model_name: str) -> Place:
    """The ReLU called `name`.

    Raises:
        RequestError: there is none; the message says what the layer is instead.
    """
    if name in taps:
        return taps[name]
    if not taps:
        raise _without_relu(graph, model_name)
    others = (other_activation(call.operation) for call in graph.calls if call.name == name)
    other = next((kind for kind in others if kind), None)
    what = f"--tap={name}, which is a {other}" if other else f"--tap={name}"
    raise RequestError(what, f"a ReLU of {model_name}: {_listed(list(taps))}")


def _without_relu(graph: AnyGraph, model_name: str) -> RequestError:
    others = dict.fromkeys(kind for kind in (other_activation(call.operation) for call in graph.calls) if kind)
    what = f"the network {model_name} without a ReLU" + (f", but with {', '.join(others)}" if others else "")
    return RequestError(what, "one with a ReLU", "Collisions hide in the flat part of a ReLU; other activations have none.")


def _listed(names: list[str]) -> str:
    if len(names) <= 40:
        return ", ".join(names)
    return f"{', '.join(names[:20])}, {len(names) - 40} more that Keras's summary() lists, {', '.join(names[-20:])}"
