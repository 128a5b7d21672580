"""A run directory holds what the contract says, and its numbers are those of its arrays."""

import csv
import itertools
import json

import numpy as np
import pytest
from PIL import Image
from scipy.spatial.distance import pdist

from .programs import files_below, run, run_files

END = {"id": str, "label": str, "predicted": str, "probability": float}
CONTRACT = {
    "dataset": str,
    "model": str,
    "tap": str,
    "parameterization": str,
    "solver": str,
    "seed": int,
    "steps": int,
    "converged": bool,
    "source": END,
    "target": END,
    "test_accuracy": float,
    "corners": [
        {
            "units": [int],
            "active_match": float,
            "corner_push": float,
            "inactive_magnitude": float,
            "feature_distance": float,
            "inactive_violation": float,
            "predicted": str,
            "probability": float,
        }
    ],
    "distance": {"dataset_mean": float, "corner_mean": float, "corner_to_source_mean": float},
    "interpolation": {
        "samples": int,
        "sampling": str,
        "accuracy": float,
        "mean_probability": float,
        "min_probability": float,
        "max_feature_distance": float,
    },
    "png": {"accuracy": float, "mean_probability": float, "max_active_match": float, "max_feature_distance": float},
    "worst_mixture": {"margin": float, "predicted": str, "convex_weights": [float]},
    "failure_bound": {"confidence": float, "share": float},
    "certificate": {"status": str, "margin": float, "share_proven": float},  # and "mixture", see below
    "seconds": dict.fromkeys(("load", "train", "solve", "check", "report", "total"), float),
    "versions": dict.fromkeys(("tfcollide", "tensorflow", "keras", "numpy", "python"), str),
}


def check_types(value, kind, where="summary"):
    if isinstance(kind, dict):
        assert set(kind) <= set(value), f"{where} lacks {set(kind) - set(value)}"
        for name in kind:
            check_types(value[name], kind[name], f"{where}.{name}")
    elif isinstance(kind, list):
        assert type(value) is list and value, where
        for item in value:
            check_types(item, kind[0], where)
    else:
        assert type(value) is kind, f"{where}: {value!r}"


def summary_of(one):
    return json.loads((one.out / "summary.json").read_text())


def arrays_of(one):
    with np.load(one.out / "corners.npz") as arrays:
        return dict(arrays)


def read_png(path):
    with Image.open(path) as image:
        assert image.format == "PNG" and image.mode == "L"
        return np.asarray(image)


def to_8_bit(image):
    return np.rint(image[..., 0].astype(np.float64) * 255).astype(np.uint8)


@pytest.fixture(scope="module")
def summary(base):
    return summary_of(base)


@pytest.fixture(scope="module")
def arrays(base):
    return arrays_of(base)


@pytest.fixture(scope="module")
def target_class(summary):
    return int(summary["target"]["predicted"])


def mixtures_of(weights, corners):
    return np.tensordot(weights.astype(np.float64), corners.astype(np.float64), axes=1)


def feature_distances(network, images, target):
    goal = np.maximum(network.hidden_1(target[None]), 0)
    return np.sum((np.maximum(network.hidden_1(images), 0) - goal) ** 2, axis=1)


# --- The directory.


def test_the_files_are_those_of_the_contract_and_no_other(base):
    assert base.outcome.code == 0
    assert files_below(base.out) == run_files(5)


def test_nothing_is_left_beside_it(base):
    assert [path.name for path in base.out.parent.iterdir()] == [base.out.name]
    assert [path.name for path in base.out.parent.parent.iterdir()] == [base.out.parent.name]


FURTHER_FIGURES = {"trace.png", "margins.png", "front.png"}


def test_events_and_further_figures_are_written_when_asked_for(from_files):
    events = {name for name in files_below(from_files.out) if name.startswith("events")}
    assert files_below(from_files.out) - events == run_files(5) | FURTHER_FIGURES | {"explore.html"}
    assert len(events) == 1
    assert (from_files.out / events.pop()).stat().st_size > 1000


