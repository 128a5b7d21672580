"""Builds: equal bytes however they were interrupted, and nothing half-written."""

import errno
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tests.limits import HANG_SECONDS
from tfcollide import cli
from tfcollide.errors import RequestError
from tfcollide.patches import projection, trees
from tfcollide.patches.collection import open_collection
from tfcollide.patches.grid import Grid
from tfcollide.patches.shards import BuildStep, finished
from tfcollide.patches.store import ImageStore
from tfcollide.recipes.patches.config import IndexConfig
from tfcollide.recipes.patches.index import run, verify

from .conftest import SMALL

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = """
import sys
sys.path.insert(0, {root!r})
from pathlib import Path
from types import SimpleNamespace
from tfcollide.patches import folder
from tfcollide.images import decode
folder._read = lambda paths, fit: (fit(decode(path)) for path in paths)  # spares the import of TensorFlow
from tfcollide.recipes.patches.config import IndexConfig
from tfcollide.recipes.patches.index import run
run(IndexConfig(images={images!r}, held_out=2, jobs=2, **{small!r}), Path({out!r}))
"""


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")}


def start(folder, out):
    script = BUILD.format(root=str(ROOT), images=str(folder), small=SMALL, out=str(out))
    return subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL)


@pytest.mark.parametrize("more", [{}, {"jobs": 1}, {"on_disk_build": True}])
def test_the_same_request_gives_the_same_bytes(folder, index, tmp_path, more):
    run(IndexConfig(images=str(folder), held_out=2, **SMALL, **more), tmp_path / "again")
    assert contents(tmp_path / "again") == contents(index)


def test_another_seed_gives_other_trees(folder, index, tmp_path):
    run(IndexConfig(images=str(folder), held_out=2, seed=1, **SMALL), tmp_path / "other")
    assert (tmp_path / "other" / "trees-00000.ann").read_bytes() != (index / "trees-00000.ann").read_bytes()


def test_an_interrupted_build_goes_on_from_its_finished_shards(folder, index, tmp_path, monkeypatch):
    real = trees._annoy
    failing = {"left": 1}

    def annoy():
        if failing["left"] == 0:
            raise OSError("no space left")
        failing["left"] -= 1
        return real()

    out = tmp_path / "patches"
    config = IndexConfig(images=str(folder), held_out=2, jobs=1, **SMALL)
    failing["left"] = 2  # the check before the build, and one shard
    monkeypatch.setattr(trees, "_annoy", annoy)
    with pytest.raises(OSError, match="no space"):
        run(config, out)
    monkeypatch.undo()
    partial = tmp_path / "patches.partial"
    assert not out.exists() and finished(partial, BuildStep("trees", 0)) and not finished(partial, BuildStep("trees", 1))
    kept = (partial / "trees-00000.ann").stat().st_mtime_ns
    run(config, out)
    assert (out / "trees-00000.ann").stat().st_mtime_ns == kept
    assert contents(out) == contents(index)


def test_killed_builds_end_in_the_same_bytes(folder, index, tmp_path):
    out, kills = tmp_path / "patches", 0
    for delay in (0.0, 0.03, 0.12):
        process = start(folder, out)
        end = time.monotonic() + HANG_SECONDS
        while not (tmp_path / "patches.partial").exists() and process.poll() is None and time.monotonic() < end:
            time.sleep(0.005)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
        if out.exists():
            break
    assert kills
    assert out.exists() or start(folder, out).wait(timeout=HANG_SECONDS) == 0
    assert contents(out) == contents(index)


def test_another_request_s_partial_is_left_alone(folder, tmp_path):
    (tmp_path / "patches.partial").mkdir()
    (tmp_path / "patches.partial" / "run.flags").write_text("--stride=3\n")
    with pytest.raises(RequestError, match="unfinished"):
        run(IndexConfig(images=str(folder), **SMALL), tmp_path / "patches")
    assert os.listdir(tmp_path / "patches.partial") == ["run.flags"]


def test_recall_is_measured_and_kept(folder, tmp_path):
    out = tmp_path / "patches"
    run(IndexConfig(images=str(folder), held_out=2, **SMALL), out)
    manifest = run(IndexConfig(recall=50), out)
    assert open_collection(out).manifest == manifest
    assert manifest.recall_at_1 == 1.0 and manifest.recall_at_10 > 0.99 and manifest.distance_ratio == 1.0
    assert manifest.query_milliseconds > 0 and manifest.recall_queries == 50
    assert verify(out) == manifest


def test_recall_of_an_index_that_cannot_be_written_is_measured_and_said(folder, tmp_path, monkeypatch, capsys):
    out, flags = tmp_path / "patches", ["index_patches", f"--out={tmp_path / 'patches'}", "--recall=20"]
    run(IndexConfig(images=str(folder), held_out=2, **SMALL), out)
    before = contents(out)

    def refuse(**place):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(tempfile, "mkdtemp", refuse)
    assert cli.index_patches(flags) == 0
    said = capsys.readouterr()
    assert said.err.splitlines()[0] == f"{out} cannot be written: recall is measured and printed, and not kept there"
    assert "recall@1 1.0000" in said.out
    assert contents(out) == before


