"""What Keras 3 has no public name for; all that this package knows of its inside stands here."""

import functools
import re
from collections.abc import Iterator
from typing import Any

import keras
from keras.src.models.functional import Functional
from keras.src.ops.node import Node

__all__ = [
    "Node",
    "built_shape",
    "functional_of",
    "layers_within",
    "nodes_of",
    "open_valid_scopes",
    "own_function",
    "takes_training",
]

_FUNCTIONS = ("keras.src.ops.", "keras.src.activations.")
_VALID_SCOPE = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*")


def functional_of(model: keras.Model) -> Any:
    """A model whose nodes can be followed; None where it hides them, or computes something else than they say."""
    if isinstance(model, keras.Sequential):
        plain = model.built and type(model).call is keras.Sequential.call
        return model._functional if plain else None
    return model if isinstance(model, Functional) and type(model).call is Functional.call else None


def nodes_of(model: keras.Model) -> Iterator[Any]:
    """The applications of operations that a functional model consists of, in order."""
    for depth in sorted(model._nodes_by_depth, reverse=True):
        yield from (node for node in model._nodes_by_depth[depth] if not node.is_input)


def layers_within(model: keras.Model, *, include_self: bool = True) -> list[Any]:
    """The layers of a model, and those within them."""
    return list(model._flatten_layers(include_self=include_self))


def built_shape(model: keras.Model) -> Any:
    """The shapes that a model was built with, a tuple or a dictionary of them; None where it was not."""
    return getattr(model, "_build_shapes_dict", None)


def takes_training(operation: keras.Operation) -> bool:
    """Whether a layer is told if it is being trained."""
    return "training" in getattr(operation, "_call_context_args", {})


def open_valid_scopes(model: keras.Model) -> None:
    """Lets layers whose names TensorFlow's scopes do not take ("_fc1", "fc 1", other alphabets) compute in others that it does.

    Their own names stay.

    Args:
        model: whose layers are changed, those within layers too.
    """
    for layer in layers_within(model):
        if not _VALID_SCOPE.fullmatch(layer.name):
            scope = "layer_" + re.sub(r"[^A-Za-z0-9_.-]", "_", layer.name)
            # Past Keras, which keeps a list of what is set on a layer.
            object.__setattr__(layer, "_open_name_scope", functools.partial(keras.name_scope, scope))


def own_function(operation: keras.Operation) -> str:
    """Of which class Keras makes a call of one of its functions: "Relu", "Transpose"; "" for anything else."""
    kind = type(operation)
    return kind.__name__ if kind.__module__.startswith(_FUNCTIONS) else ""