def test_standard_output_is_the_table_the_way_to_the_figure_and_what_came_out(base, summary):
    table, *last = base.outcome.stdout.partition("\nruns/first/figure.png\n")
    written = (base.out / "table.md").read_text()
    verdict, *remarks = last[1].splitlines()
    told = [line for line in table.splitlines() if line] + remarks
    assert sorted(line for line in written.splitlines() if line and not line.startswith("**Found**:")) == sorted(told)
    assert "\n\n\n" not in table
    assert base.outcome.stdout.replace("*", "").count("Found:") == 1  # the table's file says it too
    assert all(remark.startswith("- ") for remark in remarks)
    found = 'Found: 5 corners, and every mixture of them that was looked at, are "7" to the network, with features that match'
    assert verdict.startswith(found) and summary["found"]


def test_standard_error_holds_nothing_but_progress(base):
    shown = [line for line in base.outcome.stderr.replace("\r", "\n").splitlines() if line.strip()]
    assert all(line.startswith("descent:") for line in shown), shown


def test_the_figure_is_a_row_of_seven_images_over_five_changes(base):
    with Image.open(base.out / "figure.png") as figure:
        pixels = np.asarray(figure.convert("L"))
    assert 2 * pixels.shape[0] < pixels.shape[1] < 3 * pixels.shape[0]
    assert np.ptp(pixels) == 255


# --- summary.json.


def test_the_summary_has_every_key_of_the_contract_with_its_type(summary):
    check_types(summary, CONTRACT)


def test_the_request_is_in_the_summary(summary):
    said = {name: summary[name] for name in ("dataset", "model", "tap", "parameterization", "solver", "seed")}
    assert said == {
        "dataset": "digits",
        "model": "mlp",
        "tap": "hidden_1",
        "parameterization": "pixels",
        "solver": "gradient",
        "seed": 0,
    }
    assert (summary["source"]["label"], summary["target"]["label"]) == ("3", "7")
    assert (summary["source"]["predicted"], summary["target"]["predicted"]) == ("3", "7")
    assert summary["converged"] is True


def test_seconds_sum_to_their_total(summary, base):
    seconds = summary["seconds"]
    of_check = [seconds[name] for name in ("mixtures", "png", "worst_mixture", "proof")]
    assert min(of_check) > 0 and sum(of_check) < seconds["check"]
    stages = ("load", "train", "solve", "check", "report")
    parts = [seconds[name] for name in stages]
    assert min(parts) >= 0 and seconds["train"] == 0  # the model was there
    assert seconds["total"] == pytest.approx(sum(parts), abs=1e-6)
    assert 0 < seconds["total"] < base.outcome.seconds  # the clock of the program within that of the test


# --- corners.npz, images and trace.csv.


def test_arrays_have_the_shapes_and_types_of_the_contract(arrays):
    found = {name: (array.shape, array.dtype.kind, array.dtype.itemsize) for name, array in arrays.items()}
    image = (28, 28, 1)
    assert found == {
        "corners": ((5, *image), "f", 4),
        "source": (image, "f", 4),
        "target": (image, "f", 4),
        "units": ((5,), "i", 8),
        "convex_weights": ((2000, 5), "f", 4),
    }


def test_corners_lie_in_the_bounds_of_the_model_and_differ(arrays):
    corners = arrays["corners"]
    assert corners.min() >= 0 and corners.max() <= 1
    assert len({corner.tobytes() for corner in corners}) == 5


def test_mixture_weights_are_convex(arrays):
    weights = arrays["convex_weights"]
    assert weights.min() >= 0
    np.testing.assert_allclose(weights.sum(axis=1, dtype=np.float64), 1, atol=1e-6)
    np.testing.assert_allclose(weights.mean(axis=0), 0.2, atol=0.02)


def test_images_are_the_arrays_rounded(base, arrays):
    images = base.out / "images"
    np.testing.assert_array_equal(read_png(images / "source.png"), to_8_bit(arrays["source"]))
    np.testing.assert_array_equal(read_png(images / "target.png"), to_8_bit(arrays["target"]))
    for n, corner in enumerate(arrays["corners"]):
        np.testing.assert_array_equal(read_png(images / f"corner_{n}.png"), to_8_bit(corner))


