"""Logits are what a softmax reads; the rest are told apart by what they give."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcollide.errors import RequestError
from tfcollide.models.classifier import Classifier
from tfcollide.shapes import Bounds

IMAGES = np.random.default_rng(0).uniform(0, 1, [5, 2, 2, 1]).astype(np.float32)


def ending_in(end):
    keras.utils.set_random_seed(0)
    images = keras.Input((2, 2, 1))
    return Classifier(keras.Model(images, end(images)), name="net", bounds=Bounds(0.0, 1.0))


def flat(images):
    return keras.layers.Flatten()(images)


class Opaque(keras.layers.Layer):
    """Probabilities out of nowhere."""

    def call(self, values):
        return tf.nn.softmax(values * [1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("end", "known"),
    [
        (lambda x: keras.layers.Dense(3, activation="softmax")(flat(x)), True),
        (lambda x: keras.layers.Softmax()(keras.layers.Dense(3)(flat(x))), True),
        (lambda x: keras.layers.Activation("softmax")(keras.layers.Dense(3)(flat(x))), True),
        (lambda x: keras.ops.softmax(keras.layers.Dense(3)(flat(x))), True),
        (lambda x: keras.layers.Conv2D(3, 2, activation="softmax")(x), True),
        (lambda x: Opaque()(keras.layers.Dense(3)(flat(x))), False),
    ],
)
def test_the_softmax_of_the_logits_is_the_output(end, known):
    classifier = ending_in(end)
    assert classifier.num_classes == 3
    judged = classifier.judge(IMAGES)
    expected = np.reshape(classifier.model(IMAGES, training=False), [5, 3])
    np.testing.assert_allclose(judged.probabilities, expected, rtol=1e-5)
    total = np.exp(judged.logits).sum(axis=1)  # 1 where nothing but the logarithm of a probability is to be had
    assert (np.abs(total - 1).max() > 1e-2) if known else (np.abs(total - 1).max() < 1e-5)
    np.testing.assert_array_equal(judged.predicted, expected.argmax(axis=1))


def test_logits_before_a_fused_softmax_are_those_of_the_dense_layer():
    classifier = ending_in(lambda x: keras.layers.Dense(3, activation="softmax", name="last")(flat(x)))
    kernel, bias = classifier.model.get_layer("last").get_weights()
    np.testing.assert_allclose(
        classifier.logits(tf.constant(IMAGES)), IMAGES.reshape(5, 4) @ kernel + bias, rtol=1e-5, atol=1e-6
    )


def test_a_model_that_ends_in_logits():
    classifier = ending_in(lambda x: keras.layers.Dense(3)(flat(x)))
    np.testing.assert_array_equal(classifier.logits(tf.constant(IMAGES)), classifier.model(IMAGES))


@pytest.mark.parametrize("end", [lambda x: keras.layers.Dense(1)(flat(x)), lambda x: keras.layers.Conv2D(3, 1)(x)])
def test_what_is_no_classifier_is_refused(end):
    with pytest.raises(RequestError, match="expected one logit or probability a class, two or more"):
        ending_in(end)


def test_sixteen_bit_networks_give_logits_in_single_precision():
    keras.utils.set_random_seed(0)
    images = keras.Input((2, 2, 1))
    policy = keras.dtype_policies.DTypePolicy("mixed_float16")
    x = keras.layers.Dense(4, activation="relu", dtype=policy, name="half")(flat(images))
    model = keras.Model(images, keras.layers.Dense(3, dtype=policy)(x))
    classifier = Classifier(model, name="net", bounds=Bounds(0.0, 1.0))
    assert (
        classifier.logits(tf.constant(IMAGES)).dtype
        == classifier.tap("half").pre_activation(tf.constant(IMAGES)).dtype
        == tf.float32
    )
