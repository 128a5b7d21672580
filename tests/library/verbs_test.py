"""The verbs in memory: what they give, what they leave alone, and what they say of arguments that cannot be."""

import re

import keras
import numpy as np
import pytest

import tfcollide as tc
from tfcollide.library.options import MatchOptions
from tfcollide.library.yardstick import Yardstick
from tfcollide.polytope.proof import check_proof


def test_corners_match_and_are_judged_again(network, found, target):
    assert found.converged and found.corners.shape == (2, 4, 4, 1) and found.corners.dtype == np.float32
    assert found.corners.min() >= 0 and found.corners.max() <= 1
    features, wanted = (network.tap("hidden")(images).post_activation.numpy() for images in (found.corners, target[None]))
    distance = np.square(features - wanted).sum(axis=1)
    assert [record.feature_distance for record in found.records] == pytest.approx(distance.tolist(), rel=1e-4)
    assert {record.predicted for record in found.records} == {found.ends[1].predicted}
    assert found.trace.terms["active_match"].shape[1] == 2 and found.steps > 0


def test_the_verdict_and_the_proof(network, found, verdict):
    assert verdict.found and verdict.missing == () and verdict.interpolation.accuracy == 1.0 == verdict.png.accuracy
    assert verdict.convex_weights.shape == (100, 2) and verdict.mixtures.margin.shape == (100,)
    worst, proof = tc.worst_mixture(network, found, starts=8), tc.certify(network, found)
    assert {"class of the worst mixture", "distances to source and target"} <= set(verdict.checked)
    assert not any("reader" in words for words in verdict.checked)  # no data set, so nobody reads
    assert proof.status == "certified" and 0 < proof.margin <= worst.margin + 1e-5
    assert worst.margin == pytest.approx(verdict.worst_mixture.margin, rel=1e-3)


def test_a_proof_is_written_where_it_is_asked_for(network, found, tmp_path, capfd):
    path = tmp_path / "proof.npz"
    certificate = tc.certify(network, found, proof=path)
    assert certificate == tc.certify(network, found) and capfd.readouterr() == ("", "")
    with np.load(path) as file:
        assert check_proof.verify(dict(file)).startswith("every mixture of the 2 corners is read as ")


def test_a_proof_that_cannot_be_handed_on_is_refused_before_it_is_tried(found, tmp_path):
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Flatten(), keras.layers.BatchNormalization(), keras.layers.ReLU(), keras.layers.Dense(2)]
    other = tc.wrap(keras.Sequential([keras.Input((4, 4, 1)), *layers]), pixel_range=(0, 1), outputs="logits")
    with pytest.raises(tc.RequestError, match="BatchNormalization.*Leave proof out") as refused:
        tc.certify(other, tc.match_features(other, found.source, found.target, max_steps=1), proof=tmp_path / "proof.npz")
    assert len(str(refused.value).splitlines()) == 1 and not list(tmp_path.iterdir())


def test_a_seed_fixes_everything(network, source, target, found):
    again = tc.find_corners(network, source, target, corners=2, seed=0)
    assert again.corners.tobytes() == found.corners.tobytes()
    other = tc.find_corners(network, source, target, corners=2, seed=1)
    assert other.corners.tobytes() != found.corners.tobytes()