def test_source_and_target_are_the_images_they_are_named_after(summary, arrays, digits):
    for end in ("source", "target"):
        index = int(summary[end]["id"].removeprefix("test:"))
        np.testing.assert_array_equal(to_8_bit(arrays[end]), digits.test.images[index, ..., 0])
        assert digits.class_names[digits.test.labels[index]] == summary[end]["label"]


def test_the_trace_goes_from_the_source_to_the_corners(base, summary, arrays, network):
    with open(base.out / "trace.csv", newline="") as file:
        header, *rows = csv.reader(file)
    terms = ("active_match", "corner_push", "inactive_magnitude", "feature_distance", "inactive_violation")
    assert header == ["step", *(f"{term}_{n}" for term, n in itertools.product(terms, range(5)))]
    steps = [int(row[0]) for row in rows]
    expected = [*range(0, summary["steps"], 10), summary["steps"]]
    assert steps == expected
    first, last = (dict(zip(header, map(float, row), strict=True)) for row in (rows[0], rows[-1]))
    pre_activation = network.hidden_1(arrays["target"][None])[0]
    start = network.hidden_1(arrays["source"][None])[0]
    active = pre_activation >= 0
    assert first["active_match_0"] == pytest.approx(np.sum((start - pre_activation)[active] ** 2), rel=1e-4)
    for n, corner in enumerate(summary["corners"]):
        for term in terms:
            assert last[f"{term}_{n}"] == pytest.approx(corner[term], rel=1e-3)


# --- The numbers, again in NumPy.


def test_terms_of_the_corners(summary, arrays, network):
    target = network.hidden_1(arrays["target"][None])[0]
    active = target >= 0
    for corner, pre in zip(summary["corners"], network.hidden_1(arrays["corners"]), strict=True):
        units = corner["units"]
        idle = ~active
        idle[units] = False
        assert not active[units].any()
        expected = {
            "active_match": np.sum((pre - target)[active] ** 2),
            "corner_push": pre[units].sum(),
            "inactive_magnitude": np.abs(pre[idle]).sum(),
            "feature_distance": np.sum((np.maximum(pre, 0) - np.maximum(target, 0)) ** 2),
            "inactive_violation": np.maximum(pre[~active], 0).max(),
        }
        assert {name: corner[name] for name in expected} == pytest.approx(expected, rel=1e-3, abs=1e-3)
        assert corner["active_match"] < 5


def test_units_are_the_first_inactive_ones(summary, arrays, inactive):
    assert [corner["units"] for corner in summary["corners"]] == [[int(unit)] for unit in inactive[0][:5]]
    np.testing.assert_array_equal(arrays["units"], inactive[0][:5])


def test_classes_and_probabilities(summary, arrays, network, target_class):
    for end in ("source", "target"):
        (probabilities,) = network.probabilities(arrays[end][None])
        assert summary[end]["predicted"] == str(probabilities.argmax())
        assert summary[end]["probability"] == pytest.approx(probabilities.max(), abs=1e-4)
    probabilities = network.probabilities(arrays["corners"])
    assert [corner["predicted"] for corner in summary["corners"]] == [str(p.argmax()) for p in probabilities]
    found = [corner["probability"] for corner in summary["corners"]]
    np.testing.assert_allclose(found, probabilities[:, target_class], atol=1e-4)


def test_distances(summary, arrays, digits):
    corners = arrays["corners"].reshape(5, -1).astype(np.float64)
    test_images = digits.test.images.reshape(len(digits.test.images), -1) / 255
    source, target = arrays["source"].reshape(-1), arrays["target"].reshape(-1)
    to_source, to_target = (np.linalg.norm(corners - end, axis=1) for end in (source, target))
    found = dict(summary["distance"])
    assert found.pop("spread_asked") is None  # the preset holds no hull together
    assert found == pytest.approx(
        {
            "dataset_mean": pdist(test_images).mean(),
            "corner_mean": pdist(corners).mean(),
            "corner_to_source_mean": to_source.mean(),
            "source_to_target": np.linalg.norm(source.astype(np.float64) - target),
            "corner_to_target_mean": to_target.mean(),
            "spread_reached": pdist(corners).min() / source.size**0.5,
        },
        rel=1e-4,
    )
    for n, corner in enumerate(summary["corners"]):
        apart = found["source_to_target"]
        assert corner["source_share"] == pytest.approx(to_source[n] / apart, rel=1e-4)
        assert corner["target_share"] == pytest.approx(to_target[n] / apart, rel=1e-4)


