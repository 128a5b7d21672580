import keras
import numpy as np
import pytest

from tfcollide.models.loading import wrap

from . import nets

NAMES = ("_fc1", "fc 1", "a:b", "\u03c6", "\u5c64", "-", "a\nb")


@pytest.mark.parametrize("within", [False, True])
def test_names_of_layers_that_are_no_scopes(within):
    layers = [keras.layers.Dense(5, activation="relu", name=name) for name in NAMES]
    images = keras.Input(nets.SHAPE)
    if within:  # a layer of a layer
        inner = keras.Sequential([keras.Input((3,)), *layers], name="an inner one")
        x = keras.layers.Flatten()(keras.layers.TimeDistributed(inner)(keras.layers.Reshape((36, 3))(images)))
    else:
        x = keras.layers.Flatten()(images)
        for layer in layers:
            x = layer(x)
    model = keras.Model(images, keras.layers.Dense(3)(keras.layers.ReLU(name="*")(x)))
    expected = model(nets.images())
    mine = wrap(model, name="net")
    np.testing.assert_allclose(mine.judge(nets.images()).logits, expected, rtol=1e-4, atol=1e-5)
    assert mine.tap_names == ([] if within else list(NAMES)) + ["*"]
    assert [layer.name for layer in layers] == list(NAMES)
