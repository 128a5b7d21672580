"""What XLA is asked to compile; gradients are tested beside the networks that lack them."""

import keras
import pytest

from tfcollide.errors import RequestError
from tfcollide.models.differentiable import check_compiles
from tfcollide.models.loading import wrap
from tfcollide.models.training import make_deterministic


def network(pool):
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((6, 6, 1)), layers.Conv2D(2, 3), pool, layers.ReLU(name="relu"), layers.Flatten(), layers.Dense(3)]
    )
    return wrap(model, name="net")


def test_what_xla_compiles():
    make_deterministic()
    classifier = network(keras.layers.AveragePooling2D(2))
    check_compiles(classifier, classifier.tap("relu"))


def test_a_gradient_that_does_not_repeat_is_refused():
    make_deterministic()
    classifier = network(keras.layers.MaxPooling2D(2))
    with pytest.raises(RequestError, match="--xla with net, which XLA cannot compile .*Leave --xla out"):
        check_compiles(classifier, classifier.tap("relu"))
