"""A network with a fixed batch is the network without."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcollide.errors import RequestError
from tfcollide.models.differentiable import check_compiles, check_differentiable
from tfcollide.models.loading import load_classifier, wrap

from . import nets


def network(batch):
    images = keras.Input(batch_shape=(batch, *nets.SHAPE))
    x = keras.layers.Conv2D(3, 3, activation="relu", name="conv")(images)
    x = keras.ops.reshape(x, (batch or -1, 48))
    x = keras.layers.Dense(5, activation="relu", name="fc")(x)
    return keras.Model(images, keras.layers.Dense(4)(x))


def looks(classifier):
    """From images, any number of them, to the features and a gradient; compiled once."""
    tap = classifier.tap(classifier.default_tap)

    @tf.function(input_signature=[tf.TensorSpec([None, *nets.SHAPE], tf.float32)])
    def look(images):
        with tf.GradientTape() as tape:
            tape.watch(images)
            features = tap.pre_activation(images)
            value = tf.reduce_sum(tf.square(features))
        return features, tape.gradient(value, images)

    return look


@pytest.mark.parametrize("saved", [False, True])
@pytest.mark.parametrize("batch", [1, 3])
def test_any_number_of_rows(tmp_path, batch, saved):
    model, twin = network(batch), network(None)
    twin.set_weights(model.get_weights())
    mine, original = wrap(model, name="net"), wrap(twin, name="twin")
    if saved:
        # For one image Keras writes a signature for any number, which does not work.
        spec = None if batch == 1 else [tf.TensorSpec([batch, *nets.SHAPE], tf.float32)]
        model.export(tmp_path / "net", verbose=False, input_signature=spec)
        mine = load_classifier(tmp_path / "net")
    check_differentiable(mine, mine.tap(mine.default_tap))
    compiled = [looks(classifier) for classifier in (mine, original)]
    for count in (1, 4, 7):
        images = nets.images(count=count)
        np.testing.assert_allclose(mine.judge(images).logits, original.judge(images).logits, rtol=1e-4, atol=1e-5)
        features, slopes = zip(*(look(tf.constant(images)) for look in compiled), strict=True)
        np.testing.assert_allclose(*features, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(*slopes, rtol=1e-3, atol=1e-4)


def test_a_saved_model_that_cannot_compute(tmp_path):
    network(3).export(tmp_path / "net", verbose=False)
    with pytest.raises(RequestError, match="model net, which cannot compute .Input to reshape is a tensor with 48 values"):
        load_classifier(tmp_path / "net")


def test_xla_compiles_no_loop_over_batches():
    mine = wrap(network(None), name="net")
    check_compiles(mine, mine.tap("fc"))
    mine = wrap(network(3), name="net")
    with pytest.raises(RequestError, match=r"^--xla with net, which XLA cannot compile \(.*XLA.*\): .*\. Leave --xla out\.$"):
        check_compiles(mine, mine.tap("fc"))
