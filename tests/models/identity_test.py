import keras
import numpy as np
import pytest

from tfcollide.models.identity import identity_of
from tfcollide.models.loading import load_classifier, wrap
from tfcollide.shapes import Bounds


def network(seed=0, units=4, activation="relu"):
    keras.utils.set_random_seed(seed)
    layers = [
        keras.layers.Flatten(),
        keras.layers.Dense(units, activation=activation),
        keras.layers.ReLU(),
        keras.layers.Dense(3),
    ]
    return keras.Sequential([keras.Input((4, 4, 1), name="images"), *layers], name="net")


def identity(model, bounds=(0.0, 1.0)):
    return identity_of(wrap(model, name="any", bounds=Bounds(*bounds), outputs="logits"))


def test_equal_networks_are_one_and_others_are_not(tmp_path):
    model = network()
    one = identity(model)
    model.save(tmp_path / "net.keras")
    again = load_classifier(tmp_path / "net.keras", bounds=Bounds(0.0, 1.0), outputs="logits")
    assert one == identity_of(again) != identity_of(load_classifier(tmp_path / "net.keras", outputs="logits"))
    assert len({one, identity(network(), (0.0, 255.0)), identity(network(activation="tanh")), identity(network(units=5))}) == 4


def test_one_weight_makes_another_network():
    model = network()
    before = identity(model)
    weights = model.get_weights()
    weights[0][0, 0] = np.nextafter(weights[0][0, 0], np.float32(9))
    model.set_weights(weights)
    assert identity(model) != before


@keras.saving.register_keras_serializable("tests")
class Own(keras.layers.Layer):
    def call(self, values):
        return values


@pytest.mark.parametrize("layer", [Own(), keras.layers.Lambda(lambda x: x)])
def test_code_that_the_configuration_does_not_hold_has_no_identity(layer):
    inner = keras.Sequential([keras.Input((4, 4, 1)), layer])
    model = keras.Sequential([keras.Input((4, 4, 1)), inner, *network().layers])
    assert identity(model) is None


def test_a_saved_graph_has_one(tmp_path):
    model = network()
    model.export(tmp_path / "net", verbose=False)
    one, two = (load_classifier(tmp_path / "net", outputs="logits") for _ in range(2))
    assert identity_of(one) == identity_of(two) is not None
