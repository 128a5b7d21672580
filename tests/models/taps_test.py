import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcollide.errors import RequestError
from tfcollide.models.classifier import Classifier
from tfcollide.models.rectifier import Rectifier
from tfcollide.shapes import Bounds

from . import nets


def classifier_of(model, **settings):
    return Classifier(model, name="net", bounds=Bounds(0.0, 1.0), **settings)


@pytest.mark.parametrize(
    ("make", "default"), [(nets.fused, "fc"), (nets.sequential, "relu"), (nets.nested, "fc")], ids=lambda value: str(value)[:20]
)
def test_the_default_is_the_first_dense_relu_else_the_last(make, default):
    assert classifier_of(make()).default_tap == default


@pytest.mark.parametrize(
    ("make", "sole"), [(nets.fused, ["conv", "fc"]), (nets.branches, ["fc"]), (nets.shared, ["twice", "twice:2", "fc"])]
)
def test_a_tap_knows_whether_other_branches_go_round_it(make, sole):
    classifier = classifier_of(make())
    assert classifier.sole_taps == sole
    assert [name for name in classifier.tap_names if classifier.tap(name).sole] == sole


def test_a_tap_knows_the_shape_of_its_units():
    classifier = classifier_of(nets.branches())
    tap = classifier.tap("right")
    assert (tap.unit_shape, tap.rectifier) == ((6, 6, 4), Rectifier(6.0))
    sides = tap(tf.constant(nets.images(upper=20.0)))
    assert sides.pre_activation.shape == (3, 144)
    np.testing.assert_array_equal(sides.post_activation, np.clip(sides.pre_activation, 0, 6))


def test_the_shape_of_a_model_that_takes_any_size_is_found_by_trial():
    images = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(2, 3, activation="relu", name="conv")(images)
    outputs = keras.layers.Dense(4)(keras.layers.GlobalAveragePooling2D()(x))
    tap = classifier_of(keras.Model(images, outputs), image_shape=(7, 5, 3)).tap("conv")
    assert tap.unit_shape == (5, 3, 2)
    assert tap.pre_activation(tf.zeros([2, 7, 5, 3])).shape == (2, 30)


def test_pre_activations_do_not_depend_on_who_else_is_in_the_batch():
    tap = classifier_of(nets.normalized()).tap("bn_relu")
    images = tf.constant(nets.images())
    np.testing.assert_allclose(tap.pre_activation(images)[1:2], tap.pre_activation(images[1:2]), rtol=1e-5, atol=1e-6)


def test_gradients_at_a_tap_are_those_of_finite_differences():
    keras.utils.set_random_seed(0)
    tap = classifier_of(nets.shared()).tap("twice:2")
    images = tf.constant(nets.images(count=1))
    with tf.GradientTape() as tape:
        tape.watch(images)
        value = tf.reduce_sum(tap.pre_activation(images)[:, :5])
    along = np.random.default_rng(3).normal(size=images.shape).astype(np.float32)
    ahead, behind = (tf.reduce_sum(tap.pre_activation(images + sign * 1e-3 * along)[:, :5]) for sign in (1, -1))
    slope = tf.reduce_sum(tape.gradient(value, images) * along)
    assert float(slope) == pytest.approx(float(ahead - behind) / 2e-3, rel=0.02, abs=1e-3)


@pytest.mark.parametrize(
    ("activation", "said"),
    [("gelu", "gelu"), ("leaky_relu", "leaky_relu"), ("sigmoid", "sigmoid"), ("tanh", "tanh"), ("silu", "silu")],
)
def test_other_activations_are_refused_by_name(activation, said):
    images = keras.Input((4,))
    x = keras.layers.Dense(3, activation=activation, name="odd")(images)
    x = keras.layers.Dense(3, activation="relu", name="even")(x)
    classifier = classifier_of(keras.Model(images, keras.layers.Dense(2)(x)))
    with pytest.raises(RequestError, match=f"--tap=odd, which is a {said}: expected a ReLU of net: even"):
        classifier.tap("odd")


def test_a_network_without_relu_is_refused():
    images = keras.Input((4,))
    with pytest.raises(RequestError, match="network net without a ReLU, but with tanh: expected"):
        assert classifier_of(keras.Model(images, keras.layers.Dense(2, activation="tanh")(images))).default_tap
