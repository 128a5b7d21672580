import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcollide.models.rectifier import Rectifier, is_softmax, other_activation, rectifier_of

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
