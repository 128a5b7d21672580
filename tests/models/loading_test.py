import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcollide.models.loading import wrap


@pytest.fixture
def model():
    keras.utils.set_random_seed(0)
    layers = [
        keras.Input([8, 8, 3]),
        keras.layers.Rescaling(1 / 255),
        keras.layers.Conv2D(4, 3, activation="relu", name="conv"),
        keras.layers.Flatten(),
        keras.layers.Dense(16, activation="relu", name="fc"),
        keras.layers.Dense(3, activation="softmax"),
    ]
    return keras.Sequential(layers)


@pytest.mark.parametrize(("precision", "error"), [("mixed_bfloat16", 2e-2), ("mixed_float16", 3e-3)])
def test_sixteen_bits_are_near_and_not_equal(model, precision, error):
    images = tf.constant(np.random.default_rng(0).uniform(0, 255, [4, 8, 8, 3]), tf.float32)
    exact = wrap(model, name="net")
    logits, features = exact.logits(images).numpy(), exact.tap("fc").pre_activation(images).numpy()
    rough = wrap(model, name="net", precision=precision)
    for found, expected in ((rough.logits(images), logits), (rough.tap("fc").pre_activation(images), features)):
        assert found.dtype == tf.float32
        np.testing.assert_allclose(found, expected, atol=error * np.abs(expected).max())
        assert not np.array_equal(found, expected)
