"""Runs made by hand: what is compared, and what is not."""

import dataclasses
import json
import signal

import numpy as np
import pytest
from PIL import Image

from tests.report import summaries
from tfcollide import cli
from tfcollide.recipes.composite import compare as compare_looks
from tfcollide.recipes.composite.config import CompareConfig
from tfcollide.records import EndPoint, Perceptual


def summary(parameterization, share):
    found = summaries.summary(
        parameterization=parameterization,
        source=EndPoint("test:1", "3", "3", 1.0),
        target=EndPoint("test:2", "7", "7", 1.0),
        corners=(summaries.corner(),) * 2,
        perceptual=Perceptual(0.5, None, share, 0.1),
    )
    return dataclasses.asdict(found)


def write_run(folder, content):
    (folder / "images").mkdir(parents=True)
    (folder / "corners.npz").touch()
    (folder / "summary.json").write_text(json.dumps(content))
    for name in ("source", "target", "corner_0", "corner_1"):
        Image.fromarray(np.zeros([16, 16], np.uint8)).save(folder / "images" / f"{name}.png")


@pytest.fixture
def sides(tmp_path):
    """`runs/pixels` and `runs/composites`, the second with twice the low frequencies of the first."""
    for name, kind, share in (("pixels", "pixels", 0.2), ("composites", "composite", 0.4)):
        write_run(tmp_path / "runs" / name, summary(kind, share))
    return tmp_path / "runs"


def compare(sides, out, **changes):
    folders = {"pixels": sides / "pixels", "composites": sides / "composites"} | changes
    compare_looks.run(CompareConfig(**{name: str(folder) for name, folder in folders.items()}), out)
    return json.loads((out / "summary.json").read_text()), (out / "table.md").read_text()


@pytest.mark.filterwarnings("ignore:Mean of empty slice")
def test_the_ratio_of_low_frequencies(sides, tmp_path):
    found, table = compare(sides, tmp_path / "looks")
    assert found["low_frequency_ratio"] == {"min": 2.0, "median": 2.0}
    assert "median 2.00 times, least 2.00 times." in table


@pytest.mark.filterwarnings("ignore:Mean of empty slice")
def test_equal_pixel_corners_have_no_ratio(sides, tmp_path):
    (sides / "pixels" / "summary.json").write_text(json.dumps(summary("pixels", 0.0)))
    found, table = compare(sides, tmp_path / "looks")
    assert found["low_frequency_ratio"] is None
    assert "composites over pixels: pixel corners are equal." in table


@pytest.mark.filterwarnings("ignore:Mean of empty slice")
def test_what_is_no_run_in_a_folder_of_runs_is_passed_over(sides, tmp_path):
    several = tmp_path / "several"
    several.mkdir()
    (sides / "pixels").rename(several / "pair")
    compare(sides, several / "looks", pixels=several)
    assert compare(sides, tmp_path / "again", pixels=several)[0]["pairs"] == 1


def damage(content):
    """`summary.json` of the pixels' side with these bytes."""
    return lambda sides: (sides / "pixels" / "summary.json").write_bytes(content)


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (damage(b'{"parameterization": '), "which cannot be read"),
        (damage(b"\xff\xfe"), "which cannot be read"),
        (damage(b"[]"), "which is no object"),
        (damage(b"{}"), "which cannot be read"),
        (damage(json.dumps(summary("pixels", 0.2) | {"png": None}).encode()), "which cannot be read"),
        (damage(json.dumps(summary("pixels", "much")).encode()), "which cannot be read"),
        (lambda sides: (sides / "pixels" / "summary.json").unlink(), "the directory of a finished run"),
        (lambda sides: (sides / "pixels" / "corners.npz").unlink(), "without a run of several corners in it"),
        (damage(json.dumps(summary("composite", 0.2)).encode()), "a run with --parameterization=composite"),
    ],
)
def test_a_side_that_is_no_whole_run_is_refused_in_a_line(sides, tmp_path, capsys, monkeypatch, harm, words):
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    harm(sides)
    flags = [f"--pixels={sides / 'pixels'}", f"--composites={sides / 'composites'}", f"--out={tmp_path / 'looks'}"]
    assert cli.compare_looks(["compare_looks", *flags]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: --pixels{':' if 'which' in words else '='}") and error.count("\n") == 1 and words in error
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


def test_a_comparison_that_fails_gives_its_lock_back(sides, tmp_path):
    (sides / "pixels" / "images" / "corner_1.png").unlink()
    errors = []  # kept, and with them all that is alive in their frames
    for _ in range(2):
        with pytest.raises(FileNotFoundError) as caught, pytest.warns(RuntimeWarning):
            compare(sides, tmp_path / "looks")
        errors.append(caught)
