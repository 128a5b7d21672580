"""A pair of networks of which the answer is known: one that looks at every fourth pixel, and one that loses nothing."""

import json

import numpy as np
import pytest

from tests.models.planted import NETWORKS, reconstruct, trained
from tfcollide.cli import collide

QUICK = ("--corners=3", "--interpolations=50", "--worst_starts=1", "--certify_boxes=0")


@pytest.fixture(scope="module")
def networks(digits):
    return {name: trained(name, digits) for name in NETWORKS}


@pytest.fixture(scope="module")
def sweep(networks, tmp_path_factory):
    """From a network's name to the exit code and summary of ten pairs, by the program's own way."""

    def run(name):
        folder = tmp_path_factory.mktemp(name)
        networks[name].save(folder / f"{name}.keras")
        brought = (f"--model={folder}/{name}.keras", "--dataset=digits", "--pixel_range=0,1", "--tap=seen")
        code = collide(["collide", *brought, "--num_pairs=10", *QUICK, f"--out={folder}/out"])
        return code, json.loads((folder / "out" / "summary.json").read_text())

    return run


def test_both_know_their_digits(networks, digits):
    for model in networks.values():
        _, accuracy = model.evaluate(digits.test.images.astype("float32") / 255.0, digits.test.labels, verbose=0)
        assert accuracy > 0.8


def features_of(model, images):
    from keras import Model

    return Model(model.inputs, model.get_layer("seen").output).predict(images, verbose=0)


def test_one_sees_a_quarter_of_the_pixels(networks, digits):
    images = digits.test.images[:20].astype("float32") / 255.0
    changed = np.random.default_rng(0).random(images.shape).astype("float32")
    changed[:, ::2, ::2] = images[:, ::2, ::2]
    assert np.abs(changed - images).mean() > 0.25
    np.testing.assert_array_equal(features_of(networks["blind"], changed), features_of(networks["blind"], images))


def test_the_other_gives_back_every_image_from_what_is_after_its_relu(networks, digits):
    """Digits and noise, to rounding: so no two images have the same features."""
    noise = np.random.default_rng(0).random([20, *digits.shape])
    images = np.concatenate([digits.test.images[:20] / 255.0, noise]).astype("float32")
    features = features_of(networks["injective"], images)
    assert features.min() >= 0.0 and (features == 0).mean() > 0.4  # the ReLU is at work
    np.testing.assert_allclose(reconstruct(features), images, atol=1e-5)


def test_features_of_the_other_tell_images_apart_by_their_distance(networks, digits):
    """Each coefficient passes as itself or as its negative: |f(x) - f(y)|^2 is between |x - y|^2 / 2 and |x - y|^2."""
    images = digits.test.images[:40].astype("float32") / 255.0
    flat, seen = images.reshape(40, -1), features_of(networks["injective"], images).reshape(40, -1)
    for i, j in zip(range(20), range(20, 40), strict=True):
        shares = np.square(seen[i] - seen[j]).sum() / np.square(flat[i] - flat[j]).sum()
        assert 0.5 - 1e-5 <= shares <= 1 + 1e-5


def test_collisions_of_the_blind_one_are_found(sweep):
    code, found = sweep("blind")
    assert found["num_pairs"] == 10 and found["num_found"] >= 9
    assert code == (0 if found["num_found"] == 10 else 1)
    for pair in found["pairs"]:
        if pair["found"]:
            assert pair["source_share"] < pair["target_share"] and pair["missing"] == [] and pair["ended"] == "met"


def test_none_of_the_injective_one_is(sweep):
    code, found = sweep("injective")
    assert code == 1 and found["num_pairs"] == 10 and found["num_found"] == 0
    for pair in found["pairs"]:
        assert pair["missing"] and not pair["error"]
        if "features do not match" not in pair["missing"]:  # then it is the target
            assert "trivial" in pair["missing"] and pair["target_share"] < pair["source_share"]
    assert sum(found["reasons"].values()) >= 10
