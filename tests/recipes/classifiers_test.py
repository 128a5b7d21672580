"""What is said on opening a network: how the range of pixels was found, and what speaks against it."""

from types import SimpleNamespace

import keras
import pytest

from tfcollide.images import from_uint8
from tfcollide.models.pixel_range import PHOTO, UNIT
from tfcollide.recipes.classifiers.open import _other_classes, open_classifier
from tfcollide.recipes.collide.config import CollideConfig
from tfcollide.recipes.collide.request import request_data


@pytest.fixture(scope="module")
def folder(digits, tmp_path_factory):
    """A network that knows the digits in 0..1, at its own size, at another one, and one that knows nothing."""
    place = tmp_path_factory.mktemp("networks")
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Flatten(), keras.layers.Dense(32, activation="relu"), keras.layers.Dense(10, activation="softmax")]
    model = keras.Sequential([keras.Input((28, 28, 1)), *layers])
    model.save(place / "untrained.keras")
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(from_uint8(digits.train.images, UNIT), digits.train.labels, epochs=12, verbose=0)
    model.save(place / "net.keras")
    images = keras.Input((56, 56, 1))
    keras.Model(images, model(keras.layers.AveragePooling2D(2)(images))).save(place / "large.keras")
    return place


@pytest.mark.parametrize(
    ("name", "flags", "bounds", "how", "said"),
    [
        ("net", {}, UNIT, "by likelihood: mean log-likelihood -0.", ["Pixels are taken to be 0..1, by likelihood:"]),
        ("net", {"pixel_range": "0,1"}, UNIT, "told by --pixel_range", []),
        ("net", {"pixel_range": "0,255"}, PHOTO, "told by --pixel_range", ["With pixels 0..255 the network does much worse"]),
        ("net", {"pixel_range": "0,1", "dataset": "none"}, UNIT, "told by --pixel_range", []),
        ("net", {"dataset": "none"}, PHOTO, "assumed: nothing tells", ["Pixels are taken to be 0..255, assumed"]),
        ("untrained", {"pixel_range": "0,1"}, UNIT, "told by --pixel_range", [" of 50 test images right, hardly more than by"]),
        (
            "large",
            {"pixel_range": "0,1"},
            UNIT,
            "told by --pixel_range",
            ["Images of digits are 28x28x1, large reads 56x56x1: they are resized"],
        ),
    ],
)
def test_what_is_said(folder, capsys, name, flags, bounds, how, said):
    config = CollideConfig(**{"dataset": "digits", "model": f"{folder}/{name}.keras", **flags}).resolved()
    opened = open_classifier(config, request_data(config))
    found = opened.classifier.pixel_range
    assert found.bounds == bounds and found.how.startswith(how)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == len(said) and all(words in line for words, line in zip(said, lines, strict=True)), lines
    doubted = [words for words in said if "by likelihood" not in words]  # which is decided, not assumed
    assert len(opened.doubts) == len(doubted)
    assert all(words in one for words, one in zip(doubted, opened.doubts, strict=True))
    assert (found.warning is not None) == any("With pixels" in line or "hardly more" in line for line in lines)


@pytest.mark.parametrize(("classes", "says"), [(10, None), (0, None), (20, "digits has 20 classes, net 10: ")])
def test_other_classes_than_the_network_s_are_said(classes, says):
    network = SimpleNamespace(name="net", num_classes=10, outputs="logits")
    data = SimpleNamespace(name="digits", class_names=tuple(map(str, range(classes))))
    found = _other_classes(network, data)
    assert found is says or found.startswith(says)
