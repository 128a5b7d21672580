"""A tap as an affine function of the layer before it: its matrix, where its values lie, and what is refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcollide.errors import RequestError
from tfcollide.models.classifier import Classifier
from tfcollide.models.layer_map import layer_map, positions_of
from tfcollide.shapes import Bounds

layers = keras.layers
SHAPE = (8, 8, 3)


def network(*inner, shape=SHAPE):
    images = keras.Input(shape)
    x = images
    for layer in inner:
        x = layer(x)
    return _classifier(images, x)


def _classifier(images, x):
    keras.utils.set_random_seed(1)
    model = keras.Model(images, layers.Dense(3, name="logits")(layers.Flatten()(x)))
    rng = np.random.default_rng(0)
    for variable in model.weights:
        values = rng.normal(size=variable.shape)
        variable.assign(np.abs(values) + 0.1 if "variance" in variable.path else values)
    return Classifier(model, name="net", bounds=Bounds(0, 1), class_names=("a", "b", "c"))


def residual():
    """relu(x) goes round the convolution."""
    images = keras.Input(SHAPE)
    x = layers.Conv2D(4, 3, activation="relu", name="first")(images)
    y = layers.Add()([layers.BatchNormalization()(layers.Conv2D(4, 1)(x)), x])
    return _classifier(images, layers.ReLU(name="tap")(y))


def concatenated():
    images = keras.Input(SHAPE)
    one, other = (layers.Conv2D(2, 3, padding="same", activation=name)(images) for name in ("relu", "tanh"))
    x = layers.MaxPooling2D()(layers.Concatenate()([one, other]))
    return _classifier(images, layers.Conv2D(5, 1, strides=2, activation="relu", name="tap")(x))


def convolution():
    return layers.Conv2D(4, 3, name="first")


def tap(units=5):
    return layers.Dense(units, activation="relu", name="tap")


NETS = {
    "dense behind a max-pool": lambda: network(convolution(), layers.ReLU(), layers.MaxPooling2D(), layers.Flatten(), tap()),
    "dense behind an average": lambda: network(convolution(), layers.ReLU(), layers.GlobalAveragePooling2D(), tap()),
    "normalized between": lambda: network(
        convolution(), layers.ReLU(), layers.Flatten(), layers.Dense(5), layers.BatchNormalization(), layers.ReLU(name="tap")
    ),
    "first dense": lambda: network(layers.Rescaling(2.0, offset=-1), layers.Flatten(), tap()),
    "1x1": lambda: network(convolution(), layers.ReLU(), layers.Conv2D(5, 1, activation="relu", name="tap")),
    "1x1 with strides": lambda: network(
        convolution(), layers.ReLU(), layers.Conv2D(5, 1, strides=(2, 3), activation="relu", name="tap")
    ),
    "1x1, normalized": lambda: network(
        convolution(), layers.ReLU(), layers.Conv2D(5, 1), layers.BatchNormalization(), layers.ReLU(name="tap")
    ),
    "dense at each position": lambda: network(convolution(), layers.ReLU(), layers.Dense(5), layers.ReLU(name="tap")),
    "residual": residual,
    "concatenated": concatenated,
}


@pytest.mark.parametrize("name", NETS)
def test_the_map_gives_the_pre_activations(name):
    net = NETS[name]()
    images = np.random.default_rng(3).random([2, *SHAPE]).astype(np.float32)
    sizes = positions_of(net, "tap")
    position = tuple(size - 1 for size in sizes) if sizes else None
    found = layer_map(net, "tap", position)
    computed = net.tap("tap").pre_activation(tf.constant(images)).numpy()[:, found.units]
    points = np.stack([found.values(image) for image in images])
    np.testing.assert_allclose(found.affine(points), computed, atol=1e-4)
    assert (points >= found.lower - 1e-5).all() and (points <= found.upper + 1e-5).all()
    assert found.affine.weights.shape == (points.shape[1], computed.shape[1])


RANGES = {
    "dense behind a max-pool": (0, np.inf),
    "dense behind an average": (0, np.inf),
    "first dense": (-1, 1),
    "1x1": (0, np.inf),
}


@pytest.mark.parametrize("name", RANGES)
def test_where_the_values_lie(name):
    net = NETS[name]()
    found = layer_map(net, "tap", (0, 0) if positions_of(net, "tap") else None)
    assert {(low, high) for low, high in zip(found.lower, found.upper, strict=True)} == {RANGES[name]}


def test_half_of_a_concatenation_is_behind_a_relu():
    found = layer_map(concatenated(), "tap", (0, 0))
    assert found.lower.tolist() == [0, 0, -np.inf, -np.inf]
    assert found.layer == "max_pooling2d" or found.layer.startswith("max_pooling2d")


def test_relu6_ends_at_6():
    net = network(layers.Flatten(), layers.Dense(4), layers.ReLU(max_value=6.0), tap())
    found = layer_map(net, "tap")
    assert found.lower.tolist() == [0] * 4 and found.upper.tolist() == [6] * 4


def test_a_normalized_relu_has_its_bounds_moved():
    """Where the scale is negative they change sides."""
    net = network(layers.Flatten(), layers.Dense(6, activation="relu"), layers.BatchNormalization(), tap())
    found, norm = layer_map(net, "tap"), net.model.layers[3]
    at_zero = np.asarray(norm(np.zeros([1, 6], np.float32)))[0]
    negative = np.asarray(norm.gamma) < 0
    assert negative.any() and not negative.all()
    np.testing.assert_allclose(np.where(negative, found.upper, found.lower), at_zero, rtol=1e-5)
    assert np.isinf(np.where(negative, found.lower, found.upper)).all()


REFUSED = {
    "a convolution of 3x3": (lambda: network(convolution(), layers.ReLU(name="tap")), (0, 0), "a convolution of 3x3"),
    "no layer with weights": (lambda: network(layers.Rescaling(2.0), layers.ReLU(name="tap")), (0, 0), "rescaling"),
    "no position": (NETS["1x1"], None, "2 numbers below \\(6, 6\\)"),
    "outside": (NETS["1x1"], (6, 0), "2 numbers below"),
    "a position of a dense layer": (NETS["first dense"], (0, 0), "no position"),
    "pooled": (
        lambda: network(layers.Conv2D(4, 1), layers.AveragePooling2D(2, strides=1, padding="same"), layers.ReLU(name="tap")),
        (0, 0),
        "mixes positions",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_such_map(name):
    make, position, words = REFUSED[name]
    with pytest.raises(RequestError, match=words):
        layer_map(make(), "tap", position)
