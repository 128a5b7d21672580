import dataclasses

import keras
import numpy as np
import pytest

from tfcollide.data.labeled import LabeledImages, Split
from tfcollide.images import from_uint8
from tfcollide.measure.reader import Reader, nearest_neighbors, network_reader, qualify
from tfcollide.models.classifier import Classifier
from tfcollide.shapes import Bounds

UNIT, SIGNED = Bounds(0.0, 1.0), Bounds(-1.0, 1.0)


def shades(train, test, names=("dark", "bright"), shape=(4, 4, 1)):
    """Even images of given gray levels and labels."""

    def read(split):
        levels, labels = (
            zip(*(train if split == "train" else test), strict=True) if (train if split == "train" else test) else ((), ())
        )
        return Split(
            np.array(levels, np.uint8)[:, None, None, None] * np.ones([1, *shape], np.uint8), np.array(labels, np.int64)
        )

    return LabeledImages("shades", class_names=names, shape=shape, test_size=len(test), read=read)


def even(*levels, shape=(4, 4, 1), bounds=UNIT):
    return from_uint8(np.array(levels)[:, None, None, None] * np.ones([1, *shape]), bounds)


TRAIN = [(10, 0), (20, 0), (30, 0), (200, 1), (210, 1), (220, 1)]


def test_neighbors_are_read_as_most_of_them_are():
    data = shades(TRAIN, [(0, 0), (250, 1), (120, 0), (125, 1)])
    reader = nearest_neighbors(data, UNIT, neighbors=3)
    assert (reader.name, reader.classes, reader.reason) == ("k nearest neighbors", ("dark", "bright"), None)
    assert reader.read(even(0, 100, 130, 255)).tolist() == [0, 0, 1, 1]
    assert reader.accuracy == 0.75  # 120 lies nearer to 200, 210 and 220
    one = nearest_neighbors(shades([*TRAIN, (35, 1)], [(0, 0)]), UNIT, neighbors=1)
    assert one.read(even(36, 32)).tolist() == [1, 0]
    assert nearest_neighbors(data, SIGNED, neighbors=3).read(even(0, 255, bounds=SIGNED)).tolist() == [0, 1]


def test_few_or_unlabeled_training_images():
    assert nearest_neighbors(shades([], [(0, 0)]), UNIT) is None
    assert nearest_neighbors(shades([(0, -1)], [(0, 0)]), UNIT) is None
    reader = nearest_neighbors(shades([(10, 0), (20, -1), (30, 1)], [(9, -1)]), UNIT)
    assert reader.accuracy is None and reader.reason == "shades has no labeled test images"
    assert nearest_neighbors(shades(TRAIN, [(0, 0)]), UNIT, most_training=2).read(even(255)).tolist() == [
        0
    ]  # a tie: 10 and 200


def test_large_images_are_compared_by_the_means_of_cells():
    stripes = np.zeros([70, 67, 3], np.uint8)
    stripes[::2] = 255
    data = shades([(127, 0), (127, 0), (0, 1)], [(127, 0)], shape=(70, 67, 3))
    reader = nearest_neighbors(data, UNIT, neighbors=1)
    near = stripes.copy()
    near[1::2] = 0
    assert reader.read(from_uint8(near[None], UNIT)).tolist() == [0]  # every cell of stripes is gray
    assert reader.accuracy == 1.0


def test_digits_are_read_well(digits):
    assert nearest_neighbors(digits, UNIT).accuracy > 0.9


def brightness(shape, names, bounds=UNIT, swap=False, gain=1.0):
    """A network that calls an image bright where its mean is above the middle of its bounds."""
    images = keras.Input(shape)
    mean = keras.layers.GlobalAveragePooling2D()(images)
    top = keras.layers.Dense(len(names), name="top")
    model = keras.Model(images, top(mean))
    sign = -1.0 if swap else 1.0
    kernel = np.zeros([shape[-1], len(names)])
    kernel[:, 1] = sign * gain / shape[-1]
    bias = np.zeros(len(names))
    bias[1] = -sign * gain * (bounds.lower + bounds.upper) / 2
    top.set_weights([kernel, bias])
    return Classifier(model, name="brightness", bounds=bounds, class_names=names)


