"""What is private in Keras is named in one file."""

import ast
from pathlib import Path

import keras
import numpy as np
import pytest

import tfcollide
from tfcollide.models.graph import Graph
from tfcollide.models.keras_private import functional_of
from tfcollide.models.loading import wrap

from . import nets

PACKAGE = Path(tfcollide.__file__).parent
NAMES = ("_fc1", "fc 1", "a:b", "\u03c6", "\u5c64", "-", "a\nb")
OWN = {"_replace", "_asdict", "_fields", "_make", "_exit"}  # of named tuples, and of the module os


def private_names(path):
    """Names with an underscore that are asked of anything but `self`, modules of Keras's inside, and both as texts."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
            if not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")) and node.attr not in OWN:
                yield node.attr
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("keras.src", "tensorflow.keras")):
            yield node.module
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("getattr", "hasattr", "setattr")):
            texts = [part.value for part in node.args if isinstance(part, ast.Constant)]
            yield from (text for text in texts if isinstance(text, str) and text.startswith("_") and text[1:2] != "_")


def test_private_names_of_keras_stand_in_one_file():
    found = {path.relative_to(PACKAGE).as_posix(): list(private_names(path)) for path in PACKAGE.rglob("*.py")}
    assert {"_functional", "_nodes_by_depth", "_build_shapes_dict"} <= set(found.pop("models/keras_private.py"))
    assert {name: names for name, names in found.items() if names} == {}


class Doubled(keras.Model):
    """Is made as a functional model, and computes something else."""

    def call(self, images, training=None, mask=None):
        return 2.0 * super().call(images, training=training, mask=mask)


def test_a_model_whose_call_is_its_own_is_not_followed_along_its_nodes():
    images = keras.Input((3,))
    model = Doubled(images, keras.layers.Dense(2)(images))
    assert functional_of(model) is None
    graph = Graph(model, (3,))
    given = np.ones([2, 3], np.float32)
    np.testing.assert_array_equal(graph.run({graph.source: given}, graph.result)[0], model(given))


class Named(keras.Model):
    """Is made as a functional model, and adds nothing to what it computes."""


def test_a_subclass_that_computes_what_its_nodes_say_is_followed():
    images = keras.Input((3,))
    model = Named(images, keras.layers.ReLU(name="relu")(images))
    assert functional_of(model) is model and [call.name for call in Graph(model).calls] == ["relu"]


@pytest.mark.parametrize("within", [False, True])
def test_names_of_layers_that_are_no_scopes(within):
    layers = [keras.layers.Dense(5, activation="relu", name=name) for name in NAMES]
    images = keras.Input(nets.SHAPE)
    if within:  # a layer of a layer
        inner = keras.Sequential([keras.Input((3,)), *layers], name="an inner one")
        x = keras.layers.Flatten()(keras.layers.TimeDistributed(inner)(keras.layers.Reshape((36, 3))(images)))
    else:
        x = keras.layers.Flatten()(images)
        for layer in layers:
            x = layer(x)
    model = keras.Model(images, keras.layers.Dense(3)(keras.layers.ReLU(name="*")(x)))
    expected = model(nets.images())
    mine = wrap(model, name="net")
    np.testing.assert_allclose(mine.judge(nets.images()).logits, expected, rtol=1e-4, atol=1e-5)
    assert mine.tap_names == ([] if within else list(NAMES)) + ["*"]
    assert [layer.name for layer in layers] == list(NAMES)
