import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcollide.models.affine import affine_map
from tfcollide.models.dense_chain import Unreadable, read_chain
from tfcollide.models.loading import load_classifier, wrap
from tfcollide.models.rectifier import Rectifier, is_softmax, other_activation, rectifier_of

from . import nets

LAYERS = keras.layers
VALUES = np.array([-2.0, -0.0, 0.5, 5.9, 6.0, 7.5], np.float32)


@pytest.mark.parametrize(
    ("operation", "ceiling"),
    [
        (LAYERS.ReLU(), np.inf),
        (LAYERS.ReLU(max_value=6), 6.0),
        (LAYERS.ReLU(max_value=2.5), 2.5),
        (LAYERS.Activation("relu"), np.inf),
        (LAYERS.Activation("relu6"), 6.0),
        (LAYERS.Activation(tf.nn.relu), np.inf),
        (keras.activations.relu, np.inf),
        (keras.ops.relu6, 6.0),
        (LAYERS.Activation(LAYERS.ReLU(max_value=3.0)), 3.0),
        (LAYERS.LeakyReLU(negative_slope=0.0), np.inf),
        (functools.partial(keras.activations.relu, max_value=2.0), 2.0),
        (functools.partial(keras.ops.clip, x_min=0, x_max=6), 6.0),
        (functools.partial(keras.ops.maximum, x2=0), np.inf),
        (functools.partial(keras.ops.leaky_relu, negative_slope=0), np.inf),
    ],
)
def test_relus_compute_what_they_say(operation, ceiling):
    found = rectifier_of(operation)
    assert found == Rectifier(ceiling)
    np.testing.assert_array_equal(found(tf.constant(VALUES)), operation(tf.constant(VALUES)))
    np.testing.assert_array_equal(found(tf.constant(VALUES)), np.clip(VALUES, 0, ceiling))
    assert other_activation(operation) is None


@pytest.mark.parametrize(
    ("operation", "name"),
    [
        (LAYERS.ReLU(negative_slope=0.1), "ReLU"),
        (LAYERS.ReLU(threshold=1.0), "ReLU"),
        (LAYERS.LeakyReLU(), "LeakyReLU"),
        (LAYERS.PReLU(), "PReLU"),
        (LAYERS.ELU(), "ELU"),
        (LAYERS.Activation("gelu"), "gelu"),
        (LAYERS.Activation("silu"), "silu"),
        (keras.activations.sigmoid, "sigmoid"),
        (keras.activations.tanh, "tanh"),
        (LAYERS.Activation(LAYERS.ReLU(threshold=1.0)), "ReLU"),
        (functools.partial(keras.activations.relu, negative_slope=0.1), "relu"),
    ],
)
def test_other_activations_are_none(operation, name):
    assert rectifier_of(operation) is None and not is_softmax(operation)
    assert other_activation(operation) == name


@pytest.mark.parametrize(
    "operation", [LAYERS.Dense(3), LAYERS.Flatten(), LAYERS.Activation("linear"), keras.activations.linear]
)
def test_what_is_no_activation(operation):
    assert rectifier_of(operation) is None and other_activation(operation) is None and not is_softmax(operation)


def test_softmax_over_the_classes():
    assert is_softmax(LAYERS.Softmax()) and is_softmax(LAYERS.Activation("softmax")) and is_softmax(keras.activations.softmax)
    assert not is_softmax(LAYERS.Softmax(axis=1))