def test_a_network_reads_images_of_another_range_and_size():
    data = shades(TRAIN, [(0, 0), (250, 1), (120, 0), (125, 1)])
    for other in (
        brightness((4, 4, 1), ("dark", "bright")),
        brightness((4, 4, 1), ("dark", "bright"), Bounds(-5.0, 3.0)),
        brightness((9, 7, 3), ("dark", "bright"), Bounds(0.0, 255.0)),
    ):
        reader = network_reader(other, data, SIGNED)
        assert (reader.name, reader.accuracy, reader.reason) == ("brightness", 0.75, None)
        assert reader.read(even(0, 120, 140, 255, bounds=SIGNED)).tolist() == [0, 0, 1, 1]


def test_a_networks_classes_go_by_name_where_it_has_the_data_sets():
    data = shades(TRAIN, [(0, 0), (250, 1)])
    swapped = brightness((4, 4, 1), ("bright", "dark"), swap=True)
    assert network_reader(swapped, data, UNIT).accuracy == 1.0
    assert network_reader(brightness((4, 4, 1), ("a", "b")), data, UNIT).accuracy == 1.0
    other = network_reader(brightness((4, 4, 1), ("dark", "bright", "black")), data, UNIT)
    assert other.accuracy is None and other.reason == "brightness has 3 classes, and shades has 2"


DARK, BRIGHT = even(0, 255)
GOOD = Reader(
    "k nearest neighbors", 0.9, ("dark", "bright", "gray"), lambda images: (images.mean(axis=(1, 2, 3)) > 0.5).astype(int)
)


def qualified(reader=GOOD, **changes):
    given = {"source": DARK, "target": BRIGHT, "source_label": "dark", "target_label": "bright"} | changes
    return qualify(reader, **given)


def test_a_good_reader_votes():
    assert qualified().reader is GOOD and qualified().reason is None
    assert qualified(dataclasses.replace(GOOD, accuracy=0.8)).reader is not None
    assert qualified(dataclasses.replace(GOOD, accuracy=0.3), least_accuracy=0.25).reader is not None


@pytest.mark.parametrize(
    ("reader", "changes", "reason"),
    [
        (None, {}, "there are no training images to compare with"),
        (
            dataclasses.replace(GOOD, accuracy=0.274),
            {},
            "k nearest neighbors is right on 27 % of test images; at least 80 % is asked (--reader_accuracy)",
        ),
        (
            dataclasses.replace(GOOD, accuracy=0.799),
            {},
            "k nearest neighbors is right on 79.9 % of test images; at least 80.0 % is asked (--reader_accuracy)",
        ),
        (
            dataclasses.replace(GOOD, accuracy=None, reason="it has 3 classes"),
            {},
            "the accuracy of k nearest neighbors is not known: it has 3 classes",
        ),
        (GOOD, {"source": BRIGHT}, "k nearest neighbors reads the unchanged source (dark) as bright"),
        (GOOD, {"target_label": "gray"}, "k nearest neighbors reads the unchanged target (gray) as bright"),
        (GOOD, {"source_label": None}, "the source has no label by which to see whether k nearest neighbors reads it right"),
        (GOOD, {"target_label": "tench"}, "the target is labeled tench, which is no class that k nearest neighbors knows"),
        (
            GOOD,
            {"target_label": "dark"},
            "source and target are both labeled dark, so that reading a corner does not tell them apart",
        ),
    ],
)
def test_whoever_cannot_be_trusted_does_not_vote_and_the_reason_is_given(reader, changes, reason):
    found = qualified(reader, **changes)
    assert found.reader is None and found.reason == reason
