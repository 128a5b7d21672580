"""Images in every form that a caller may have them, and networks in every form that Keras has them."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import tfcollide as tc
from tfcollide.library.given import data_given, image_given

PIXELS = np.random.default_rng(0).integers(0, 256, [4, 4, 1], dtype=np.uint8)
FLOATS = (PIXELS / 255).astype(np.float32)


@pytest.mark.parametrize(
    "value",
    [
        PIXELS,
        PIXELS[..., 0],
        PIXELS.astype(np.int64),
        tf.constant(PIXELS),
        FLOATS,
        tf.constant(FLOATS),
        FLOATS.astype(np.float64),
    ],
    ids=["uint8", "without channels", "int64", "tensor of uint8", "floats", "tensor of floats", "float64"],
)
def test_arrays_and_tensors(network, value):
    np.testing.assert_allclose(image_given(network, value, "source")[0], FLOATS, atol=1e-6)


def test_files_and_pil_images(network, tmp_path):
    picture = Image.fromarray(PIXELS[..., 0])
    picture.save(tmp_path / "a.png")
    for value in (picture, tmp_path / "a.png", str(tmp_path / "a.png")):
        np.testing.assert_allclose(image_given(network, value, "source")[0], FLOATS, atol=1e-6)
    assert image_given(network, tmp_path / "a.png", "source")[1] == "a.png"
    assert image_given(network, picture.resize((9, 9)), "source")[0].shape == (4, 4, 1)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.zeros([5, 5, 1]), "source of shape (5, 5, 1): expected (4, 4, 1)"),
        (np.full([4, 4, 1], 1.5), "with values from 1.5 to 1.5: expected values from 0 to 1. Give it as the network reads it"),
        (np.full([4, 4, 1], np.nan), "expected values from 0 to 1"),
        (np.full([4, 4, 1], 256), "expected values from 0 to 255"),
        ("nowhere.png", "image nowhere.png, which does not exist"),
    ],
)
def test_what_is_no_image_is_named(network, target, value, words):
    with pytest.raises(tc.RequestError) as caught:
        tc.find_corners(network, value, target)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (np.ones(7), "target of 7 features: expected 12, one per unit of hidden"),
        (np.zeros(12), "expected finite features, some of them above 0"),
    ],
)
def test_features_that_cannot_be(network, source, target, words):
    with pytest.raises(tc.RequestError) as caught:
        tc.find_corners(network, source, target)
    assert words in str(caught.value)


def test_as_many_sources_as_targets(network, sources, targets):
    with pytest.raises(tc.RequestError, match="2 images in source and 3 in target: expected as many of both"):
        tc.find_corners(network, sources[:2], targets[:3])


def test_a_data_set_of_floats_is_that_of_its_8_bit_pixels(network):
    pixels = np.stack([PIXELS, PIXELS.T.reshape(4, 4, 1)])
    for images in (pixels, pixels[..., 0], pixels.astype(np.int64), (pixels / 255).astype(np.float32), tf.constant(pixels)):
        read, labels = data_given(network, images, [0, 2])
        np.testing.assert_array_equal(read, pixels)
        assert read.dtype == np.uint8 and labels.tolist() == [0, 2]
    assert data_given(network, pixels)[1].tolist() == [-1, -1]


@pytest.mark.parametrize(
    ("images", "labels", "words"),
    [
        (np.zeros([2, 5, 4, 1]), [0, 1], "of shape (2, 5, 4, 1) with labels of shape (2,): expected [n, 4, 4, 1] and [n]"),
        (np.zeros([2, 4, 4, 1]), [0], "with labels of shape (1,)"),
        (np.zeros([2, 4, 4, 1]), np.eye(3)[:2], "with labels of shape (2, 3)"),
        (np.zeros([2, 4, 4, 1]), ["a", "b"], "whole numbers, one class per image"),
        (np.zeros([2, 4, 4, 1]), [0, 3], "labels up to 3: expected whole numbers below 3"),
        (np.full([2, 4, 4, 1], np.nan), [0, 1], "images of float64 with values from nan to nan: expected values from 0 to 1"),
        (np.full([2, 4, 4, 1], 200.0), [0, 1], "expected values from 0 to 1. Give it as the network reads it"),
        (None, [0, 1], "labels without images"),
    ],
)
def test_a_data_set_that_cannot_be_is_named(network, source, target, images, labels, words):
    with pytest.raises(tc.RequestError) as caught:
        tc.find_corners(network, source, target, images=images, labels=labels)
    assert words in str(caught.value)


def test_floats_up_to_1_where_the_pixel_range_is_assumed(model, source, target):
    network = tc.wrap(model)
    for given in ({}, {"images": np.full([2, 4, 4, 1], 0.5)}):
        ends = (255 * source, 255 * target) if given else (source, target)
        with pytest.raises(tc.RequestError, match=r"assumed to be 0..255: .* Say wrap\(model, pixel_range=\(0, 1\)\)"):
            tc.find_corners(network, *ends, **given)
    told = tc.wrap(model, pixel_range=(0, 255))
    with pytest.raises(tc.RequestError, match=r"source.* whose pixels are 0..255: .*Multiply by 255"):
        image_given(told, source, "source")
    assert image_given(told, np.zeros_like(source), "source")[0].max() == 0


def test_outputs_that_do_not_exist(model):
    with pytest.raises(tc.RequestError, match="^outputs=prob: expected one of auto, probabilities"):
        tc.wrap(model, outputs="prob")


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.flat, self.first, self.last = keras.layers.Flatten(), keras.layers.Dense(6, "relu"), keras.layers.Dense(3)

    def call(self, images):
        return self.last(self.first(self.flat(images)))


def nested():
    inner = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(6, "relu")])
    images = keras.Input((4, 4, 1))
    return keras.Model(images, keras.layers.Dense(3)(inner(images)))


def subclassed():
    model = Subclassed()
    model(np.zeros([1, 4, 4, 1], np.float32))
    return model


@pytest.mark.parametrize("make", [nested, subclassed])
def test_models_of_every_kind(make, source):
    network = tc.wrap(make(), pixel_range=(0, 1), class_names=["a", "b", "c"], name="mine")
    assert network.name == "mine" and network.class_names == ("a", "b", "c") and len(network.tap_names) == 1
    assert network.judge(source[None]).logits.shape == (1, 3)


def test_a_model_file_is_named_by_its_path(model, tmp_path, source, network):
    model.save(tmp_path / "small.keras")
    loaded = tc.wrap(tmp_path / "small.keras", pixel_range=(0, 1))
    assert loaded.name == "small"
    np.testing.assert_allclose(loaded.judge(source[None]).logits, network.judge(source[None]).logits, rtol=1e-5)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"pixel_range": (1, 0)}, "pixel_range=(1, 0): expected the values of black and white, such as (0, 255)"),
        ({"pixel_range": 255}, "pixel_range=255: expected the values of black and white"),
        ({"class_names": ["a"]}, "class_names with 1 names: expected 3, one per class"),
        ({"image_size": 9}, "image_size=9: expected 4, the size that small reads"),
        ({"outputs": "binary"}, "outputs=binary with small"),
    ],
)
def test_wrapping_names_arguments(model, settings, words):
    with pytest.raises(tc.RequestError) as caught:
        tc.wrap(model, **settings)
    assert words in str(caught.value) and "--" not in str(caught.value)


def test_a_class_that_the_data_set_does_not_have_is_refused(network):
    """Without `class_names` classes are called "class 0", ...: a label by another name would silence the independent reader."""
    images = np.random.default_rng(0).integers(0, 256, [9, *network.image_shape], np.uint8)
    labels = np.arange(9) % network.num_classes
    with pytest.raises(tc.RequestError, match=r"^source_label='3': expected .*class 0.*class_names=\[\.\.\.\]"):
        tc.find_corners(network, images[0], images[1], images=images, labels=labels, source_label="3")
    with pytest.raises(tc.RequestError, match="^target_label='7'"):
        given = {"source_label": "class 0", "target_label": "7"}
        tc.find_corners(network, images[0], images[1], images=images, labels=labels, **given)
