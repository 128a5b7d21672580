"""The two programs, as a user meets them."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tfcollide import cli
from tfcollide.patches.collection import open_collection

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_looks_up_a_photograph(index, folder, in_folder, capsys):
    flags = [f"--index={index}", f"--image={folder / 'even' / '02.png'}", "--neighbors=3", "--queries=2", "--out=found"]
    assert cli.query_patches(["query_patches", *flags]) == 0
    assert capsys.readouterr().out.strip().endswith("found/neighbors.png")
    rows = list(csv.DictReader((in_folder / "found" / "neighbors.csv").open()))
    assert len(rows) == 3 * 100
    nearest = [row for row in rows if row["rank"] == "1"]
    assert all(float(row["distance"]) == 0 and row["photograph"] == "even/02.png" for row in nearest)
    assert all((row["query_row"], row["query_column"]) == (row["row"], row["column"]) for row in nearest)
    assert np.asarray(Image.open(in_folder / "found" / "neighbors.png")).std() > 10


def test_leaves_out_the_photograph_itself(index, in_folder):
    flags = [f"--index={index}", "--image=0", "--skip_same_image", "--search=exact", "--out=found"]
    assert cli.query_patches(["query_patches", *flags]) == 0
    rows = list(csv.DictReader((in_folder / "found" / "neighbors.csv").open()))
    names = {row["photograph"] for row in csv.DictReader((in_folder / "found" / "neighbors.csv").open())}
    assert len(rows) == 500 and "even/00.png" not in names


def test_photographs_whose_names_are_no_utf_8(folder, in_folder, capfd):
    """As in collections that are older than UTF-8: the folder, its classes and the photographs."""
    place, written = in_folder / "caf\udce9", in_folder / "l\udce0"
    (place / "\udcfcber").mkdir(parents=True)
    for number, name in enumerate(("\udce9t\udce9.png", "plain.png")):
        (place / "\udcfcber" / name).write_bytes((folder / "even" / f"{2 * number:02d}.png").read_bytes())
    flags = [f"--images={place}", "--image_size=48", "--patch_size=12", "--stride=12"]
    assert cli.index_patches(["index_patches", *flags, "--out=patches"]) == 0
    assert open_collection(in_folder / "patches").photographs() == ["\xfcber/plain.png", "\xfcber/\xe9t\xe9.png"]
    assert json.loads((in_folder / "patches" / "manifest.json").read_bytes())["photographs"] == str(place)
    look_up = [f"--image={place}/\udcfcber/plain.png", "--neighbors=1", "--queries=1"]
    assert cli.query_patches(["query_patches", "--index=patches", *look_up, f"--out={written}/found"]) == 0
    assert {row["photograph"] for row in csv.DictReader((written / "found" / "neighbors.csv").open())} == {"\xfcber/plain.png"}
    assert cli.index_patches(["index_patches", *flags, "--search=exact", f"--out={written}/patches"]) == 0
    program = [sys.executable, str(ROOT / "bin" / "index_patches"), f"--verify={written}/patches"]
    said = subprocess.run(program, capture_output=True, check=True).stdout
    assert said.startswith(os.fsencode(written / "patches") + b": 32 patches")  # not as pytest would capture it
    (in_folder / "\xe9t\xe9").symlink_to(written / "patches")
    program = [sys.executable, str(ROOT / "bin" / "index_patches"), "--verify=\xe9t\xe9"]
    said = subprocess.run(program, capture_output=True, check=True, env=os.environ | {"PYTHONIOENCODING": "ascii"}).stdout
    assert said.startswith(rb"\xe9t\xe9: 32 patches")
    capfd.readouterr()
    before = sorted(written.iterdir())
    assert cli.index_patches(["index_patches", *flags, "--search=annoy", f"--out={written}/trees"]) == 2
    error = capfd.readouterr().err
    assert error.startswith("error: trees in ") and "whose name is no UTF-8" in error and error.count("\n") == 1
    assert sorted(written.iterdir()) == before


def test_verifies_an_index(index, capsys):
    assert cli.index_patches(["index_patches", f"--verify={index}"]) == 0
    assert "1,200 patches, every byte as it was built" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("program", "flags", "words"),
    [
        ("index_patches", ["--images=nowhere", "--out=x"], "nowhere"),
        ("index_patches", ["--images=bundled"], "--out"),
        ("index_patches", ["--out=x"], "--images"),
        ("index_patches", ["--out=x", "--recall=10"], "does not exist"),
        ("index_patches", ["--verify=nowhere"], "nowhere"),
        ("index_patches", ["--images=bundled", "--out=x", "--patchsize=3"], "patch_size"),
        ("index_patches", ["--images=bundled", "--out=x", "--stride=0"], "--stride=0"),
        ("index_patches", ["--images=tfds:", "--out=x"], "tfds:"),
        (
            "index_patches",
            ["--images=bundled", "--out=x", "--num_trees=20"],
            "--num_trees=20: expected --search=annoy beside it",
        ),
        ("query_patches", ["--out=x"], "--index"),
        ("query_patches", ["--index=nowhere", "--image=0", "--out=x"], "nowhere"),
    ],
)
def test_a_mistake_is_one_line(in_folder, capsys, program, flags, words):
    assert getattr(cli, program)([program, *flags]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1 and words in error
    assert not list(in_folder.iterdir())


def test_says_where_a_distance_leaves_too_few(index, folder, in_folder, capsys):
    """Each of the photograph's windows is a patch of the index itself, at a distance of 0."""
    flags = [f"--index={index}", "--image=0", "--neighbors=1200", "--min_distance=1", "--search=exact", "--out=found"]
    assert cli.query_patches(["query_patches", *flags]) == 0
    rows = list(csv.DictReader((in_folder / "found" / "neighbors.csv").open()))
    assert rows and all(float(row["distance"]) >= 1 for row in rows)
    said = "100 of 100 windows have fewer than 1200 neighbors: no more are left by --min_distance=1"
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "flags",
    [
        ["--image=12"],
        ["--image=no.png"],
        ["--image=0", "--neighbors=0"],
        ["--image=0", "--neighbors=1201"],
        ["--image=0", "--queries=31"],
        ["--image=0", "--min_distance=1e6"],
        ["--image=0", "--min_distance=5000"],
        ["--image=a.png", "--skip_same_image"],
    ],
)
def test_a_photograph_that_cannot_be_looked_up_is_one_line(index, in_folder, capsys, flags):
    assert cli.query_patches(["query_patches", f"--index={index}", "--out=x", *flags]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not list(in_folder.iterdir())
