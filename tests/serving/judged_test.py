import dataclasses

import numpy as np
import pytest

from tfcollide.serving.client.judged import Judged, departures, judge_samples, make_samples
from tfcollide.serving.client.served_table import served_table

NAMES = ("a", "b", "c")


@pytest.fixture
def samples():
    corners = np.stack([np.zeros([2, 2, 1]), np.ones([2, 2, 1])]).astype(np.float32)
    arrays = {"source": corners[0], "target": corners[1], "corners": corners, "convex_weights": np.array([[1, 0], [0.5, 0.5]])}
    return make_samples(arrays, corners * 0.5, (0.25, 0.75))


def test_every_image_has_its_place(samples):
    brightness = {name: samples.images[part].mean(axis=(1, 2, 3)).tolist() for name, part in samples.parts.items()}
    assert brightness == {
        "source": [0],
        "target": [1],
        "corners": [0, 1],
        "mixtures": [0, 0.5],
        "png_corners": [0, 0.5],
        "png_mixtures": [0, 0.25],
        "worst": [0.75],
    }
    assert sum(map(len, brightness.values())) == len(samples.images)


def one_hot(classes):
    return np.eye(3)[classes] * 0.9 + 0.1 / 3


def test_numbers_from_probabilities(samples):
    found = judge_samples(one_hot([0, 1, 1, 1, 1, 2, 1, 1, 1, 0, 1]), samples, 1, NAMES)
    high, low = 0.9 + 0.1 / 3, 0.1 / 3
    assert found == Judged(
        source="a",
        target="b",
        target_probability=pytest.approx(high),
        corners=1.0,
        mixtures=2,
        accuracy=0.5,
        mean_probability=pytest.approx((high + low) / 2),
        min_probability=pytest.approx(low),
        png_accuracy=0.5,
        png_mean_probability=pytest.approx((high + low) / 2),
        worst="b",
        worst_probability=pytest.approx(high),
    )


RECORD = Judged("a", "b", 1.0, 1.0, 2, 1.0, 1.0, 1.0, 0.5, 0.5, "b", None)


@pytest.mark.parametrize(
    "change, words",
    [
        ({}, None),
        ({"mean_probability": 0.6, "min_probability": 0.4}, None),
        ({"png_accuracy": 0.9}, None),
        ({"source": "b"}, 'takes the source for "b"'),
        ({"target": "c"}, 'takes the target for "c"'),
        ({"worst": "a"}, 'takes the worst mixture for "a"'),
        ({"corners": 0.5}, "50.00 % of the corners"),
        ({"accuracy": 0.999}, "99.90 % of the mixtures are"),
        ({"png_accuracy": 0.4}, "40.00 % of the mixtures of corners from PNG"),
    ],
)
def test_departures(change, words):
    found = departures(dataclasses.replace(RECORD, **change), RECORD)
    assert (words is None and not found) or (len(found) == 1 and words in found[0])


def test_the_table_has_a_column_each():
    text = served_table("title", {"served": dataclasses.replace(RECORD, accuracy=0.25), "recorded": RECORD}, ["remark"])
    row = next(line for line in text.splitlines() if 'mixtures classified as "b"' in line)
    assert [cell.strip() for cell in row.split("|")[2:4]] == ["25.00 %", "100.00 %"]
    assert text.endswith("remark\n")