def test_room_for_trees_on_disk_is_taken_first(folder, tmp_path, monkeypatch):
    """Annoy writes through a map of its file, which a full disk ends in a bus error."""
    taken = []

    def reserve(path, size):
        taken.append((path.name, path.stat().st_size < 1000, size))
        if len(taken) == 3:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(trees, "reserve", reserve)
    with pytest.raises(OSError, match="No space left on device"):
        run(IndexConfig(images=str(folder), held_out=2, on_disk_build=True, jobs=1, **SMALL), tmp_path / "patches")
    assert [name for name, _, _ in taken] == [f".trees-{shard:05d}.ann" for shard in range(3)]
    assert all(short for _, short, _ in taken)
    assert all(size >= (tmp_path / "patches.partial" / name[1:]).stat().st_size for name, _, size in taken[:2])


def test_an_exact_index_needs_no_annoy(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "annoy", None)
    out = tmp_path / "patches"
    manifest = run(IndexConfig(images=str(folder), held_out=2, **SMALL | {"search": "exact"}), out)
    assert not manifest.num_trees and not list(out.glob("trees*"))
    with pytest.raises(RequestError, match=r'pip install "tfcollide\[patches\]"'):
        run(IndexConfig(images=str(folder), **SMALL), tmp_path / "other")
    assert not list(tmp_path.glob("other*"))


@pytest.mark.parametrize("projection", ["random", "pca"])
def test_projections_never_lengthen_a_distance(folder, tmp_path, projection):
    run(IndexConfig(images=str(folder), projection=projection, search_size=24, **SMALL | {"stride": 2}), tmp_path / "patches")
    collection = open_collection(tmp_path / "patches")
    windows = collection.store.patches(np.arange(0, 500, 9)).astype(np.float32) - 128
    points = collection.projection.apply(windows)
    near, far = (np.linalg.norm(x[:, None] - x, axis=-1) for x in (points, windows))
    assert (near <= far * (1 + 1e-5) + 1e-3).all()
    np.testing.assert_allclose(collection.projection.components @ collection.projection.components.T, np.eye(8), atol=1e-5)


@pytest.mark.parametrize(
    ("more", "components"), [({}, 6), ({"projection": "random"}, 40), ({"search": "exact"}, 6), ({"search": "projected"}, 6)]
)
def test_fewer_windows_than_components(folder, tmp_path, capsys, more, components):
    few = SMALL | {"image_size": 12, "num_components": 40, "held_out": 8}
    manifest = run(IndexConfig(images=str(folder), recall=5, **few | more), tmp_path / "patches")
    assert (manifest.num_patches, manifest.num_components, manifest.recall_at_1) == (6, components, 1.0)
    found = open_collection(tmp_path / "patches").projection.components
    np.testing.assert_allclose(found @ found.T, np.eye(components), atol=1e-5)
    assert ("--num_components=40 is lowered to 6" in capsys.readouterr().err) == (components == 6)


def test_the_most_components_are_the_windows_that_are_looked_at(monkeypatch):
    monkeypatch.setattr(projection, "_SAMPLE_IMAGES", 10)
    monkeypatch.setattr(projection, "_SAMPLE_WINDOWS", 35)
    grid = Grid(20, 20, 6, 7)
    for images in (1, 2, 9, 10, 11, 37):
        store = ImageStore(grid, [np.zeros((images, 20, 20, 3), np.uint8)], [])
        assert projection.most_components("pca", grid, images) == len(projection._sample(store, 0))
    assert projection.most_components("random", grid, 1) == grid.values == 108


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"patch_size": 49}, "patch_size"),
        ({"per_class_share": 0.0}, "per_class_share"),
        ({"num_components": 433}, "num_components"),
        ({"held_out": 14}, "held_out"),
        ({"recall": 10, "held_out": 0}, "held_out"),
        ({"search": "faiss"}, "search"),
        ({"resize": "pad"}, "resize"),
        ({"projection": "ica"}, "projection"),
        ({"runner": "NoSuchRunner"}, "runner"),
        ({"images": None}, "images"),
    ],
)
def test_refuses_before_anything_is_written(folder, tmp_path, wrong, word):
    with pytest.raises(RequestError, match=word):
        run(IndexConfig(**{"images": str(folder)} | SMALL | wrong), tmp_path / "patches")
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_noticed_before_it_is_full(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(RequestError, match=r"with 1\.0 KiB free: expected about \d+\.\d KiB"):
        run(IndexConfig(images=str(folder), **SMALL), tmp_path / "patches")
    assert not list(tmp_path.iterdir())
