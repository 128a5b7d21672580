"""Whole runs in this process: the largest spread, the front, and what is left in the run's directory."""

import json

import numpy as np
import pytest

from tfcollide.cli import collide
from tfcollide.library import descend

SHORT = 1 - 0.03**0.5  # crowding, the mean over the three pairs of (1 - distance / spread)^2, is to be below 0.01
QUICK = ("--epochs=10", "--corners=3", "--interpolations=40", "--certify_boxes=0", "--worst_starts=2")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("found")


def run(place, name, *flags):
    code = collide(["collide", *QUICK, f"--model_dir={place}/models", f"--out={place}/{name}", *flags])
    done = place / name / "summary.json"
    return code, json.loads(done.read_text()) if done.exists() else None


@pytest.fixture(scope="module")
def usual(place):
    return run(place, "usual")


@pytest.fixture(scope="module")
def widest(place):
    return run(place, "widest", "--spread=max")


def test_the_usual_run_finds_a_collision_that_keeps_the_source(usual):
    code, found = usual
    assert code == 0 and found["found"] and found["missing"] == [] and found["ended"] == "met"
    assert found["steps"] < 300  # a tenth of --max_steps
    for corner in found["corners"]:
        assert not corner["trivial"] and not corner["lost"] and corner["source_share"] < corner["target_share"]
        assert corner["feature_quantile"] <= 0.01 and corner["reader"] == found["source"]["label"]
    assert found["distance"]["spread_asked"] == 0.12 and found["distance"]["spread_reached"] >= SHORT * 0.12
    assert found["reader"]["accuracy"] >= 0.8 and found["match"] == 0.01 and found["scale"]["pairs"] >= 10_000


def test_the_largest_spread_is_found_and_quoted(usual, widest):
    """Larger than the default, which is a setting; the corners still are the source, and the hull holds."""
    code, found = widest
    assert code == 0 and found["found"] and found["ended"] == "met"
    asked, reached = (found["distance"][name] for name in ("spread_asked", "spread_reached"))
    assert asked > 0.12 and reached >= SHORT * asked
    assert found["distance"]["corner_mean"] > usual[1]["distance"]["corner_mean"]
    assert not any(corner["trivial"] or corner["lost"] for corner in found["corners"])


def test_nothing_of_the_search_is_left_behind(place, usual, widest):
    def names(folder):
        return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}

    assert names(place / "widest") == names(place / "usual")


def test_a_search_for_the_largest_spread_that_is_interrupted_ends_in_the_same_bits(place, widest, monkeypatch):
    """After its second spread; what was solved is not solved again but for its last look."""
    real, calls = descend.minimize_pairs, []

    def cut(*args, **options):
        found = real(*args, **options)
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return found

    with monkeypatch.context() as patched:
        patched.setattr(descend, "minimize_pairs", cut)
        assert run(place, "cut", "--spread=max", "--checkpoint_seconds=0")[0] == 130
    code, found = run(place, "cut", "--spread=max", "--checkpoint_seconds=0")
    assert code == 0
    del found["seconds"]
    assert found == {name: value for name, value in widest[1].items() if name != "seconds"}
    with np.load(place / "cut" / "corners.npz") as cut_short, np.load(place / "widest" / "corners.npz") as whole:
        assert cut_short["corners"].tobytes() == whole["corners"].tobytes()


def test_the_front_of_the_pair_lies_below_its_corners(place, usual):
    """One corner needs less change than three that are apart; features match at its end, and not before."""
    code, found = run(place, "front", "--front", "--figure=all")
    assert code == 0
    end, points = found["front_end"], found["front"]
    assert end["censored"] is None and 0 < end["change"] == end["last_change"] < 0.5
    assert end["last_quantile"] <= 0.01 and end["reader"] == found["source"]["label"]
    assert [change for change, _ in points] == pytest.approx(sorted(change for change, _ in points), abs=1e-3)
    assert points[0][0] < 0.1 and points[0][1] > 0.01
    assert end["change"] <= found["hull_front"]["end"]["change"] * 1.01
    assert end["change"] <= min(corner["source_share"] for corner in found["corners"])
