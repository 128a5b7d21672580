"""The two programs, as a user meets them."""

import csv

import numpy as np
import pytest
from PIL import Image

from tfcollide import cli


@pytest.fixture
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_looks_up_a_photograph(index, folder, in_folder, capsys):
    flags = [f"--patches={index}", f"--image={folder / 'even' / '02.png'}", "--neighbors=3", "--queries=2", "--out=found"]
    assert cli.query_patches(["query_patches", *flags]) == 0
    assert capsys.readouterr().out.strip().endswith("found/neighbors.png")
    rows = list(csv.DictReader((in_folder / "found" / "neighbors.csv").open()))
    assert len(rows) == 3 * 100
    nearest = [row for row in rows if row["rank"] == "1"]
    assert all(float(row["distance"]) == 0 and row["photograph"] == "even/02.png" for row in nearest)
    assert all((row["query_row"], row["query_column"]) == (row["row"], row["column"]) for row in nearest)
    assert np.asarray(Image.open(in_folder / "found" / "neighbors.png")).std() > 10


def test_leaves_out_the_photograph_itself(index, in_folder):
    flags = [f"--patches={index}", "--image=0", "--skip_same_image", "--index=exact", "--out=found"]
    assert cli.query_patches(["query_patches", *flags]) == 0
    rows = list(csv.DictReader((in_folder / "found" / "neighbors.csv").open()))
    names = {row["photograph"] for row in csv.DictReader((in_folder / "found" / "neighbors.csv").open())}
    assert len(rows) == 500 and "even/00.png" not in names


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
        ("query_patches", ["--out=x"], "--patches"),
        ("query_patches", ["--patches=nowhere", "--image=0", "--out=x"], "nowhere"),
    ],
)
def test_a_mistake_is_one_line(in_folder, capsys, program, flags, words):
    assert getattr(cli, program)([program, *flags]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1 and words in error
    assert not list(in_folder.iterdir())


@pytest.mark.parametrize(
    "flags", [["--image=12"], ["--image=no.png"], ["--image=0", "--neighbors=0"], ["--image=a.png", "--skip_same_image"]]
)
def test_a_photograph_that_cannot_be_looked_up_is_one_line(index, in_folder, capsys, flags):
    assert cli.query_patches(["query_patches", f"--patches={index}", "--out=x", *flags]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not list(in_folder.iterdir())