CALLED = {
    "activations.relu": (lambda x: keras.activations.relu(x), np.inf),
    "activations.relu, ceiling": (lambda x: keras.activations.relu(x, max_value=2.0), 2.0),
    "ops.relu": (lambda x: keras.ops.relu(x), np.inf),
    "activations.relu6": (lambda x: keras.activations.relu6(x), 6.0),
    "ops.relu6": (lambda x: keras.ops.relu6(x), 6.0),
    "maximum": (lambda x: keras.ops.maximum(x, 0.0), np.inf),
    "maximum, the other way": (lambda x: keras.ops.maximum(0, x), np.inf),
    "clip": (lambda x: keras.ops.clip(x, 0, 6), 6.0),
    "threshold": (lambda x: keras.ops.threshold(x, 0, 0), np.inf),
    "leaky_relu": (lambda x: keras.activations.leaky_relu(x, 0.0), np.inf),
}
OTHERS = {
    "relu with a slope": lambda x: keras.activations.relu(x, negative_slope=0.1),
    "relu with a threshold": lambda x: keras.activations.relu(x, threshold=0.5),
    "leaky_relu": lambda x: keras.activations.leaky_relu(x),
    "maximum with one": lambda x: keras.ops.maximum(x, 1.0),
    "maximum with several": lambda x: keras.ops.maximum(x, np.array([0.0, 1.0, 0.0, 0.0, 0.0])),
    "maximum of two": lambda x: keras.ops.maximum(x, -x),
    "clip from below": lambda x: keras.ops.clip(x, -1, 6),
    "minimum": lambda x: keras.ops.minimum(x, 0.0),
}


def called(function):
    """A network in which a function is called on a tensor, and its taps."""
    images = keras.Input((2, 2, 1))
    x = function(keras.layers.Dense(5)(keras.layers.Flatten()(images)))
    model = keras.Model(images, keras.layers.Dense(3)(x))
    return model, wrap(model, name="net")


@pytest.mark.parametrize("name", CALLED)
def test_relus_that_are_called_on_a_tensor(name, tmp_path):
    function, ceiling = CALLED[name]
    model, classifier = called(function)
    (tap,) = classifier.tap_names
    assert classifier.tap(tap).rectifier == Rectifier(ceiling)
    images = np.random.default_rng(0).uniform(0, 20, [3, 2, 2, 1]).astype(np.float32)
    resumed = nets.resume(classifier, tap, classifier.tap(tap)(tf.constant(images)).post_activation)
    np.testing.assert_allclose(resumed, model.predict(images, verbose=0), rtol=1e-5, atol=1e-5)
    if np.isinf(ceiling) and "maximum" not in name:
        np.testing.assert_allclose(read_chain(model).logits(images), resumed, rtol=1e-4, atol=1e-4)
        assert affine_map(classifier, tap).weights.shape == (4, 5)
    model.save(tmp_path / "net.keras")
    assert load_classifier(tmp_path / "net.keras").tap_names == [tap]


@pytest.mark.parametrize("name", ["maximum", "maximum, the other way", "clip", "activations.relu, ceiling", "leaky_relu"])
def test_a_saved_model_with_the_same(name, tmp_path):
    model, _ = called(CALLED[name][0])
    model.export(tmp_path / "net", verbose=False)
    classifier = load_classifier(tmp_path / "net")
    (tap,) = classifier.tap_names
    images = tf.constant(np.random.default_rng(0).uniform(0, 20, [3, 2, 2, 1]).astype(np.float32))
    resumed = nets.resume(classifier, tap, classifier.tap(tap)(images).post_activation)
    np.testing.assert_allclose(resumed, model.predict(images.numpy(), verbose=0), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_called_on_a_tensor_and_is_no_relu(name):
    model, classifier = called(OTHERS[name])
    assert classifier.tap_names == [] and isinstance(read_chain(model), Unreadable)


@pytest.mark.parametrize("activation", [keras.layers.ReLU(), functools.partial(keras.activations.relu, threshold=0.0)])
def test_a_chain_with_other_spellings_within_its_layers(activation):
    images = keras.Input((2, 2, 1))
    x = keras.layers.Dense(5, activation=activation, name="fc")(keras.layers.Flatten()(images))
    model = keras.Model(images, keras.layers.Dense(3)(x))
    pixels = np.random.default_rng(0).uniform(0, 1, [3, 2, 2, 1]).astype(np.float32)
    np.testing.assert_allclose(read_chain(model).logits(pixels), model.predict(pixels, verbose=0), rtol=1e-4, atol=1e-5)
    assert wrap(model, name="net").tap_names == ["fc"]