def test_test_accuracy(summary, digits, network):
    predicted = network.probabilities(digits.test.images / 255).argmax(axis=1)
    assert summary["test_accuracy"] == pytest.approx(np.mean(predicted == digits.test.labels), abs=1e-9)


def test_mixtures(summary, arrays, network, target_class):
    mixtures = mixtures_of(arrays["convex_weights"], arrays["corners"])
    probabilities = network.probabilities(mixtures)
    expected = {
        "samples": 2000,
        "accuracy": np.mean(probabilities.argmax(axis=1) == target_class),
        "mean_probability": probabilities[:, target_class].mean(),
        "min_probability": probabilities[:, target_class].min(),
        "max_feature_distance": feature_distances(network, mixtures, arrays["target"]).max(),
    }
    assert summary["interpolation"]["sampling"] == "uniform"
    assert {name: summary["interpolation"][name] for name in expected} == pytest.approx(expected, rel=1e-3, abs=1e-4)


def margins_of(network, images, target_class):
    """The target's logit less the best other."""
    logits = network.logits(images)
    return logits[:, target_class] - np.delete(logits, target_class, axis=1).max(axis=1)


def test_the_worst_mixture_is_no_better_than_any_sample(summary, arrays, network, target_class):
    found = summary["worst_mixture"]
    weights = np.array(found["convex_weights"])
    assert weights.shape == (5,) and weights.min() >= 0 and weights.sum() == pytest.approx(1, abs=1e-6)
    mixture = mixtures_of(weights[None], arrays["corners"])
    assert found["margin"] == pytest.approx(margins_of(network, mixture, target_class)[0], rel=1e-3)
    assert found["predicted"] == str(network.logits(mixture)[0].argmax())
    sampled = margins_of(network, mixtures_of(arrays["convex_weights"], arrays["corners"]), target_class)
    assert found["margin"] <= sampled.min() * (1 + 1e-4)


def test_the_share_that_may_fail_is_bounded(summary):
    assert summary["interpolation"]["accuracy"] == 1
    bound = summary["failure_bound"]
    assert bound["share"] == pytest.approx(1 - (1 - bound["confidence"]) ** (1 / 2000), rel=1e-6)  # no failure in 2,000


def test_the_certificate_agrees_with_what_was_found(summary):
    certificate = summary["certificate"]
    assert certificate["status"] in ("certified", "refuted", "undecided")
    assert 0 <= certificate["share_proven"] <= 1
    # A proof holds for the worst mixture as well.
    assert certificate["margin"] <= summary["worst_mixture"]["margin"] * (1 + 1e-4)
    assert (certificate["status"] == "certified") == (certificate["share_proven"] == 1 and certificate["margin"] > 0)
    assert (certificate["mixture"] is None) == (certificate["status"] != "refuted")


def test_saved_corners_are_judged_from_their_files(base, summary, arrays, network, target_class):
    paths = [base.out / "images" / f"corner_{n}.png" for n in range(5)]
    read_back = np.stack([read_png(path) for path in paths])[..., None] / 255
    mixtures = network.probabilities(mixtures_of(arrays["convex_weights"], read_back))
    target = network.hidden_1(arrays["target"][None])[0]
    active = target >= 0
    matches = np.sum((network.hidden_1(read_back) - target)[:, active] ** 2, axis=1)
    expected = {
        "accuracy": np.mean(mixtures.argmax(axis=1) == target_class),
        "mean_probability": mixtures[:, target_class].mean(),
        "max_active_match": matches.max(),
        "max_feature_distance": feature_distances(network, read_back, arrays["target"]).max(),
    }
    assert {name: summary["png"][name] for name in expected} == pytest.approx(expected, rel=1e-3, abs=1e-4)


