"""Exact corners through the command line, at ReLUs within models, called twice, fused into layers, and behind a convolution."""

import json

import keras
import numpy as np
import pytest
from PIL import Image

from tfcollide.cli import collide
from tfcollide.models.loading import load_classifier

layers = keras.layers
SHAPE = (6, 6, 3)


def nested():
    first = keras.Input(SHAPE)
    inner = keras.Model(first, layers.ReLU(name="relu")(layers.Conv2D(6, 3, strides=3)(first)), name="inner")
    images = keras.Input(SHAPE)
    return keras.Model(images, layers.Dense(3, name="logits")(layers.Flatten()(inner(layers.Rescaling(1 / 255)(images)))))


def shared():
    """Both calls of one ReLU read what is affine in the image."""
    images, relu = keras.Input(SHAPE), layers.ReLU(name="relu")
    x = layers.Flatten()(layers.Rescaling(1 / 255)(images))
    one, other = relu(layers.Dense(6)(x)), relu(layers.Dense(7)(x))
    return keras.Model(images, layers.Dense(3, name="logits")(layers.Concatenate()([one, other])))


def fused():
    images = keras.Input(SHAPE)
    x = layers.Conv2D(4, 3, strides=2, activation="relu", name="conv")(layers.Rescaling(1 / 255)(images))
    return keras.Model(images, layers.Dense(3, name="logits")(layers.GlobalAveragePooling2D()(x)))


TAPS = {"inner/relu": nested, "relu": shared, "relu:2": shared, "conv": fused}


def write(make, folder):
    """A network with random weights, and two pictures that it tells apart."""
    keras.utils.set_random_seed(0)
    model, rng = make(), np.random.default_rng(0)
    pixels = rng.integers(0, 256, [2, *SHAPE], np.uint8)
    model.get_layer("logits").bias.assign(-np.mean(model(pixels.astype(np.float32)), axis=0))
    model.save(folder / "net.keras")
    pictures = {name: folder / f"{name}.png" for name in ("source", "target")}
    for image, path in zip(pixels, pictures.values(), strict=True):
        Image.fromarray(image).save(path)
    return pictures


@pytest.mark.parametrize("tap", TAPS)
def test_saved_corners_have_the_features_of_the_target(tmp_path, tap):
    pictures = write(TAPS[tap], tmp_path)
    images = (*(f"--{name}={path}" for name, path in pictures.items()), "--dataset=none")
    quick = ("--interpolations=50", "--worst_starts=2", "--certify_boxes=50")
    common = (f"--model={tmp_path}/net.keras", "--outputs=logits", *quick)
    solver = ("--solver=exact", f"--tap={tap}", "--corners=2", "--max_change=255", "--allow_trivial")
    assert collide(["collide", *common, *images, *solver, f"--out={tmp_path}/run"]) in (0, 1)
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["tap"] == tap and summary["converged"] and max(summary["exact"]["feature_residual_float64"]) <= 1e-6
    arrays = np.load(tmp_path / "run" / "corners.npz")
    features = load_classifier(tmp_path / "net.keras", outputs="logits").tap(tap)
    goal, found = (features(arrays[name].reshape(-1, *SHAPE)).post_activation.numpy() for name in ("target", "corners"))
    np.testing.assert_allclose(found, np.broadcast_to(goal, found.shape), atol=1e-5)
    assert np.abs(arrays["corners"] - arrays["target"]).max() > 10
    misread = {corner["predicted"] for corner in summary["corners"]} != {summary["target"]["predicted"]}
    assert misread == (TAPS[tap] is shared)  # the logits see more than either tap of two branches
    assert (summary["certificate"]["status"] == "refuted") == misread
