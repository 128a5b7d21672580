"""Pairs that are descended as one batch end as they do one by one, and in the same bytes after an interruption."""

import json

import numpy as np
import pytest
from PIL import Image

from tfcollide.cli import collide
from tfcollide.errors import RequestError
from tfcollide.recipes.collide import keeping
from tfcollide.recipes.collide.config import CollideConfig
from tfcollide.recipes.collide.sweep import batch

QUICK = ("--epochs=5", "--corners=3", "--interpolations=40", "--certify_boxes=0", "--worst_starts=2", "--max_steps=120")
VARIANTS = {
    "hull": (),  # affine tap, corners coupled
    "affine": ("--preset=mnist",),
    "alone": ("--tap=hidden_2", "--hull_samples=0", "--max_steps=240"),  # corners leave the batch one by one
}


@pytest.fixture(scope="module")
def place(tmp_path_factory, digits):
    """Tables of pairs, one of them with a bad one in it, and a folder for the model."""
    folder = tmp_path_factory.mktemp("together")
    (folder / "broken.png").write_text("not an image")
    Image.fromarray(digits.test.images[1, ..., 0]).save(folder / "good.png")
    (folder / "bad.csv").write_text("source,target\n3,7\nbroken.png,4\ngood.png,2\n5,1\n1,test:99999\n")
    (folder / "pairs.csv").write_text("source,target\n3,7\n0,1\n4,2\n")
    return folder


def sweep(place, out, table, *flags):
    return collide(["collide", *QUICK, f"--model_dir={place}/models", f"--pairs={place}/{table}.csv", f"--out={out}", *flags])


def told(folder):
    return json.loads((folder / "summary.json").read_text())


def content(folder):
    """All files but those that tell the time or are drawn; summaries without the time."""
    files = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    found = {name: path.read_bytes() for name, path in files.items() if not name.endswith(("summary.json", "figure.png"))}
    summaries = {name: told(path.parent) | {"seconds": None} for name, path in files.items() if name.endswith("summary.json")}
    return found | summaries


@pytest.mark.parametrize("variant", VARIANTS)
def test_equal_to_one_by_one(place, tmp_path, variant):
    codes = [sweep(place, tmp_path / k, "bad", *VARIANTS[variant], f"--pairs_together={k}") for k in ("1", "3")]
    assert codes == [1, 1]  # two pairs are bad
    one, three = (told(tmp_path / k)["pairs"] for k in ("1", "3"))
    assert [pair["error"] for pair in three] == [pair["error"] for pair in one]
    assert [pair["error"] is None for pair in three] == [True, False, True, True, False]
    assert len({pair["steps"] for pair in one if pair["steps"]}) > 1  # they do not end together
    for apart, joined in zip(one, three, strict=True):
        assert apart.keys() == joined.keys()
        for key in ("directory", "converged", "steps", "classes", "accuracy", "png_accuracy", "misread"):
            assert joined[key] == apart[key], key
        if apart["directory"]:
            folders = [tmp_path / k / apart["directory"] for k in ("1", "3")]
            assert content(folders[0]).keys() == content(folders[1]).keys()
            corners = [np.load(folder / "corners.npz")["corners"] for folder in folders]
            np.testing.assert_allclose(corners[1], corners[0], atol=1e-4)
            traces = [np.loadtxt(folder / "trace.csv", delimiter=",", skiprows=1, ndmin=2) for folder in folders]
            np.testing.assert_allclose(traces[1], traces[0], rtol=1e-3, atol=1e-2)
            assert (folders[0] / "run.flags").read_text() == (folders[1] / "run.flags").read_text()


@pytest.fixture(scope="module")
def in_peace(place, tmp_path_factory):
    out = tmp_path_factory.mktemp("peace") / "sweep"
    assert sweep(place, out, "pairs", "--pairs_together=3", "--checkpoint_seconds=0") in (0, 1)
    return content(out)


def interrupt(monkeypatch, module, name, at):
    """The `at`-th call of a function is the last thing before Ctrl-C."""
    real, calls = getattr(module, name), []

    def cut(*args):
        found = real(*args)
        calls.append(1)
        if len(calls) == at:
            raise KeyboardInterrupt
        return found

    monkeypatch.setattr(module, name, cut)
    return calls


@pytest.mark.parametrize("at", [1, 2])
def test_interrupted_while_it_descends(place, tmp_path, monkeypatch, in_peace, at):
    flags = (place, tmp_path / "sweep", "pairs", "--pairs_together=3", "--checkpoint_seconds=0")
    with monkeypatch.context() as patched:
        calls = interrupt(patched, keeping, "write_npz", at)
        assert sweep(*flags) == 130
    assert len(calls) == at and not (tmp_path / "sweep").exists()
    (checkpoint,) = (tmp_path / "sweep.partial").glob(".pairs_*.npz")
    assert (np.load(checkpoint)["ended_at"] < 0).any()
    assert sweep(*flags) in (0, 1)
    assert content(tmp_path / "sweep") == in_peace


def test_interrupted_while_it_writes(place, tmp_path, monkeypatch, in_peace):
    flags = (place, tmp_path / "sweep", "pairs", "--pairs_together=3", "--checkpoint_seconds=0")
    with monkeypatch.context() as patched:
        interrupt(patched, batch, "write_pair", 2)
        assert sweep(*flags) == 130
    partial = tmp_path / "sweep.partial"
    whole = [path for path in partial.iterdir() if path.is_dir()]
    assert len(whole) == 2
    stamps = {path: (path / "corners.npz").stat().st_mtime_ns for path in whole}
    (checkpoint,) = partial.glob(".pairs_*.npz")
    assert (np.load(checkpoint)["ended_at"] >= 0).all()
    assert sweep(*flags) in (0, 1)
    assert content(tmp_path / "sweep") == in_peace
    for path, stamp in stamps.items():  # what was whole was left alone
        assert (tmp_path / "sweep" / path.name / "corners.npz").stat().st_mtime_ns == stamp


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        ({"pairs_together": 2}, "--pairs_together=2 with one pair"),
        ({"pairs_together": 0, "num_pairs": 3}, "--pairs_together=0"),
        ({"pairs_together": 2, "num_pairs": 3, "solver": "exact"}, "--pairs_together=2 with --solver=exact"),
        ({"pairs_together": 2, "num_pairs": 3, "spread": "max"}, "--pairs_together=2 with --spread=max"),
        ({"pairs_together": 2, "num_pairs": 3, "runner": "DirectRunner"}, "--pairs_together=2 with --runner=DirectRunner"),
        (
            {"pairs_together": 2, "num_pairs": 3, "parameterization": "composite", "index": "x"},
            "--pairs_together=2 with --parameterization=composite",
        ),
    ],
)
def test_refusals(flags, named):
    with pytest.raises(RequestError, match=named):
        CollideConfig(**flags).check()
