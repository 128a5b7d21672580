"""What version 0.1 wrote is opened, repeated, exported, compared and rebuilt; damaged files are refused in one line."""

import contextlib
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tfcollide import cli
from tfcollide.recipes.finished_run import read_run

HERE = Path(__file__).resolve().parent.parent / "testdata"
MADE_IN = "/tmp/tfcollide/testdata"
PAIR = ("--dataset=none", "--corners=2", "--max_steps=3", "--interpolations=3", "--worst_starts=0")
DAMAGED = HERE / "damaged"


def run(program, *flags):
    """Runs a program in this process. Returns its exit code and what it said on standard error."""
    said, wrong = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(wrong):
        code = getattr(cli, program)([program, *map(str, flags)])
    return code, wrong.getvalue()


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    """A copy of testdata/ whose runs name the files where they are now."""
    folder = tmp_path_factory.mktemp("old") / "testdata"
    shutil.copytree(HERE, folder)
    for file in (*folder.rglob("run.flags"), *folder.glob("*/summary.json")):
        file.write_text(file.read_text().replace(MADE_IN, str(folder)))
    return folder


def test_it_is_small_and_names_no_machine():
    files = [path for path in HERE.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 3_000_000
    assert not [path for path in files if b"/root" in path.read_bytes() or b"/home/" in path.read_bytes()]


@pytest.mark.parametrize("name", ["run", "exact", "pixels", "composite"])
def test_runs_are_repeated(old, tmp_path, name):
    code, stderr = run("collide", f"--flagfile={old / name / 'run.flags'}", f"--out={tmp_path / 'new'}")
    assert code in (0, 1), stderr  # what counts as found has changed since
    before, after = read_run(old / name), read_run(tmp_path / "new")
    assert after.summary.versions["tfcollide"] != before.summary.versions["tfcollide"] == "0.1.0"
    earlier, later = (json.loads((one.path / "summary.json").read_text()) for one in (before, after))
    for key in ("dataset", "model", "tap", "test_accuracy", "source", "target"):
        assert later[key] == pytest.approx(earlier[key]) or later[key] == earlier[key], key
    for key in ("source", "target", "units", "convex_weights"):
        np.testing.assert_array_equal(after.arrays[key], before.arrays[key])
    assert set(earlier) <= set(later)  # keys are added, never renamed
    assert {path.name for path in (old / name).iterdir()} <= {path.name for path in (tmp_path / "new").iterdir()}


def test_a_sweep_is_repeated(old, tmp_path):
    code, stderr = run("collide", f"--flagfile={old / 'sweep' / 'run.flags'}", f"--out={tmp_path / 'new'}")
    assert code in (0, 1), stderr
    before, after = (json.loads((folder / "summary.json").read_text()) for folder in (old / "sweep", tmp_path / "new"))
    assert [pair["directory"] for pair in after["pairs"]] == [pair["directory"] for pair in before["pairs"]]
    assert set(before) <= set(after)


def test_an_unfinished_run_is_left_to_its_version(old, tmp_path):
    partial = tmp_path / "stopped.partial"
    shutil.copytree(old / "stopped.partial", partial)
    flags = (f"--flagfile={partial / 'run.flags'}", "--max_steps=20", f"--out={tmp_path / 'stopped'}")
    code, stderr = run("collide", *flags)
    assert code == 2
    assert "stopped.partial is the unfinished run of another request or of another version of tfcollide" in stderr
    assert (partial / ".checkpoint.npz").read_bytes() == (old / "stopped.partial" / ".checkpoint.npz").read_bytes()
    code, stderr = run("collide", *flags, "--overwrite")
    assert code in (0, 1), stderr
    assert (tmp_path / "stopped" / "summary.json").exists() and not partial.exists()


@pytest.mark.parametrize("name, what", [("pixels", "classifier"), ("pixels", "mixture"), ("composite", "composite")])
def test_runs_are_exported(old, tmp_path, name, what):
    code, stderr = run("export", f"--run={old / name}", f"--what={what}", f"--out={tmp_path / what / '1'}")
    assert code == 0, stderr
    assert (tmp_path / what / "1" / "saved_model.pb").exists()


def test_looks_are_compared(old, tmp_path):
    flags = (f"--pixels={old / 'pixels'}", f"--composites={old / 'composite'}", f"--out={tmp_path / 'looks'}")
    code, stderr = run("compare_looks", *flags)
    assert code == 0, stderr
    assert (tmp_path / "looks" / "figure.png").exists()


def test_composites_are_rebuilt(old, tmp_path):
    code, stderr = run("rebuild_composite", f"--run={old / 'composite'}", f"--out={tmp_path / 'rebuilt'}")
    assert code == 0, stderr


def test_the_index_is_whole_and_answers(old, tmp_path):
    pytest.importorskip("annoy")
    assert run("index_patches", f"--verify={old / 'index'}")[0] == 0
    code, stderr = run("query_patches", f"--patches={old / 'index'}", "--image=0", f"--out={tmp_path / 'neighbors'}")
    assert code == 0, stderr


def test_the_saved_model_is_searched(old, tmp_path):
    ends = (f"--source={old / 'photographs/rows.png'}", f"--target={old / 'photographs/checks.png'}")
    code, stderr = run("collide", f"--model={old / 'saved_model'}", *ends, *PAIR, f"--out={tmp_path / 'new'}")
    assert code in (0, 1), stderr
    code, stderr = run("collide", f"--model={old / 'network.keras'}", *ends, *PAIR, f"--out={tmp_path / 'same'}")
    assert code in (0, 1), stderr
    first, second = (json.loads((tmp_path / name / "summary.json").read_text()) for name in ("new", "same"))
    assert first["target"]["probability"] == pytest.approx(second["target"]["probability"], abs=1e-5)


def refused(program, *flags):
    """That a program ends with exit code 2 and one line. Returns the line."""
    code, stderr = run(program, *flags)
    lines = [line for line in stderr.splitlines() if line.startswith("error: ")]
    assert code == 2 and len(lines) == 1 and "Traceback" not in stderr, stderr
    assert stderr.rstrip().endswith(lines[0])
    return lines[0]


@pytest.mark.parametrize("file", ["cut.png", "empty.png", "text.jpg", "cut.jpg"])
def test_damaged_images_are_refused(old, tmp_path, file):
    model = (f"--model={old / 'network.keras'}", f"--target={old / 'photographs/checks.png'}")
    assert file in refused("collide", f"--source={DAMAGED / file}", *model, *PAIR, f"--out={tmp_path / 'new'}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("file", ["cut.keras", "text.h5", "cut_saved_model", "saved_model_without_weights"])
def test_damaged_networks_are_refused(old, tmp_path, file):
    ends = (f"--source={old / 'photographs/rows.png'}", f"--target={old / 'photographs/checks.png'}")
    assert file in refused("collide", f"--model={DAMAGED / file}", *ends, *PAIR, f"--out={tmp_path / 'new'}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("index", sorted(DAMAGED.glob("index_cut_*")), ids=lambda path: path.name)
def test_damaged_indexes_are_refused(tmp_path, index):
    file = index.name.removeprefix("index_cut_")
    assert file in refused("query_patches", f"--patches={index}", "--image=0", f"--out={tmp_path / 'neighbors'}")
    assert file in refused("index_patches", f"--verify={index}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("damaged", sorted(DAMAGED.glob("run_cut_*")), ids=lambda path: path.name)
def test_damaged_runs_are_refused(tmp_path, damaged):
    assert damaged.name in refused("export", f"--run={damaged}", f"--out={tmp_path / 'served' / '1'}")
    assert not list(tmp_path.iterdir())


def test_a_damaged_composite_is_refused(tmp_path):
    (damaged,) = DAMAGED.glob("composite_cut_*")
    assert damaged.name in refused("rebuild_composite", f"--run={damaged}", f"--out={tmp_path / 'rebuilt'}")
    assert not list(tmp_path.iterdir())
