"""Networks that read something else than images [N, H, W, C] of float32."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcollide.errors import RequestError
from tfcollide.models.affine import affine_map
from tfcollide.models.dense_chain import read_chain
from tfcollide.models.differentiable import check_differentiable
from tfcollide.models.entry import image_shape
from tfcollide.models.loading import load_classifier, wrap
from tfcollide.models.pixel_range import PHOTO, UNIT, try_ranges
from tfcollide.shapes import Bounds

from . import nets


@pytest.mark.parametrize(
    ("shape", "size", "expected"),
    [
        ((28, 28), None, (28, 28, 1)),
        ((20, 30), None, (20, 30, 1)),
        ((None, None), 20, (20, 20, 1)),
        ((784,), None, (28, 28, 1)),
        ((768,), None, (16, 16, 3)),
        ((None, None, 3), None, (224, 224, 3)),
        ((None, 20, 3), 20, (20, 20, 3)),
    ],
)
def test_the_images_that_a_network_reads(shape, size, expected):
    assert image_shape(shape, "net", size) == expected


@pytest.mark.parametrize("shape", [None, (), (5,), (8, 8, 2), (3, 8, 8), (1, 8, 8, 3)])
def test_what_are_no_images(shape):
    with pytest.raises(RequestError, match="net with inputs of shape .*: expected images"):
        image_shape(shape, "net", None)


def test_another_size_than_the_network_reads():
    with pytest.raises(RequestError, match="--image_size=20: expected 28"):
        image_shape((28, 28), "net", 20)


def network(shape, dtype="float32", *first):
    images = keras.Input(shape, dtype=dtype)
    x = images
    for layer in first:
        x = layer(x)
    x = keras.layers.Dense(9, activation="relu", name="fc")(keras.layers.Flatten()(x))
    return keras.Model(images, keras.layers.Dense(4, name="logits")(x))


@pytest.mark.parametrize("shape", [(8, 8), (64,), (48,)])
@pytest.mark.parametrize("saved", [False, True])
def test_images_without_a_channel_axis(tmp_path, shape, saved):
    model = network(shape)
    mine = wrap(model, name="net")
    images = nets.images(mine.image_shape)
    expected = model.predict(images.reshape(3, *shape), verbose=0)
    chain = read_chain(model)
    np.testing.assert_allclose(chain.logits(images), expected, rtol=1e-4, atol=1e-5)
    flat = affine_map(mine, "fc")(images.reshape(3, -1).astype(np.float64))
    np.testing.assert_allclose(flat, mine.tap("fc").pre_activation(tf.constant(images)), rtol=1e-4, atol=1e-4)
    if saved:
        model.export(tmp_path / "net", verbose=False)
        mine = load_classifier(tmp_path / "net")
    np.testing.assert_allclose(mine.judge(images).logits, expected, rtol=1e-4, atol=1e-5)
    check_differentiable(mine, mine.tap(mine.default_tap))


@pytest.mark.parametrize("saved", [False, True])
@pytest.mark.parametrize("dtype", ["uint8", "int32", "float64", "float16"])
def test_other_numbers_than_float32(tmp_path, dtype, saved):
    """What Keras cuts off is cut off, and the gradient is that of the float network."""
    model, twin = (network((4, 4, 3), kind, keras.layers.Rescaling(1 / 255)) for kind in (dtype, "float32"))
    twin.set_weights(model.get_weights())
    mine, original = wrap(model, name="net"), wrap(twin, name="twin")
    if saved:
        model.export(tmp_path / "net", verbose=False)
        mine = load_classifier(tmp_path / "net")
    images = nets.images((4, 4, 3), upper=255.0)
    np.testing.assert_allclose(mine.judge(images).logits, model.predict(images, verbose=0), rtol=1e-4, atol=1e-5)
    assert mine.whole_numbers == (dtype if "int" in dtype else None)
    whole = tf.constant(np.floor(images))

    def gradient(classifier):
        tap = classifier.tap(classifier.default_tap)
        check_differentiable(classifier, tap)
        with tf.GradientTape() as tape:
            tape.watch(whole)
            value = tf.reduce_sum(tf.square(tap.pre_activation(whole)))
        return tape.gradient(value, whole)

    np.testing.assert_allclose(gradient(mine), gradient(original), rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize(
    ("dtype", "bounds"), [("uint8", (-1.0, 1.0)), ("int8", (0.0, 255.0)), ("int8", None), ("uint8", (0.0, 256.0))]
)
def test_pixels_that_whole_numbers_cannot_be_are_refused(dtype, bounds):
    """Below 0 an unsigned number is what the machine makes of it, not the same in every batch."""
    model = network((4, 4, 3), dtype)
    with pytest.raises(RequestError, match=f"for net, which reads {dtype}.*--pixel_range=0,255"):
        wrap(model, name="net", bounds=bounds and Bounds(*bounds))


def test_such_pixels_are_not_tried_either():
    mine, images = wrap(network((4, 4, 3), "uint8"), name="net"), np.zeros([2, 4, 4, 3], np.uint8)
    assert {trial.bounds for trial in try_ranges(mine, images, np.zeros(2, np.int64))} == {UNIT, PHOTO}


@pytest.mark.parametrize("dtype", ["uint8", "float16"])
def test_nothing_is_proven_of_rounded_pixels(dtype):
    model = network((4, 4, 3), dtype, keras.layers.Rescaling(1 / 255))
    assert f"reads {dtype}" in read_chain(model).reason
    with pytest.raises(RequestError, match=f"which reads {dtype}.*Say --solver=gradient"):
        affine_map(wrap(model, name="net"), "fc")


@pytest.mark.parametrize(("dtype", "said"), [("uint8", r"from fc \(it reads uint8\)"), ("float32", "from fc:")])
def test_a_network_without_a_gradient_is_refused(dtype, said):
    class Halved(keras.layers.Layer):
        def call(self, values):
            return keras.ops.cast(keras.ops.cast(values, "int32") // 2, "float32")

    mine = wrap(network((4, 4, 3), dtype, Halved()), name="net")
    with pytest.raises(RequestError, match=f"model net, in which no gradient reaches the image {said}"):
        check_differentiable(mine, mine.tap("fc"))


def test_an_operation_without_a_gradient_is_refused():
    class Area(keras.layers.Layer):
        def call(self, values):
            return tf.raw_ops.ResizeArea(images=values, size=[2, 2])

    mine = wrap(network((4, 4, 3), "float32", Area()), name="net")
    with pytest.raises(RequestError, match="one of whose operations has no gradient"):
        check_differentiable(mine, mine.tap("fc"))


@pytest.mark.parametrize("start", ["built", "called", "predicted"])
def test_a_subclass_of_a_model_is_wrapped(start):
    model = nets.Subclassed()
    if start == "built":
        model.build((None, *nets.SHAPE))
    elif start == "called":
        model(nets.images())
    else:
        model.predict(nets.images(), verbose=0)
    mine = wrap(model, name="net")
    np.testing.assert_allclose(mine.judge(nets.images()).logits, model.predict(nets.images(), verbose=0), rtol=1e-4, atol=1e-5)


def test_a_subclass_of_which_no_shape_is_known():
    with pytest.raises(RequestError, match="model net with inputs of shape None.*model.export"):
        wrap(nets.Subclassed(), name="net")