def test_nothing_is_printed_or_written(network, source, target, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    tc.judge(network, tc.find_corners(network, source, target, corners=2, max_steps=20), samples=10)
    assert capfd.readouterr() == ("", "") and not list(tmp_path.iterdir())


def test_progress_is_told_to_who_asks(network, source, target, capfd):
    told = []
    tc.find_corners(network, source, target, corners=2, callback=lambda step, terms: told.append((step, terms)))
    assert told and told[-1][0] >= told[0][0] > 0 and told[0][1]["active_match"].shape == (2,)


def test_several_pairs_are_what_each_is_by_itself(network, sources, targets, found):
    several = tc.find_corners(network, sources[:3], list(targets[:3]), corners=2, seed=0)
    assert len(several) == 3 and several[2].corners.tobytes() == found.corners.tobytes()
    together = tc.find_corners(network, sources[:3], targets[:3], corners=2, seed=0, pairs_together=3)
    for one, other in zip(several, together, strict=True):
        assert other.steps == one.steps
        np.testing.assert_allclose(other.corners, one.corners, atol=1e-4)


def test_a_target_of_features(network, source, target):
    wanted = network.tap("hidden")(target[None]).post_activation.numpy()[0]
    found = tc.find_corners(network, source, wanted, corners=2)
    assert found.converged and found.target is None
    reached = network.tap("hidden")(found.corners).post_activation.numpy()
    assert np.square(reached - wanted).sum(axis=1).max() < 0.1 * np.square(wanted).sum()
    verdict = tc.judge(network, found, samples=50)
    assert verdict.interpolation is verdict.png is verdict.worst_mixture is verdict.mixture_looks is None
    assert "features" in verdict.reasons["interpolation"] and verdict.mixtures.distance.shape == (50,)
    assert verdict.found and verdict.checked == ("features of corners and mixtures",)
    assert (
        "checked of 2 corners and 50 mixtures: features alone" in repr(verdict) and "image" in verdict.reasons["mixture_looks"]
    )
    for verb in (tc.certify, tc.worst_mixture):
        with pytest.raises(tc.RequestError, match="^found for a target of features"):
            verb(network, found)


def test_the_baseline_has_one_corner(network, source, target):
    found = tc.match_features(network, source, target)
    assert len(found.corners) == 1 and found.units == ((),) and found.asked["objective"] == "match"


def test_exact_corners_and_the_nearest_collision(network, source, target):
    corners = tc.exact_corners(network, source, target, corners=2, spread=0.05)
    assert corners.exact.found == (True, True) and corners.converged
    polytope = tc.collision_polytope(network, target)
    assert polytope.contains(corners.corners.reshape(2, -1), tolerance=1e-5).all()
    nearest = tc.nearest_collision(network, source, target)
    distances = np.linalg.norm((corners.corners - source).reshape(2, -1), axis=1)
    assert nearest.exact.distance <= distances.min() + 1e-6 and nearest.exact.duality_gap < 1e-6


def test_a_data_set_is_a_yardstick(network, source, target):
    images = np.random.default_rng(1).random([60, 4, 4, 1]).astype(np.float32)
    labels = network.judge(images).predicted
    found = tc.find_corners(network, source, target, corners=2, images=images, labels=labels, max_steps=50)
    assert isinstance(found.yardstick, Yardstick) and found.problem.match.null is not None
    verdict = tc.judge(network, found, samples=10)
    assert verdict.scale.match == "quantile" and verdict.distance.dataset_mean > 0
    assert found.records[0].feature_quantile is not None and found.yardstick.test_accuracy > 0.9
    pixels = np.round(255 * images).astype(np.uint8)
    again = tc.find_corners(network, source, target, corners=2, images=pixels, labels=labels, max_steps=50)
    assert again.problem.match.null.distance_at(0.01) == found.problem.match.null.distance_at(0.01)
    assert 1.0 < found.yardstick.dataset_mean < 3.0  # of 16 random pixels from 0 to 1, 1.6


def test_a_hull_is_judged_by_another_network(found, source):
    keras.utils.set_random_seed(3)
    images = keras.Input((4, 4, 1))
    hidden = keras.layers.ReLU(name="hidden")(keras.layers.Dense(12)(keras.layers.Flatten()(images)))
    other = tc.wrap(keras.Model(images, keras.layers.Dense(3)(hidden)), pixel_range=(0, 1))
    try:
        verdict = tc.judge(other, found, samples=20)
    except tc.RequestError as error:  # to it both ends may be of one class
        assert "to the network" in str(error)
    else:
        assert "features do not match" in verdict.missing


def test_labels_let_a_reader_vote_on_images_of_the_data_set(network, source, target):
    """Dark images are of one class and bright ones of another, so that the nearest neighbors read both ends right."""
    draw = np.random.default_rng(2).random([40, 4, 4, 1]).astype(np.float32) * 0.1
    codes = [int(network.judge(end[None]).predicted[0]) for end in (source, target)]
    images = np.concatenate([np.clip(end + draw - 0.05, 0, 1) for end in (source, target)] + [source[None], target[None]])
    labels = np.array([codes[0]] * 40 + [codes[1]] * 40 + codes)
    known = {"images": images, "labels": labels, "max_steps": 20, "corners": 2}
    found = tc.find_corners(network, source, target, **known)
    assert [end.label for end in found.ends] == [network.class_names[code] for code in codes]
    assert found.problem.reader.reason is None and all(corner.reader is not None for corner in found.records)
    elsewhere = tc.find_corners(network, np.clip(source + 0.01, 0, 1), target, **known)
    assert elsewhere.ends[0].label is None and "no label" in elsewhere.problem.reader.reason


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"quantile": 2.0}, "quantile=2.0: expected a share from 0 to 1"),
        ({"quantile": "x"}, "quantile='x': expected a number"),
        ({"share": 1.0}, "share=1.0: expected a share below 1"),
        ({"share": 0.0}, "share=0.0: expected a positive number"),
        ({"reader_accuracy": -0.1}, "reader_accuracy=-0.1: expected a number of at least 0"),
    ],
)
def test_when_features_match_is_checked(network, source, target, values, words):
    with pytest.raises(tc.RequestError, match=words) as caught:
        tc.find_corners(network, source, target, corners=2, match=MatchOptions(**values))
    assert "--" not in str(caught.value)


