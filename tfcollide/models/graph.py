"""A Keras model as a list of calls, in which any value can be computed, or replaced.

Nested models are opened, a layer that is called twice is two calls, and an
activation that is fused into a layer is a call of its own: `Dense(4, "relu")` is the
same layer without activation and then the activation. The arithmetic is Keras's own, call
by call, so the values are those of the model; the model itself is left as it was.
"""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tfcollide.errors import RequestError
from tfcollide.models.entry import Entry
from tfcollide.models.keras_private import Node, functional_of, nodes_of, open_valid_scopes, own_function, takes_training

__all__ = ["Call", "Graph", "calls_between"]

# Layers whose last act is their activation.
_FUSED = (
    keras.layers.Dense,
    keras.layers.EinsumDense,
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
    keras.layers.Conv1DTranspose,
    keras.layers.Conv2DTranspose,
    keras.layers.Conv3DTranspose,
    keras.layers.DepthwiseConv1D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv1D,
    keras.layers.SeparableConv2D,
)


class Call(NamedTuple):
    """One operation, applied once.

    Attributes:
        name: of the layer, after those of the models that it is nested in
            ("inner/relu_1"); with ":2" where the layer is called a second time.
        operation: the layer, Keras operation, or activation function.
        reads: the numbers of the values that it reads.
        writes: the numbers of the values that it gives.
        shape: of the first value that it gives, without the batch axis; None in it
            where the model leaves a size open.
        apply: from the values that it reads to those that it gives.
        arguments: what the operation is called with, in order, keyword arguments too; `...` stands
            for each value that it reads. Lists and tuples are as they were.
        dtype: of the first value that it gives, as the model was built.
    """

    name: str
    operation: Any
    reads: tuple[int, ...]
    writes: tuple[int, ...]
    shape: tuple[int | None, ...]
    apply: Callable[[Sequence[tf.Tensor]], list[tf.Tensor]]
    arguments: tuple[Any, ...] = (...,)
    dtype: str = "float32"


def calls_between(calls: Sequence[Call], known: set[int], wanted: set[int]) -> list[Call]:
    """Those that lead from the values `known` to the values `wanted`, in order.

    Args:
        calls: of a graph.
        known: numbers of values.
        wanted: numbers of values.

    Raises:
        RequestError: it takes more than what is known.
    """
    missing, needed = wanted - known, []
    for call in reversed(calls):
        if missing & set(call.writes):
            needed.append(call)
            missing = (missing - set(call.writes)) | (set(call.reads) - known)
    if missing:
        raise RequestError("a value that depends on the images", "the images, as there are branches round what is known")
    return needed[::-1]


