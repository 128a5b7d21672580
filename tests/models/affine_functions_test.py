"""Functions that are read as affine, one at a time, and those that only look like it."""

import keras
import numpy as np
import pytest

from tfcollide.models.affine_call import NotAffine
from tfcollide.models.affine_reading import read_step, steps_between
from tfcollide.models.graph import Graph

layers, ops = keras.layers, keras.ops
SHAPE = (4, 3, 2)


def model_of(function):
    images = keras.Input(SHAPE)
    return keras.Model(images, function(images))


def read(function):
    """What the last step of a network does."""
    graph = Graph(model_of(function))
    steps, _ = steps_between(graph, graph.result)
    return steps[-1], read_step(steps[-1])


MOVES = {
    "permute": layers.Permute((3, 1, 2)),
    "crop": layers.Cropping2D(((1, 0), (0, 2))),
    "pad": layers.ZeroPadding2D(((1, 0), (0, 2))),
    "transpose": lambda x: ops.transpose(x, (0, 2, 1, 3)),
    "slice": lambda x: x[:, ::-1, 1:],
    "squeeze": lambda x: ops.squeeze(x[:, :1], axis=1),
    "reshape": lambda x: ops.reshape(ops.transpose(x, (0, 3, 2, 1)), (-1, 8, 3)),
    "pad by reflection": lambda x: ops.pad(x, ((0, 0), (1, 1), (2, 0), (0, 0)), mode="reflect"),
    "concatenate": lambda x: ops.concatenate([x, ops.flip(x, axis=2), x], axis=-1),
    "stack": lambda x: ops.stack([x, x], axis=1),
}


@pytest.mark.parametrize("name", MOVES)
def test_values_are_moved_to_where_keras_moves_them(name):
    model, images = model_of(MOVES[name]), np.random.default_rng(0).normal(size=(5, *SHAPE)).astype(np.float32)
    graph = Graph(model)
    values = {graph.source: images.reshape(5, -1).astype(np.float64)}
    steps, wanted = steps_between(graph, graph.result)
    for step in steps:
        found = read_step(step)
        assert found.terms + found.extra == 0 and not found.bias.any()
        values[step.call.writes[0]] = sum(values[n] @ w.toarray().T for n, w in zip(step.reads, found.weights, strict=True))
    np.testing.assert_array_equal(values[wanted], np.asarray(model(images)).reshape(5, -1).astype(np.float64))


ARITHMETIC = {
    "plus": (lambda x: x + 0.1, 1.0, np.float32(0.1)),
    "plus from the left": (lambda x: 3 + x, 1.0, 3.0),
    "minus": (lambda x: x - np.array([1.0, 2.0], np.float32), 1.0, np.array([-1.0, -2.0])),
    "from a constant": (lambda x: 1.0 - x, -1.0, 1.0),
    "times": (lambda x: 0.1 * x, np.float32(0.1), 0.0),
    "divided": (lambda x: x / 255, 1 / 255, 0.0),
    "negative": (lambda x: -x, -1.0, 0.0),
}


@pytest.mark.parametrize("name", ARITHMETIC)
def test_constants_are_what_float32_has(name):
    function, scale, offset = ARITHMETIC[name]
    _, found = read(lambda x: function(layers.Dense(2)(x)))
    shape = (4, 3, 2)
    np.testing.assert_array_equal(found.weights[0].diagonal(), np.broadcast_to(np.float64(scale), shape).ravel())
    np.testing.assert_array_equal(found.bias, np.broadcast_to(np.float64(offset), shape).ravel())
    np.testing.assert_array_equal(found.magnitude, np.abs(found.bias))
    assert abs(found.weights[0]).sum() == np.abs(found.weights[0].diagonal()).sum()


REFUSED = {
    "pad by another number": (lambda x: ops.pad(x, ((0, 0), (1, 1), (0, 0), (0, 0)), constant_values=2.0), "more than move"),
    "rows of the batch joined": (lambda x: ops.reshape(x, (-1, 8, 3, 2)), "more than move"),
    "the batch turned round": (lambda x: ops.flip(x, axis=0), "more than move"),
    "a product": (lambda x: x * x, "a product of values"),
    "a quotient": (lambda x: x / (x + 2.0), "no quotient by constants"),
    "a constant divided": (lambda x: 1.0 / x, "no quotient by constants"),
    "divided by zero": (lambda x: x / 0.0, "no quotient by constants"),
    "shapes that are spread": (lambda x: x + x[:, :1], "adds values of the shapes"),
    "a constant that spreads": (lambda x: x[:, :1] + np.zeros([4, 3, 2], np.float32), "constant that is not read"),
    "a constant in float64": (lambda x: ops.cast(x, "float64") + 0.1, "constant that is not read"),
    "a maximum": (lambda x: ops.maximum(x, 2.0 * x), "is a Maximum, which is not read"),
    "separable": (layers.SeparableConv2D(2, 2), "is a SeparableConv2D, which is not read"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_read(name):
    function, words = REFUSED[name]
    with pytest.raises(NotAffine, match=words):
        read(function)


def test_an_open_size_is_not_read():
    images = keras.Input((None, None, 3))
    graph = Graph(keras.Model(images, layers.Conv2D(2, 3)(images)))
    ((step,), _) = steps_between(graph, graph.result)
    with pytest.raises(NotAffine, match="no fixed size: "):
        read_step(step)
