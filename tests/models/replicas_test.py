"""Work split among two processors is the same work."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcollide.models.classifier import Classifier
from tfcollide.models.loading import load_classifier
from tfcollide.models.replicas import split_rows
from tfcollide.shapes import Bounds

from . import nets

BOUNDS, SHAPE = Bounds(0.0, 1.0), (8, 8, 3)
ROUNDING = {"rtol": 1e-5, "atol": 1e-6}


@pytest.fixture(scope="module")
def strategy():
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


def network():
    keras.utils.set_random_seed(0)
    images = keras.Input(SHAPE)
    x = keras.layers.Conv2D(6, 3, name="conv")(images)
    x = keras.layers.MaxPooling2D()(keras.layers.ReLU(name="relu")(keras.layers.BatchNormalization()(x)))
    x = keras.layers.Dense(9, activation="relu", name="fc1")(keras.layers.Flatten()(x))
    return keras.Model(images, keras.layers.Dense(4, activation="softmax")(x))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nets")
    network().save(folder / "net.keras")
    network().export(folder / "saved", verbose=False)
    return {"keras": folder / "net.keras", "saved_model": folder / "saved"}


@pytest.fixture(scope="module", params=["keras", "saved_model"])
def twins(request, files, strategy):
    """The same network on one device and on two."""
    load = {"path": files[request.param], "bounds": BOUNDS}
    with strategy.scope():
        split = load_classifier(**load)
    return load_classifier(**load), split


def images(count):
    return tf.constant(np.random.default_rng(count).random([count, *SHAPE]), tf.float32)


def slope(function):
    """The gradient of a function that weighs every output differently."""

    def gradient(rows):
        with tf.GradientTape() as tape:
            tape.watch(rows)
            values = function(rows)
            weights = tf.cos(tf.range(tf.size(values), dtype=tf.float32))
            loss = tf.reduce_sum(tf.reshape(weights, tf.shape(values)) * values**2)
        return values, tape.gradient(loss, rows)

    return tf.function(gradient, autograph=False)


@pytest.mark.parametrize("count", [1, 2, 5, 8])
@pytest.mark.parametrize("side", ["tap", "logits"])
def test_values_and_gradients(twins, count, side):
    tap = twins[0].default_tap
    one, two = (slope(each.tap(tap).pre_activation if side == "tap" else each.logits) for each in twins)
    for found, expected in zip(two(images(count)), one(images(count)), strict=True):
        assert np.abs(expected).max() > 1e-3
        np.testing.assert_allclose(found, expected, **ROUNDING)


def test_each_device_computes_its_share(strategy):
    seen = []

    def function(rows):
        seen.append((tf.identity(rows).device[-5:], rows.shape[0]))
        return (2.0 * rows,)

    found = tf.function(lambda rows: split_rows(function, strategy)(rows)[0])(tf.range(5.0)[:, None])
    assert sorted(device for device, _ in seen) == ["CPU:0", "CPU:1"]
    np.testing.assert_array_equal(found[:, 0], [0.0, 2.0, 4.0, 6.0, 8.0])


def test_weights_lie_on_both_devices(files, strategy):
    with strategy.scope():
        split = load_classifier(files["keras"], bounds=BOUNDS)
    for variable in split.model.variables:
        assert len(strategy.experimental_local_results(variable.value)) == 2


def test_rows_whose_number_changes_within_a_compiled_loop(twins):
    def descend(tap):
        def body(i, x):
            part = x[: 5 - i]
            with tf.GradientTape() as tape:
                tape.watch(part)
                loss = tf.reduce_sum(tap.pre_activation(part) ** 2)
            moved = part - 0.01 * tape.gradient(loss, part)
            return i + 1, tf.ensure_shape(tf.concat([moved, x[5 - i :]], 0), x.shape)

        return tf.function(lambda x: tf.while_loop(lambda i, x: i < 5, body, [tf.constant(0), x])[1], autograph=False)

    one, two = (descend(each.tap(each.default_tap))(images(5)) for each in twins)
    assert np.abs(one - images(5)).max() > 1e-3
    np.testing.assert_allclose(two, one, **ROUNDING)


def test_several_inputs_and_outputs(twins):
    tap = twins[0].default_tap
    for each in twins:
        values = each.tap(tap)(images(3)).post_activation
        resumed = tf.function(lambda values, images, each=each: nets.resume(each, tap, values, images))(values, images(3))
        np.testing.assert_allclose(resumed, each.logits(images(3)), **ROUNDING)
    (one, two) = (each.both(tap)(images(5)) for each in twins)
    for found, expected in zip(two, one, strict=True):
        np.testing.assert_allclose(found, expected, **ROUNDING)


def test_batches_are_larger_by_the_number_of_devices(twins):
    assert twins[1].batch_size == 2 * twins[0].batch_size
    np.testing.assert_allclose(twins[1].judge(images(7).numpy()).logits, twins[0].judge(images(7).numpy()).logits, **ROUNDING)


def test_a_classifier_of_one_device_knows_nothing_of_it():
    assert type(Classifier(network(), name="net", bounds=BOUNDS)._graph).__name__ == "Graph"