BAD = {
    "stop_loss=-1: expected a positive number": {"stop_loss": -1},
    "tap=fc9: expected a ReLU of small: hidden": {"tap": "fc9"},
    "units: unit 99: expected a unit from 0 to 11": {"units": [99]},
    "corner=2: expected one of": {"corner": 2},
    "Did you mean corners": {"corner": 2},
    "learning_rate=fast: expected a positive number": {"learning_rate": "fast"},
    "objective=wish: expected one of corners, match": {"objective": "wish"},
    "spread=1.5: expected a share": {"spread": 1.5},
    "max_steps=0: expected a number of at least 1": {"max_steps": 0},
    "corners='3': expected a number of at least 1": {"corners": "3"},
    "corners=2.5: expected a whole number": {"corners": 2.5},
    "spread=max: expected a share": {"spread": "max"},
    "Ask for fewer corners, or choose another tap or target.": {"corners": 99},
}


@pytest.mark.parametrize("words", BAD)
def test_errors_name_arguments(network, source, target, words):
    with pytest.raises(tc.RequestError) as caught:
        tc.find_corners(network, source, target, **BAD[words])
    assert words in str(caught.value) and "--" not in str(caught.value)


def test_a_long_value_of_an_unknown_argument_is_not_told_in_full(network, found):
    with pytest.raises(tc.RequestError) as caught:
        tc.judge(network, found, images=np.zeros([100, 4, 4, 1]))
    assert str(caught.value).startswith("images=array(") and len(str(caught.value)) < 200


def test_ends_of_one_class_are_told_as_arguments(network, sources, targets):
    with pytest.raises(tc.RequestError, match=r"^source and target, the same image: expected two"):
        tc.find_corners(network, sources[0], sources[0])
    with pytest.raises(tc.RequestError, match=r"^source\[1\] and target\[1\], both \"class \d\" to the network"):
        tc.find_corners(network, sources[:2], [targets[0], sources[2]], corners=2)


def test_a_norm_that_does_not_exist(network, source, target):
    with pytest.raises(tc.RequestError, match="^norm=linf: expected one of l1, l2"):
        tc.nearest_collision(network, source, target, norm="linf")


