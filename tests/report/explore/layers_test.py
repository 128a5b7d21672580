"""The page's own arithmetic against the network's."""

import keras
import numpy as np
import pytest

from tests.report.explore.scripts import judge_all
from tfcollide.models.loading import wrap
from tfcollide.polytope.hull.mixing import convex_weights, mix
from tfcollide.report.explore.lattice import answers_at
from tfcollide.report.explore.layers import Layers, Left, layers_of
from tfcollide.report.explore.scene import network_of
from tfcollide.shapes import Bounds

L = keras.layers


def dense() -> keras.Model:
    return keras.Sequential([keras.Input((6, 5, 1)), L.Flatten(), L.Dense(9, "relu", name="tap"), L.Dense(4)])


def convolutions() -> keras.Model:
    """Every kind of layer that a page computes, with odd sizes, strides and padding."""
    images = keras.Input((9, 7, 3))
    values = L.Rescaling(1 / 128, offset=-1.0)(images)
    values = L.ZeroPadding2D(((1, 2), (0, 1)))(values)
    values = L.Conv2D(6, (3, 2), strides=(2, 1), padding="same", activation="relu")(values)
    left = L.DepthwiseConv2D(3, depth_multiplier=2, padding="same", use_bias=False)(values)
    left = L.BatchNormalization()(left)
    left = L.ReLU(6.0, name="tap")(left)
    right = L.Conv2D(12, 3, dilation_rate=2, padding="same")(values)
    both = L.Add()([left, right, left])
    pooled = L.MaxPooling2D(3, strides=2, padding="same")(both)
    averaged = L.AveragePooling2D(3, strides=2, padding="same")(both)
    joined = L.Dropout(0.5)(L.Concatenate()([pooled, averaged]))
    joined = L.Conv2D(8, 2, padding="valid", activation="relu")(joined)
    ends = L.Concatenate()([L.GlobalAveragePooling2D()(joined), L.GlobalMaxPooling2D()(joined)])
    return keras.Model(images, L.Dense(5, activation="softmax")(ends))


def two_classes() -> keras.Model:
    return keras.Sequential([keras.Input((4, 4, 1)), L.Flatten(), L.Dense(6, "relu", name="tap"), L.Dense(1, "sigmoid")])


def shaken(model: keras.Model) -> keras.Model:
    """With weights, biases and moving averages that are all different."""
    rng = np.random.default_rng(0)
    for weight in model.weights:
        positive = "variance" in weight.path or "gamma" in weight.path
        drawn = rng.uniform(0.5, 2.0, weight.shape) if positive else rng.normal(0, 0.5, weight.shape)
        weight.assign(drawn.astype(np.float32))
    return model


@pytest.mark.parametrize("build", [dense, convolutions, two_classes])
def test_the_page_answers_as_the_network_does_at_200_random_weights(build):
    classifier = wrap(shaken(build()), name="net", bounds=Bounds(0.0, 255.0))
    tap = classifier.tap(next(name for name in classifier.tap_names if "tap" in name))
    rng = np.random.default_rng(1)
    corners = rng.uniform(0, 255, [5, *classifier.image_shape]).astype(np.float32)
    target = rng.uniform(0, 255, classifier.image_shape).astype(np.float32)
    weights = convex_weights(200, 5, seed=2)
    network = network_of(classifier, tap, target)
    assert not isinstance(network, str)
    images = mix(weights, corners)
    ours = judge_all(network, images, classifier.class_names)
    theirs, answers = classifier.judge(images), answers_at(weights, corners, target, classifier, tap)
    logits = np.array([found["logits"] for found in ours])
    assert np.abs(logits - theirs.logits).max() <= 1e-5 * np.abs(theirs.logits).max()
    for n, found in enumerate(ours):
        chances = theirs.probabilities[n][found["top"]]
        np.testing.assert_allclose(found["chances"], chances, atol=1e-5)
        assert found["name"] == answers.names[n] and found["hit"] == answers.hit[n]
        np.testing.assert_allclose(found["probability"], answers.probability[n], atol=1e-5)
    for name in ("margin", "active_match", "feature_distance"):
        values = getattr(answers, name)
        np.testing.assert_allclose([found[name] for found in ours], values, rtol=1e-4, atol=2e-5 * np.abs(values).max())


@pytest.mark.parametrize(
    ("layers", "why"),
    [
        ([L.Conv2D(4, 3, activation="relu", name="tap"), L.UpSampling2D(), L.GlobalMaxPooling2D(), L.Dense(3)], "UpSampling2D"),
        ([L.Conv2D(6, 3, groups=3, activation="relu", name="tap"), L.GlobalMaxPooling2D(), L.Dense(3)], "3 groups"),
        ([L.Flatten(), L.Dense(9000, "relu", name="tap"), L.Dense(3)], "MB, more than 2"),
        ([L.Conv2D(500, 5, padding="same", activation="relu", name="tap"), L.GlobalMaxPooling2D(), L.Dense(3)], "million"),
        ([L.Flatten(), L.Dense(8, "relu", name="tap"), L.Dense(3, "gelu"), L.Dense(3)], "gelu"),
    ],
)
def test_what_the_page_does_not_compute_is_left_out_and_named(layers, why):
    size = 40 if why == "million" else 8
    classifier = wrap(keras.Sequential([keras.Input((size, size, 3)), *layers]), name="net", bounds=Bounds(0.0, 1.0))
    found = layers_of(classifier, classifier.tap("tap"))
    assert isinstance(found, Left) and why in found.reason


def test_a_network_of_labels_is_left_out():
    model = keras.Sequential([keras.Input((4, 4, 1)), L.Flatten(), L.Dense(6, "relu", name="tap"), L.Dense(3, "sigmoid")])
    classifier = wrap(model, name="net", bounds=Bounds(0.0, 1.0), outputs="multilabel")
    assert layers_of(classifier, classifier.tap("tap")) == Left("it gives labels, not one class")


def test_only_calls_on_the_way_to_tap_and_logits_are_taken():
    classifier = wrap(dense(), name="net", bounds=Bounds(0.0, 1.0))
    found = layers_of(classifier, classifier.tap("tap"))
    assert isinstance(found, Layers)
    assert [layer["kind"] for layer in found.layers] == ["same", "dense", "relu", "dense"]
    assert sum(array.size for array in found.weights) == 30 * 9 + 9 + 9 * 4 + 4
