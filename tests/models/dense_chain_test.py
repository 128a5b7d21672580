import keras
import numpy as np
import pytest

from tfcollide.models.dense_chain import DenseChain, Unreadable, read_chain
from tfcollide.models.loading import wrap
from tfcollide.polytope.proof.certificate import certify
from tfcollide.shapes import Bounds

from . import affine_nets
from .affine_nets import randomized

layers = keras.layers


def sequential(*inner, shape=(6, 6, 2)):
    return randomized(keras.Sequential([keras.Input(shape), *inner]))


def functional():
    images = keras.Input((4, 4, 1))
    inner = keras.Sequential([layers.Dense(7), layers.ReLU()])
    x = inner(layers.Flatten()(layers.Rescaling(1 / 255, offset=-0.5)(images)))
    return randomized(keras.Model(images, layers.Dense(3)(layers.Dropout(0.5)(x))))


READABLE = {
    "mlp": lambda: sequential(layers.Flatten(), layers.Dense(8, activation="relu"), layers.ReLU(), layers.Dense(3)),
    "activations": lambda: sequential(
        layers.Flatten(), layers.Dense(8), layers.Activation("relu"), layers.Dense(3), layers.Activation("linear")
    ),
    "relu first": lambda: sequential(layers.ReLU(), layers.Flatten(), layers.Dense(3, use_bias=False)),
    "convolution": lambda: sequential(
        layers.ZeroPadding2D(1),
        layers.Conv2D(3, 3, strides=2, padding="same"),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.AveragePooling2D(2, padding="same"),
        layers.DepthwiseConv2D(2, activation="relu"),
        layers.Reshape((3, 1)),
        layers.Flatten(),
        layers.Dense(3),
    ),
    "groups": lambda: sequential(layers.Conv2D(4, 2, groups=2, dilation_rate=2), layers.GlobalAveragePooling2D()),
    "another axis": lambda: sequential(layers.BatchNormalization(axis=1), layers.Flatten(), layers.Dense(3)),
    "over the last axis": lambda: sequential(layers.Dense(3), layers.ReLU(), layers.Flatten(), layers.Dense(3)),
    "nested": functional,
}


@pytest.mark.parametrize("name", READABLE)
def test_the_chain_computes_what_the_network_computes(name):
    model = READABLE[name]()
    chain = read_chain(model)
    assert isinstance(chain, DenseChain), chain
    assert chain.input_shape == tuple(model.inputs[0].shape[1:])
    images = np.random.default_rng(1).normal(size=(20, *chain.input_shape)).astype(np.float32)
    expected = np.asarray(model(images, training=False))
    np.testing.assert_allclose(chain.logits(images), expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_weights_are_exact_and_roundings_counted():
    model = READABLE["mlp"]()
    first, last = read_chain(model).stages
    np.testing.assert_array_equal(first.weight.astype(np.float32), np.asarray(model.layers[1].kernel).T)
    assert first.relu and not last.relu
    assert set(first.terms) == {72} and first.extra == 1


def branching():
    images = keras.Input((4,))
    one = layers.Dense(3, activation="relu", name="one")(images)
    return keras.Model(images, layers.Add()([one, layers.Dense(3)(images)]))


class Doubling(layers.Dense):
    def call(self, inputs, training=None):
        return 2 * super().call(inputs)


UNREADABLE = {
    "one is a ReLU in one of 2 branches": branching,
    "activation tanh": lambda: sequential(layers.Flatten(), layers.Dense(3, activation="tanh")),
    "MaxPooling2D": lambda: sequential(layers.MaxPooling2D(), layers.Flatten(), layers.Dense(3)),
    "no plain max": lambda: sequential(layers.Flatten(), layers.Dense(3), layers.ReLU(max_value=6)),
    "Doubling": lambda: sequential(layers.Flatten(), Doubling(3)),
    "too large": lambda: sequential(layers.Conv2D(64, 3), layers.Flatten(), layers.Dense(3), shape=(64, 64, 3)),
    "not in float32": lambda: sequential(layers.Flatten(dtype="float32"), layers.Dense(3, dtype="mixed_float16")),
    "no affine layer": lambda: sequential(layers.Flatten()),
}


@pytest.mark.parametrize("reason", UNREADABLE)
def test_what_is_no_chain_is_refused_in_words(reason):
    found = read_chain(UNREADABLE[reason]())
    assert isinstance(found, Unreadable) and reason in found.reason


@pytest.mark.parametrize("make", affine_nets.NETS, ids=affine_nets.name_of)
def test_every_kind_of_graph(make):
    """The chain is what float64 computes; a ReLU beside another branch is the one thing that it cannot hold."""
    model, twin, *_ = affine_nets.twins(make)
    found = wrap(model, name="net", bounds=Bounds(0.0, 1.0), outputs="auto" if make is affine_nets.fused else "logits").chain
    if make is affine_nets.shared:
        assert found.reason == "relu is a ReLU in one of 2 branches, so the network is no chain"
        return
    assert isinstance(found, DenseChain), found
    images = np.random.default_rng(1).normal(size=(8, *found.input_shape)).astype(np.float32).astype(np.float64)
    exact = np.asarray(twin(images, training=False))
    logits = found.logits(images)
    if make is affine_nets.fused:  # it ends in a softmax
        logits = np.exp(logits - logits.max(axis=1, keepdims=True))
        logits /= logits.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(logits, exact, rtol=0, atol=1e-9 * max(1.0, np.abs(exact).max()))
    np.testing.assert_allclose(np.asarray(model(images.astype(np.float32))), exact, rtol=1e-4, atol=1e-4 * np.abs(exact).max())


def test_a_connection_round_a_layer_is_proven_with_it():
    """relu(x + W x) once as branches, once as one layer: the margins over a hull are the same but for rounding."""
    images = keras.Input((6,))
    around = layers.Add()([layers.Dense(6, use_bias=False, name="w")(images), images])
    branched = randomized(keras.Model(images, layers.Dense(3, name="end")(layers.ReLU()(around))))
    plain = keras.Sequential([keras.Input((6,)), layers.Dense(6, use_bias=False), layers.ReLU(), layers.Dense(3)])
    plain.set_weights([branched.get_weights()[0] + np.eye(6), *branched.get_weights()[1:]])
    corners = np.random.default_rng(0).normal(1.0, 0.1, size=(3, 6)).astype(np.float32)
    target = int(np.asarray(branched(corners)).mean(axis=0).argmax())
    found = [certify(read_chain(net), corners, target, lambda x, net=net: np.asarray(net(x))) for net in (branched, plain)]
    assert [each.status for each in found] == ["certified"] * 2
    assert found[0].margin == pytest.approx(found[1].margin, rel=1e-4)