def test_a_model_that_is_not_wrapped_and_a_list_of_results(model, network, source, target, found):
    for verb in (tc.find_corners, tc.match_features, tc.exact_corners, tc.nearest_collision):
        with pytest.raises(tc.RequestError, match=r"^network of Functional: .* Say network = tfcollide.wrap\(model\)"):
            verb(model, source, target)
    with pytest.raises(tc.RequestError, match="^network of Functional"):
        tc.collision_polytope(model, target)
    for verb in (tc.judge, tc.certify, tc.worst_mixture):
        with pytest.raises(tc.RequestError, match="^network of Functional"):
            verb(model, found)
        with pytest.raises(tc.RequestError, match=r"^found of list: .* for one in found"):
            verb(network, [found])


@pytest.mark.parametrize("value", [3, [1, 2], None])
def test_what_is_no_model_is_named(value):
    with pytest.raises(
        tc.RequestError, match=f"^model={re.escape(repr(value))}: expected a Keras 3 model, the path of a model"
    ):
        tc.wrap(value)


def test_networks_and_polytopes_show_themselves(network, target):
    assert repr(network) == "Classifier(small: 4x4x1 pixels 0..1 (as given), 3 classes, ReLUs hidden)"
    assert repr(tc.collision_polytope(network, target)).startswith("CollisionPolytope(16 coordinates, ")


def test_results_show_themselves(found, verdict):
    assert repr(found).startswith("Found(2 corners, ") and "\n" not in repr(found)
    margin = verdict.worst_mixture.margin
    words = f"a collision was found; 100 mixtures, 100.00% as the target; worst margin {margin:.3g}"
    assert repr(verdict) == f"Verdict({words})"
    assert "<img" in found._repr_html_() and "<table>" in verdict._repr_html_()
    assert len(found.plot().axes) == 4 and len(verdict.plot().axes) == 1


def test_mixtures_are_convex(found):
    middle = found.mix([0.5, 0.5])
    np.testing.assert_allclose(middle[0], found.corners.mean(axis=0), atol=1e-6)
    for weights in ([0.5, 0.6], [1.5, -0.5], [1.0], [[0.2, 0.3, 0.5]]):
        with pytest.raises(tc.RequestError, match="weights"):
            found.mix(weights)


def test_a_verdict_says_what_took_how_long(verdict):
    assert set(verdict.seconds) == {"mixtures", "png", "worst_mixture"} and min(verdict.seconds.values()) > 0


def test_exact_collisions_are_at_the_first_affine_relu_of_a_convnet():
    layers = [keras.layers.Conv2D(2, 3, activation="relu", name="conv"), keras.layers.Flatten()]
    layers += [keras.layers.Dense(5, activation="relu", name="dense"), keras.layers.Dense(2, name="logits")]
    network = tc.wrap(keras.Sequential([keras.Input((5, 5, 1)), *layers]), pixel_range=(0, 1))
    assert network.default_tap == "dense"
    polytope = tc.collision_polytope(network, np.full([5, 5, 1], 0.5, np.float32))
    assert len(polytope.values) + len(polytope.limits) == 3 * 3 * 2
    with pytest.raises(tc.RequestError, match="conv .* lies between"):
        tc.collision_polytope(network, np.full([5, 5, 1], 0.5, np.float32), tap="dense")


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"max_boxes": "a"}, "max_boxes='a': expected a whole number of at least 1"),
        ({"max_boxes": 2.5}, "max_boxes=2.5: expected a whole number"),
        ({"max_boxes": True}, "max_boxes=True: expected a whole number"),
        ({"tightness": "a"}, "tightness='a': expected a share"),
        ({"proof": "net.keras"}, "net.keras: expected an .npz file"),
        ({"proof": "corners.npz"}, "corners.npz, which exists and is no proof"),
        ({"proof": "missing/proof.npz"}, "in a folder that exists"),
    ],
)
def test_what_a_proof_cannot_be_asked(asked, says, tmp_path, monkeypatch, network, found):
    """Above all it replaces no file but a proof."""
    monkeypatch.chdir(tmp_path)
    np.savez("corners.npz", corners=found.corners)
    before = (tmp_path / "corners.npz").read_bytes()
    with pytest.raises(tc.RequestError, match=re.escape(says)):
        tc.certify(network, found, **asked)
    assert (tmp_path / "corners.npz").read_bytes() == before and len([*tmp_path.iterdir()]) == 1
