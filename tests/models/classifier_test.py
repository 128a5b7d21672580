import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcollide.errors import RequestError
from tfcollide.images import from_uint8
from tfcollide.models.classifier import Classifier
from tfcollide.shapes import Bounds


@pytest.fixture(scope="module")
def images(digits, digits_classifier):
    return from_uint8(digits.test.images[:40], digits_classifier.bounds)


@pytest.fixture(scope="module")
def convolutional():
    """1x1 convolution to two channels, ReLU, dropout, dense, ReLU, dense with a ReLU of its own."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((3, 4, 1))
    x = keras.layers.ReLU(name="conv_relu")(keras.layers.Conv2D(2, 1, name="conv", bias_initializer="ones")(inputs))
    x = keras.layers.Dropout(0.5)(keras.layers.Flatten()(x))
    x = keras.layers.ReLU(name="dense_relu")(keras.layers.Dense(5, name="dense")(x))
    x = keras.layers.Dense(3, activation="relu", name="logits")(x)
    return Classifier(keras.Model(inputs, x), name="conv", bounds=Bounds(0.0, 255.0), class_names=("a", "b", "c"))


@pytest.mark.parametrize("tap_name", ["hidden_1", "hidden_2"])
def test_both_sides_of_a_tap_are_those_of_its_layer(digits_classifier, images, tap_name):
    layer = digits_classifier.model.get_layer(tap_name)
    sides = keras.Model(digits_classifier.model.inputs, [layer.input, layer.output])
    expected_pre, expected_post = sides(images)
    found = digits_classifier.tap(tap_name)(tf.constant(images))
    np.testing.assert_array_equal(found.pre_activation, expected_pre)
    np.testing.assert_array_equal(found.post_activation, expected_post)
    assert found.pre_activation.numpy().min() < 0 == found.post_activation.numpy().min()


def test_the_first_tap_is_w_x_plus_b(digits_classifier, images):
    kernel, bias = digits_classifier.model.get_layer("dense_1").get_weights()
    expected = images.reshape(len(images), -1) @ kernel + bias
    np.testing.assert_allclose(digits_classifier.tap("hidden_1").pre_activation(tf.constant(images)), expected, atol=1e-3)


def test_a_convolutional_tap_is_flattened_row_by_row(convolutional):
    image = np.arange(24, dtype=np.float32).reshape(2, 3, 4, 1)
    kernel, bias = convolutional.model.get_layer("conv").get_weights()
    found = convolutional.tap("conv_relu")(tf.constant(image)).pre_activation
    expected = image * kernel[0, 0, 0] + bias  # [2, 3, 4, 2]
    np.testing.assert_allclose(found, expected.reshape(2, 24), rtol=1e-5)


def test_tap_names_go_from_the_input_on(digits_classifier, convolutional):
    assert digits_classifier.tap_names == ["hidden_1", "hidden_2"]
    assert convolutional.tap_names == ["conv_relu", "dense_relu", "logits"]


@pytest.mark.parametrize("name", ["hidden_3", "dense_1", "", "HIDDEN_1"])
def test_an_unknown_tap(digits_classifier, name):
    with pytest.raises(RequestError, match=f"--tap={name}: expected a ReLU of mlp: hidden_1, hidden_2"):
        digits_classifier.tap(name)


def test_a_tap_can_be_differentiated(digits_classifier, images):
    kernel, _ = digits_classifier.model.get_layer("dense_1").get_weights()
    tap = digits_classifier.tap("hidden_1")
    with tf.GradientTape() as tape:
        x = tf.constant(images[:2])
        tape.watch(x)
        unit = tap.pre_activation(x)[:, 3]
    np.testing.assert_allclose(tape.gradient(unit, x).numpy().reshape(2, -1), [kernel[:, 3]] * 2, rtol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 7, 40, 1000])
def test_batches_equal_one_pass(digits_classifier, images, batch_size, monkeypatch):
    monkeypatch.setitem(vars(digits_classifier), "batch_size", batch_size)  # a cached property
    logits = digits_classifier.model.predict_on_batch(images)
    found = digits_classifier.judge(images)
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True), dtype=np.float64)
    np.testing.assert_allclose(found.logits, logits, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(found.probabilities, exponentials / exponentials.sum(axis=1, keepdims=True), atol=1e-3)
    np.testing.assert_array_equal(found.predicted, logits.argmax(axis=1))
    assert len(set(found.predicted)) > 3


def test_judging_runs_the_network_as_in_use_not_as_in_training(convolutional):
    images = np.random.default_rng(0).uniform(0, 255, [8, 3, 4, 1]).astype(np.float32)
    assert convolutional.judge(images).logits.tobytes() == convolutional.judge(images).logits.tobytes()
    tap = convolutional.tap("dense_relu")
    pre_activation = tap.pre_activation(tf.constant(images))
    features = convolutional.tap("conv_relu")(tf.constant(images)).post_activation
    kernel, bias = convolutional.model.get_layer("dense").get_weights()
    np.testing.assert_allclose(pre_activation, features.numpy() @ kernel + bias, rtol=1e-4, atol=1e-2)


def test_logits_and_judgment_agree(digits_classifier, images):
    found = digits_classifier.judge(images).logits
    np.testing.assert_allclose(digits_classifier.logits(tf.constant(images)), found, rtol=1e-4, atol=1e-3)


def test_a_classifier_is_frozen(digits_classifier, convolutional):
    for classifier in (digits_classifier, convolutional):
        assert classifier.model.trainable_weights == []
        assert not any(layer.trainable for layer in classifier.model.layers)


def test_the_digits_classifier_knows_the_digits(digits, digits_classifier):
    predicted = digits_classifier.judge(from_uint8(digits.test.images, digits_classifier.bounds)).predicted
    assert 0.8 < np.mean(predicted == digits.test.labels) < 1.0
