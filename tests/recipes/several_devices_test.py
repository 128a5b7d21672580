"""Whole runs on two processors."""

import json

import numpy as np
import pytest

from tfcollide.cli import collide
from tfcollide.models import replicas
from tfcollide.recipes.collide import keeping

QUICK = ("--epochs=5", "--interpolations=41", "--worst_starts=3", "--max_steps=150")


@pytest.fixture(scope="module", autouse=True)
def one_network(tmp_path_factory):
    """Trained once, into the cache."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def run(folder, name, *flags):
    code = collide(["collide", *QUICK, f"--out={folder / name}", *flags])
    summary = json.loads((folder / name / "summary.json").read_text()) if code in (0, 1) else {}
    return code, summary


@pytest.fixture
def splits(monkeypatch):
    """How often a function's rows were split."""
    seen, real = [], replicas.split_rows
    monkeypatch.setattr(replicas, "split_rows", lambda *args: seen.append(args) or real(*args))
    return seen


@pytest.mark.parametrize("flags", [(), ("--tap=hidden_2", "--hull_samples=0")], ids=["hull", "corners that leave the batch"])
def test_the_same_verdicts(tmp_path, splits, flags):
    code, one = run(tmp_path, "one", *flags, "--device=CPU:0")
    assert not splits
    again, two = run(tmp_path, "two", *flags, "--device=CPU:0,CPU:1")
    assert len(splits) > 3  # the descent, the mixtures, the worst of them
    assert again == code
    for key in ("steps", "converged", "stop_loss"):
        assert two[key] == pytest.approx(one[key], rel=1e-5), key
    for ours, theirs in zip(two["corners"], one["corners"], strict=True):
        assert (ours["units"], ours["predicted"]) == (theirs["units"], theirs["predicted"])
    for key in ("interpolation", "png"):
        assert two[key]["accuracy"] == one[key]["accuracy"]
    assert two["worst_mixture"]["margin"] == pytest.approx(one["worst_mixture"]["margin"], rel=1e-3)
    assert two["certificate"]["status"] == one["certificate"]["status"]
    corners = [np.load(tmp_path / name / "corners.npz")["corners"] for name in ("one", "two")]
    np.testing.assert_allclose(*corners, atol=1e-4)


def test_pairs_together_on_two_devices(tmp_path, splits):
    flags = ("--num_pairs=2", "--corners=3", "--certify_boxes=0")
    code, one = run(tmp_path, "one", *flags)
    again, two = run(tmp_path, "two", *flags, "--pairs_together=2", "--device=all")
    assert code == again and splits
    for ours, theirs in zip(two["pairs"], one["pairs"], strict=True):
        assert (ours["steps"], ours["converged"], ours["accuracy"]) == (
            theirs["steps"],
            theirs["converged"],
            theirs["accuracy"],
        )


def test_resumed_equals_uninterrupted(tmp_path, monkeypatch):
    endless = ("--stop_loss=1e-30", "--half_life=0", "--max_steps=400", "--corners=3", "--certify_boxes=0")
    flags = (*endless, "--checkpoint_seconds=0", "--device=CPU:0,CPU:1")
    code, whole = run(tmp_path, "whole", *flags)
    real = keeping.write_npz

    def cut(path, arrays):
        real(path, arrays)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(keeping, "write_npz", cut)
        assert run(tmp_path, "cut", *flags)[0] == 130
    assert 0 < int(np.load(tmp_path / "cut.partial" / ".checkpoint.npz")["step"]) < 400
    again, resumed = run(tmp_path, "cut", *flags)
    assert again == code
    for name in ("corners.npz", "trace.csv", "run.flags"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert {**resumed, "seconds": None} == {**whole, "seconds": None}


@pytest.mark.parametrize(
    ("device", "named"),
    [
        ("CPU:0,CPU:7", "--device=CPU:7: expected a device of this machine: CPU:0, CPU:1"),
        ("CPU:0,CPU:0", "--device=CPU:0,CPU:0, one device twice"),
        ("CPU:0,GPU:0", "--device=CPU:0,GPU:0: expected devices of one kind"),
        ("", "--device=: expected a device of this machine"),
    ],
)
def test_refusals(tmp_path, capsys, device, named):
    code, _ = run(tmp_path, "out", f"--device={device}")
    said = capsys.readouterr().err
    assert code == 2 and named in said and said.count("\n") == 1
    assert not (tmp_path / "out").exists() and not (tmp_path / "out.partial").exists()
