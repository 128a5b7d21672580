import keras
import numpy as np
import pytest

from tfcollide.models.dense_chain import DenseChain, Unreadable, read_chain

layers = keras.layers


def randomised(model, seed=0):
    rng = np.random.default_rng(seed)
    for variable in model.weights:
        values = rng.normal(size=variable.shape)
        variable.assign(np.abs(values) + 0.1 if "variance" in variable.path else values)
    return model


def sequential(*inner, shape=(6, 6, 2)):
    return randomised(keras.Sequential([keras.Input(shape), *inner]))


def functional():
    images = keras.Input((4, 4, 1))
    inner = keras.Sequential([layers.Dense(7), layers.ReLU()])
    x = inner(layers.Flatten()(layers.Rescaling(1 / 255, offset=-0.5)(images)))
    return randomised(keras.Model(images, layers.Dense(3)(layers.Dropout(0.5)(x))))


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
    return keras.Model(images, layers.Add()([layers.Dense(3)(images), layers.Dense(3)(images)]))


class Doubling(layers.Dense):
    def call(self, inputs, training=None):
        return 2 * super().call(inputs)


UNREADABLE = {
    "2 branches": branching,
    "activation tanh": lambda: sequential(layers.Flatten(), layers.Dense(3, activation="tanh")),
    "MaxPooling2D": lambda: sequential(layers.MaxPooling2D(), layers.Flatten(), layers.Dense(3)),
    "no plain max": lambda: sequential(layers.Flatten(), layers.Dense(3), layers.ReLU(max_value=6)),
    "over the last axis": lambda: sequential(layers.Dense(3)),
    "Doubling": lambda: sequential(layers.Flatten(), Doubling(3)),
    "too large": lambda: sequential(layers.Conv2D(64, 3), layers.Flatten(), layers.Dense(3), shape=(64, 64, 3)),
    "not in float32": lambda: sequential(layers.Flatten(dtype="float32"), layers.Dense(3, dtype="mixed_float16")),
    "no affine layer": lambda: sequential(layers.Flatten()),
}


@pytest.mark.parametrize("reason", UNREADABLE)
def test_what_is_no_chain_is_refused_in_words(reason):
    found = read_chain(UNREADABLE[reason]())
    assert isinstance(found, Unreadable) and reason in found.reason
