"""The page as a file: whole, small enough, and true to the network."""

import base64
import json
import re

import keras
import numpy as np
import pytest

from tests.report.explore.scripts import call
from tests.report.summaries import summary
from tfcollide.files.atomic import to_json
from tfcollide.measure.reader import Reader
from tfcollide.models.loading import wrap
from tfcollide.polytope.hull.mixing import mix
from tfcollide.records import Certificate
from tfcollide.report.explore.page import explore_html
from tfcollide.report.explore.scene import scene_of
from tfcollide.report.explore.words import words_of
from tfcollide.shapes import Bounds

L = keras.layers


def scene(side, channels=3, units=8, corners=5, **options):
    layers = [L.AveragePooling2D(max(1, side // 8)), L.Flatten(), L.Dense(units, "relu", name="tap"), L.Dense(12)]
    model = keras.Sequential([keras.Input((side, side, channels)), *layers])
    classifier = wrap(model, name="net", bounds=Bounds(0.0, 255.0))
    drawn = np.random.default_rng(0).uniform(0, 255, [corners + 2, side, side, channels]).astype(np.float32)
    found = to_json(summary()) | {"worst_mixture": None}
    arrays = {"source": drawn[0], "target": drawn[1], "corners": drawn[2:]}
    tap = classifier.tap("tap")
    made = scene_of(classifier, tap, **arrays, summary=found, conclusion='Found: "7".', points=300, **options)
    return classifier, made


def content(page):
    return json.loads(re.search(r'<script type="application/json" id="scene">(.*?)</script>', page, re.DOTALL)[1])


def array(packed):
    return np.frombuffer(base64.b64decode(packed["data"]), packed["type"]).reshape(packed["shape"])


@pytest.mark.parametrize(("side", "units", "most"), [(64, 2600, 3_000_000), (64, 2430, 3_000_000), (224, 8, 8_000_000)])
def test_a_page_loads_nothing_and_keeps_to_its_size(side, units, most):
    _, made = scene(side, units=units)
    page = explore_html(made)
    assert len(page.encode()) <= most
    assert not re.search(r"""(?:src|href)=["'](?!data:)|url\(|@import|\bimport\(""", page)
    assert "default-src 'none'" in page and "connect-src 'none'" in page and "{{" not in page.split("<script>")[0]


def test_a_network_that_does_not_fit_beside_the_pictures_is_left_out():
    _, made = scene(64, units=2430)
    found = content(explore_html(made))
    assert found["network"] is None and "too large" in found["without_network"]
    assert found["images"]["bits"] == 16


def test_pictures_for_a_network_in_the_page_are_exact():
    _, made = scene(16)
    found = content(explore_html(made))
    assert found["network"] is not None and found["images"]["bits"] == 32
    np.testing.assert_array_equal(array(found["images"])[2:], made.corners)


def test_pictures_that_are_only_seen_keep_16_bits_or_fewer():
    _, made = scene(224, in_page=False)
    packed = content(explore_html(made))["images"]
    np.testing.assert_allclose(array(packed)[2:] * packed["step"] + packed["lower"], made.corners, atol=packed["step"])
    _, many = scene(224, corners=20, in_page=False)
    page = explore_html(many)
    assert content(page)["images"]["bits"] == 8 and len(page) <= 8_000_000


def test_lattice_points_say_what_the_network_says_there():
    reader = Reader("somebody", 1.0, ("even", "odd"), lambda images: (images.mean(axis=(1, 2, 3)) > 127.5).astype(np.int64))
    classifier, made = scene(16, in_page=False, reader=reader)
    found = content(explore_html(made))["lattice"]
    weights = array(found["weights"])
    images = mix(weights, made.corners)
    judged = classifier.judge(images)
    names = [found["names"][n] for n in array(found["predicted"])]
    assert names == [classifier.name_of(code) for code in judged.predicted]
    assert [found["names"][n] for n in array(found["read"])] == [reader.classes[n] for n in reader.read(images)]
    np.testing.assert_allclose(array(found["chances"]), -np.sort(-judged.probabilities, axis=1)[:, :5], atol=1e-6)
    row = call("nearestRow", weights[37], weights.ravel())
    np.testing.assert_array_equal(weights[row], weights[37])


def test_text_of_a_run_cannot_end_the_script_or_the_title():
    _, made = scene(8)
    words = dict(made.words) | {"title": "</title><script>alert(1)</script>", "conclusion": "</script><b>"}
    page = explore_html(made._replace(words=words))
    assert (
        "<script>alert" not in page and page.count("</script>") == 2 and content(page)["words"]["conclusion"] == "</script><b>"
    )


def certified(certificate):
    found = words_of(to_json(summary(certificate=certificate)), "")
    return found["title"], found["proof_status"], found["proof"]


def test_only_a_proof_is_called_certified():
    title, status, proof = certified(Certificate("certified", 3.5, 1.0))
    assert title.startswith("Everything between") and status == "certified" and "at least 3.5 logits" in proof
    title, status, proof = certified(Certificate("undecided", -1.0, 0.75))
    assert title.endswith("?") and status == "undecided" and "75.00 %" in proof and "not certified" in proof
    title, status, _ = certified(Certificate("refuted", -1.0, 0.5, (1.0,)))
    assert title.endswith("?") and status == "refuted"
    title, status, proof = certified(None)
    assert title.endswith("?") and status == "none" and "nothing is certified" in proof


def test_a_probability_is_not_rounded_to_certainty():
    assert [call("percent", value) for value in (1, 0.999999, 0.5, 1e-7, 0)] == [
        "100.00 %",
        "> 99.99 %",
        "50.00 %",
        "< 0.01 %",
        "0.00 %",
    ]