class Graph:
    """The calls of a model with one input and one output, in an order in which they can be made.

    Args:
        model: Sequential or functional and built; or a model of another kind whose
            `call` consists of Keras layers and operations.
        image_shape: `(H, W, C)`, needed for a model of another kind.

    Attributes:
        calls: all of them.
        source: the number of the value that stands for the images.
        result: the number of the model's output.
        entry: what happens to images on their way in.
        batch_size: how many images the model reads at a time; None where any number will do.

    Raises:
        RequestError: the model has several inputs or outputs, or cannot be followed.
    """

    def __init__(self, model: keras.Model, image_shape: tuple[int, ...] | None = None):
        open_valid_scopes(model)
        model = functional_of(model) or _traced(model, image_shape)
        if len(model.inputs) != 1 or len(model.outputs) != 1:
            raise RequestError(
                f"model {model.name} with {len(model.inputs)} inputs and {len(model.outputs)} outputs", "one of each"
            )
        self._count = 1
        self._names: dict[str, int] = {}
        self.source = 0
        values = {id(model.inputs[0]): self.source}
        self.calls = list(self._open(model, values, ""))
        self.result = values[id(model.outputs[0])]
        shape, dtype = tuple(model.inputs[0].shape), tf.as_dtype(model.inputs[0].dtype)
        self.batch_size = shape[0]
        self.entry = Entry(shape[1:], dtype)
        if self.entry.whole_numbers and image_shape:
            self.entry = self.entry._replace(through=self._same_from_floats(image_shape))

    def run(self, known: Mapping[int, tf.Tensor], *wanted: int) -> list[tf.Tensor]:
        """The values `wanted`, by way of no more calls than they need.

        Args:
            known: values by number, such as `{graph.source: images}`.
            wanted: the numbers of values.

        Raises:
            RequestError: it takes more than what is known.
        """
        values = dict(known)
        if self.source in values:
            values[self.source] = self.entry(values[self.source])
        calls = calls_between(self.calls, set(values), set(wanted))
        last = {number: i for i, call in enumerate(calls) for number in call.reads}
        for i, call in enumerate(calls):
            values.update(zip(call.writes, call.apply([values[number] for number in call.reads]), strict=True))
            for number in {*call.reads, *call.writes}:  # what nobody reads any more is let go
                if last.get(number, i) <= i and number not in wanted:
                    del values[number]
        return [values[number] for number in wanted]

    def decides(self, number: int) -> bool:
        """Whether the model's output depends on the images through this value alone."""
        try:
            calls_between(self.calls, {number}, {self.result})
        except RequestError:
            return False
        return True

    def giver(self, number: int) -> Call | None:
        """The call that gives a value; None for the images."""
        return next((call for call in self.calls if number in call.writes), None)

    def _same_from_floats(self, image_shape: tuple[int, ...]) -> bool:
        """Whether whole numbers as floats give what they give as integers."""
        drawn = np.random.default_rng(0).integers(0, 128, [self.batch_size or 2, *image_shape])
        images = {self.source: tf.constant(drawn, tf.float32)}
        kept = self.entry
        try:
            (expected,) = self.run(images, self.result)
            self.entry = kept._replace(through=True)
            (found,) = self.run(images, self.result)
            return bool(np.allclose(expected, found, rtol=1e-4, atol=1e-6))
        except Exception:  # layers may refuse integers or floats, in any way
            return False
        finally:
            self.entry = kept

    def _open(self, model: keras.Model, values: dict[int, int], prefix: str) -> Iterator[Call]:
        """The calls of a functional model; `values` goes from `id` of a symbolic tensor to its number."""
        for node in nodes_of(model):
            reads = tuple(values[id(tensor)] for tensor in node.input_tensors)
            name = self._unique(prefix + node.operation.name)
            inner = functional_of(node.operation) if isinstance(node.operation, keras.Model) else None
            if inner is not None and len(inner.inputs) == len(reads):
                within = {id(tensor): number for tensor, number in zip(inner.inputs, reads, strict=True)}
                yield from self._open(inner, within, f"{name}/")
                values.update({id(out): within[id(of)] for out, of in zip(node.outputs, inner.outputs, strict=True)})
                continue
            writes = tuple(self._number() for _ in node.outputs)
            values.update(zip(map(id, node.outputs), writes, strict=True))
            yield from self._call(name, node, reads, writes)

    def _call(self, name: str, node: Node, reads: tuple[int, ...], writes: tuple[int, ...]) -> Iterator[Call]:
        shape, dtype = tuple(node.outputs[0].shape[1:]), node.outputs[0].dtype
        layer, arguments = node.operation, _arguments(node)
        if not _is_fused(layer):
            yield Call(name, _with_constant(node), reads, writes, shape, _applier(layer, node), arguments, dtype)
            return
        between, activation = (self._number(),), layer.activation
        linear = _without_activation(layer)
        yield Call(name, linear, reads, between, shape, _applier(linear, node), arguments, dtype)
        yield Call(name, activation, between, writes, shape, lambda values: [activation(*values)], dtype=dtype)

    def _number(self) -> int:
        self._count += 1
        return self._count - 1

    def _unique(self, name: str) -> str:
        self._names[name] = self._names.get(name, 0) + 1
        return name if self._names[name] == 1 else f"{name}:{self._names[name]}"


def _traced(model: keras.Model, image_shape: tuple[int, ...] | None) -> Any:
    """The functional model that the calls of a subclass of `keras.Model` amount to."""
    try:
        images = keras.Input(image_shape)
        return keras.Model(images, model.call(images))
    except Exception as error:  # it may do anything
        raise RequestError(
            f"model {model.name} of class {type(model).__name__}, whose layers cannot be followed",
            "a Sequential or functional Keras model that has been built",
        ) from error


def _arguments(node: Node) -> tuple[Any, ...]:
    given = (*node.arguments.args, *node.arguments.kwargs.values())
    return tuple(... if keras.utils.is_keras_tensor(value) else value for value in given)


def _with_constant(node: Node) -> Any:
    """The operation of a node; of the maximum with a constant, which its operation does not know, a `partial`."""
    operation, constants = node.operation, [value for value in _arguments(node) if value is not ...]
    if own_function(operation) == "Maximum" and len(constants) == 1:
        return functools.partial(keras.ops.maximum, x2=constants[0])
    return operation


def _applier(operation: keras.Operation, node: Node) -> Callable[[Sequence[tf.Tensor]], list[tf.Tensor]]:
    tensors = node.input_tensors
    in_training = takes_training(operation)

    def apply(values: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        args, kwargs = node.arguments.fill_in({id(t): value for t, value in zip(tensors, values, strict=True)})
        if in_training:
            kwargs = kwargs | {"training": False}
        return tf.nest.flatten(operation(*args, **kwargs))

    return apply


def _is_fused(layer: keras.Layer) -> bool:
    """Whether `layer` is one linear step and then an activation, and nothing else."""
    if getattr(layer, "activation", None) in (None, keras.activations.linear):
        return False
    return any(isinstance(layer, kind) and type(layer).call is kind.call for kind in _FUSED)


def _without_activation(layer: keras.Layer) -> Any:
    """A twin that shares everything with `layer` but the activation. `copy.copy` would save and load it."""
    twin = object.__new__(type(layer))
    twin.__dict__.update(layer.__dict__)
    twin.__dict__["activation"] = keras.activations.linear
    return twin