# --- Other requests.


def test_image_files_give_the_same_corners_as_the_test_images_they_hold(base, from_files, arrays):
    np.testing.assert_array_equal(arrays_of(from_files)["corners"], arrays["corners"])
    ends = summary_of(from_files)
    assert [(ends[end]["id"], ends[end]["label"]) for end in ("source", "target")] == [
        ("my source.png", None),
        ("my target.png", None),
    ]
    assert "\nwith files/figure.png\nFound: " in from_files.outcome.stdout


def test_the_seed_draws_other_mixtures(from_files, arrays):
    assert summary_of(from_files)["seed"] == 1
    weights = arrays_of(from_files)["convex_weights"]
    assert weights.shape == arrays["convex_weights"].shape
    assert np.abs(weights - arrays["convex_weights"]).max() > 0.1


def test_groups_of_units_and_stick_breaking(tmp_path, training, home, network, inactive):
    a, b, c, d, e, f = (int(unit) for unit in inactive[0][[3, 10, 2, 7, 20, 30]])
    flags = (f"--units={a}+{b},{c},{d}+{e}+{f}", "--sampling=stick_breaking", "--source=3", "--target=7", "--preset=mnist")
    outcome = run("collide", *training, *flags, "--out=groups", cwd=tmp_path, home=home)
    assert outcome.code == 0, outcome.stderr[-2000:]
    groups = [[a, b], [c], [d, e, f]]
    summary = json.loads((tmp_path / "groups" / "summary.json").read_text())
    with np.load(tmp_path / "groups" / "corners.npz") as arrays:
        pre_activation = network.hidden_1(arrays["corners"])
        units, weights = arrays["units"], arrays["convex_weights"]
    assert [corner["units"] for corner in summary["corners"]] == groups
    assert [[unit for unit in row if unit >= 0] for row in units.tolist()] == groups
    pushed = [pre_activation[n, group].sum() for n, group in enumerate(groups)]
    assert [corner["corner_push"] for corner in summary["corners"]] == pytest.approx(pushed, rel=1e-3)
    assert files_below(tmp_path / "groups") == run_files(3)
    # w1 = u1, w2 = u2 (1 - w1), the last takes the rest: a half, a quarter and a quarter on average.
    assert summary["interpolation"]["sampling"] == "stick_breaking"
    np.testing.assert_allclose(weights.sum(axis=1, dtype=np.float64), 1, atol=1e-6)
    np.testing.assert_allclose(weights.mean(axis=0), [0.5, 0.25, 0.25], atol=0.03)


def test_the_baseline_finds_one_image_that_matches_all_features(tmp_path, training, home, network):
    """As near as half of the pairs of one class are: at the default, a hundredth, units that are off stay off."""
    checks = ("--interpolations=10", "--trace_every=5", "--certify_boxes=0")
    flags = ("--objective=match", "--stop_loss=2000", "--match_quantile=0.5", *checks)
    outcome = run("collide", *training, *flags, "--out=match", cwd=tmp_path, home=home)
    assert outcome.code == 0, outcome.stderr[-2000:]
    summary = json.loads((tmp_path / "match" / "summary.json").read_text())
    assert summary["found"] and summary["match"] == 0.5 and summary["scale"]["distance"] > 2000
    with np.load(tmp_path / "match" / "corners.npz") as arrays:
        (distance,) = feature_distances(network, arrays["corners"], arrays["target"])
        assert arrays["convex_weights"].tolist() == [[1.0]] * 10
    (corner,) = summary["corners"]
    assert corner["units"] == []
    assert corner["feature_distance"] == pytest.approx(distance, rel=1e-3)
    assert distance < 2000
    assert summary["distance"]["corner_mean"] is None
    assert summary["certificate"] is None and summary["certificate_reason"] == "not asked for"
    assert files_below(tmp_path / "match") == run_files(1)
    with open(tmp_path / "match" / "trace.csv", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["step", "feature_distance_0", "source_pull_0"]  # the change is watched, though nothing pulls
    assert [int(row[0]) for row in rows[:2]] == [0, 5]
