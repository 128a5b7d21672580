import keras
import numpy as np
import pytest

from tfcollide.errors import RequestError
from tfcollide.models.affine import affine_map
from tfcollide.models.classifier import Classifier
from tfcollide.models.dense_chain import read_chain
from tfcollide.polytope.proof.float_error import gamma
from tfcollide.shapes import Bounds

layers = keras.layers


def classifier(*inner, shape=(4, 3, 2)):
    model = keras.Sequential([keras.Input(shape), *inner, layers.Flatten(), layers.Dense(3, name="logits")])
    rng = np.random.default_rng(0)
    for variable in model.weights:
        values = rng.normal(size=variable.shape)
        variable.assign(np.abs(values) + 0.1 if "variance" in variable.path else values)
    return Classifier(model, name="test", bounds=Bounds(0.0, 1.0), class_names=("a", "b", "c"))


class Doubling(layers.Dense):
    def call(self, inputs, training=None):
        return 2 * super().call(inputs)


AFFINE = {
    "first dense layer": [layers.Flatten, lambda: layers.Dense(5)],
    "no bias": [layers.Flatten, lambda: layers.Dense(5, use_bias=False)],
    "two dense layers": [layers.Flatten, lambda: layers.Dense(7), lambda: layers.Dense(5)],
    "dense over the last axis": [lambda: layers.Dense(5), layers.Flatten, lambda: layers.Dense(4)],
    "reshape": [lambda: layers.Reshape((6, 4)), lambda: layers.Dense(5)],
    "rescaling": [lambda: layers.Rescaling(1 / 127.5, offset=-1), layers.Flatten, lambda: layers.Dense(5)],
    "rescaling a channel": [lambda: layers.Rescaling([0.5, 2.0], offset=[0.1, -0.2]), layers.Flatten],
    "batch normalisation": [layers.Flatten, lambda: layers.Dense(5), layers.BatchNormalization],
    "of channels": [layers.BatchNormalization, layers.Flatten, lambda: layers.Dense(5)],
    "along another axis": [lambda: layers.BatchNormalization(axis=1, scale=False), layers.Flatten],
    "training layers": [
        lambda: layers.Dropout(0.5),
        layers.Flatten,
        lambda: layers.Activation("linear"),
        lambda: layers.AlphaDropout(0.5),
    ],
    "another precision": [layers.Flatten, lambda: layers.Rescaling(0.1, dtype="float64"), lambda: layers.Dense(5)],
    "nested": [layers.Flatten, lambda: keras.Sequential([keras.Input((24,)), layers.Dense(6), layers.Dense(5)])],
}


@pytest.mark.parametrize("name", AFFINE)
def test_agrees_with_the_network_within_the_rounding_bound(name):
    net = classifier(*(build() for build in AFFINE[name]), layers.ReLU(name="tap"))
    affine = affine_map(net, "tap")
    images = np.random.default_rng(1).random([20, 4, 3, 2], np.float32)
    computed = net.tap("tap").pre_activation(images).numpy()
    flat = images.reshape(20, -1).astype(np.float64)
    bound = gamma(affine.roundings) * (flat @ affine.magnitude + affine.magnitude_bias)
    assert affine.weights.shape == (24, computed.shape[1])
    assert (np.abs(computed - affine(flat)) <= bound).all()
    assert bound.max() < 1e-2 * np.abs(computed).max()


def test_a_single_layer_is_read_to_the_bit():
    net = classifier(layers.Flatten(), layers.Dense(5, name="dense"), layers.ReLU(name="tap"))
    affine = affine_map(net, "tap")
    kernel, bias = net.model.get_layer("dense").get_weights()
    np.testing.assert_array_equal(affine.weights, kernel.astype(np.float64))
    np.testing.assert_array_equal(affine.bias, bias.astype(np.float64))
    np.testing.assert_array_equal(affine.magnitude, np.abs(kernel).astype(np.float64))


def test_a_dense_layer_with_its_own_relu_is_tapped_before_it():
    net = classifier(layers.Flatten(), layers.Dense(5, activation="relu", name="tap"))
    image = np.random.default_rng(1).random([1, 4, 3, 2], np.float32)
    computed = keras.Model(net.model.inputs[0], net.model.get_layer("tap").output)(image).numpy()
    np.testing.assert_allclose(np.maximum(affine_map(net, "tap")(image.reshape(1, -1)), 0), computed, atol=1e-4)


@pytest.mark.parametrize(
    ("inner", "culprit"),
    [
        ([layers.Flatten(), layers.Dense(5), layers.ReLU(name="first"), layers.Dense(5)], "first"),
        ([layers.Conv2D(2, 2, name="window"), layers.Flatten(), layers.Dense(5)], "window"),
        ([layers.Flatten(), layers.Dense(5, activation="tanh", name="curved")], "curved"),
        ([layers.Flatten(), layers.Dense(5, dtype="mixed_bfloat16", name="coarse")], "coarse"),
        ([layers.Flatten(data_format="channels_first", name="turned"), layers.Dense(5)], "turned"),
        ([layers.Flatten(), Doubling(5, name="doubling")], "doubling"),
    ],
)
def test_names_the_layer_in_the_way(inner, culprit):
    with pytest.raises(RequestError, match=f"layer {culprit}"):
        affine_map(classifier(*inner, layers.ReLU(name="tap")), "tap")


def test_a_tap_in_another_precision_is_refused():
    net = classifier(layers.Flatten(), layers.Dense(5, activation="relu", dtype="mixed_bfloat16", name="tap"))
    with pytest.raises(RequestError, match="layer tap, which computes in mixed_bfloat16"):
        affine_map(net, "tap")


def test_names_a_merging_layer():
    images = keras.Input((4,))
    merged = layers.Add(name="sum")([layers.Dense(3)(images), layers.Dense(3)(images)])
    model = keras.Model(images, layers.Dense(2)(layers.ReLU(name="tap")(merged)))
    with pytest.raises(RequestError, match="layer sum"):
        affine_map(Classifier(model, name="m", bounds=Bounds(0.0, 1.0), class_names=("a", "b")), "tap")


def test_an_unknown_tap_lists_the_taps():
    with pytest.raises(RequestError, match="--tap=nowhere: expected a layer of test: tap"):
        affine_map(classifier(layers.Flatten(), layers.ReLU(name="tap")), "nowhere")


def test_a_batch_normalisation_rounds_as_often_here_as_in_the_chain():
    net = classifier(layers.Flatten(), layers.BatchNormalization(), layers.ReLU(name="tap"))
    assert affine_map(net, "tap").roundings == read_chain(net.model).stages[0].extra
