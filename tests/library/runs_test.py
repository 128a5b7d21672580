"""Results written as run directories, and read back."""

import json

import numpy as np
import pytest

import tfcollide as tc
from tfcollide.records import Summary


@pytest.fixture(scope="module")
def saved(tmp_path_factory, found, verdict):
    return found.save(tmp_path_factory.mktemp("runs") / "mine", verdict)


def test_a_saved_run_holds_what_that_of_the_program_holds_but_its_flags(saved):
    names = {str(path.relative_to(saved)) for path in saved.rglob("*") if path.is_file()}
    images = {f"images/{name}.png" for name in ("source", "target", "corner_0", "corner_1")}
    assert names == images | {"corners.npz", "summary.json", "trace.csv", "table.md", "figure.png"}
    summary = json.loads((saved / "summary.json").read_text())
    assert summary["found"] and summary["interpolation"]["samples"] == 100 and summary["objective"] == "corners"


def test_it_is_read_back_and_judged_again(saved, network, found, verdict):
    read = tc.load_run(saved)
    assert read.corners.tobytes() == found.corners.tobytes() and read.units == found.units
    assert read.records == found.records and read.ends == found.ends and read.bounds == found.bounds
    assert read.summary == Summary.read(saved) and read.summary.found and repr(read) == repr(found)
    again = tc.judge(network, read, samples=100)
    assert again.interpolation == verdict.interpolation and again.missing == verdict.missing
    assert tc.certify(network, read) == tc.certify(network, found)
    with pytest.raises(tc.RequestError, match="^a result that was read from a run directory"):
        read.save(saved.with_name("copy"))


def test_features_are_saved_without_a_target(network, source, target, tmp_path):
    wanted = network.tap("hidden")(target[None]).post_activation.numpy()[0]
    found = tc.find_corners(network, source, wanted, corners=2, max_steps=50)
    read = tc.load_run(found.save(tmp_path / "run"))
    assert read.target is None and not (tmp_path / "run" / "images" / "target.png").exists()
    assert len(read.plot().axes) == 3


def test_a_folder_that_exists_is_left_alone(found, tmp_path):
    with pytest.raises(tc.RequestError, match="^folder=.*which exists"):
        found.save(tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_is_no_run_is_refused(tmp_path, saved):
    with pytest.raises(tc.RequestError, match="expected the directory of a finished run"):
        tc.load_run(tmp_path)
    (tmp_path / "summary.json").write_bytes((saved / "summary.json").read_bytes())
    with pytest.raises(tc.RequestError, match="which cannot be read"):
        tc.load_run(tmp_path)


def test_a_summary_is_read_as_it_was_written(saved):
    read = Summary.read(saved)
    assert isinstance(read.corners[0].units, tuple) and isinstance(read.source.probability, float)
    assert read.distance.corner_mean > 0 and read.png.misread == 0 and read.seconds["check"] >= 0


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda content: content.pop("tap"), "cannot be read"),
        (lambda content: content["distance"].update(corner_mean="far"), "'far' is no float"),
        (lambda content: content.update(corners=None), "cannot be read"),
        (lambda content: content.update(pairs=[{"directory": "pair_0000"}]), "a sweep: expected the directory of one pair"),
    ],
)
def test_a_damaged_summary_is_told_in_a_line(saved, tmp_path, harm, words):
    content = json.loads((saved / "summary.json").read_text())
    harm(content)
    (tmp_path / "summary.json").write_text(json.dumps(content))
    with pytest.raises(tc.RequestError) as caught:
        Summary.read(tmp_path)
    assert words in str(caught.value)


def test_what_later_versions_add_is_passed_over(saved, tmp_path):
    content = json.loads((saved / "summary.json").read_text())
    del content["mixture_looks"], content["allow_trivial"]
    (tmp_path / "summary.json").write_text(json.dumps(content | {"yet unknown": 1}))
    read = Summary.read(tmp_path)
    assert read.mixture_looks is None and np.isclose(read.distance.corner_mean, content["distance"]["corner_mean"])
