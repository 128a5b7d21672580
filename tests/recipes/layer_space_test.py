"""`--space=layer` and `--radius` through the command line, in this process."""

import csv
import json
import re

import keras
import numpy as np
import pytest
from PIL import Image

from tfcollide.cli import collide
from tfcollide.recipes.collide.layer_space import positions

layers = keras.layers


@pytest.fixture(scope="module")
def brought(tmp_path_factory):
    """A network in which a dense tap lies behind a convolution, and two pictures."""
    folder = tmp_path_factory.mktemp("brought")
    keras.utils.set_random_seed(0)
    images = keras.Input((6, 6, 3))
    x = layers.Conv2D(8, 3, activation="relu", name="first")(layers.Rescaling(1 / 255)(images))
    x = layers.Conv2D(6, 1, activation="relu", name="squeeze")(x)
    x = layers.Dense(12, activation="relu", name="fc")(layers.Flatten()(layers.MaxPooling2D()(x)))
    keras.Model(images, layers.Dense(3)(x)).save(folder / "net.keras")
    rng = np.random.default_rng(0)
    for name in ("source", "target"):
        Image.fromarray(rng.integers(0, 256, [6, 6, 3], np.uint8)).save(folder / f"{name}.png")
    return folder


def run(folder, out, *flags):
    named = [f"--{name}={folder}/{name}.png" for name in ("source", "target")]
    model = (f"--model={folder}/net.keras", "--dataset=none", "--outputs=logits", "--pixel_range=0,255")
    return collide(["collide", *model, *named, "--solver=exact", "--space=layer", *flags, f"--out={out}"])


def test_the_polytope_of_a_dense_tap(brought, tmp_path, capsys):
    assert run(brought, tmp_path / "run", "--tap=fc") == 0
    found = json.loads((tmp_path / "run" / "polytope.json").read_text())["polytopes"]
    assert [one["bounds"] for one in found] == [True, False] and found[0]["size"] == 24
    assert found[0]["dimension"] <= found[1]["dimension"] and found[0]["distance"] >= found[1]["distance"] - 1e-9
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"polytope.json", "polytope.npz", "table.md", "run.flags"}
    said = capsys.readouterr().out
    assert "fc: points with the target's features" in said
    words = "A single point: no values of" if found[0]["point"] else f"can move in {found[0]['dimension']} of 24 directions"
    assert words in said and "are not" not in said


def test_positions_of_a_convolution_and_an_empty_box(brought, tmp_path):
    assert run(brought, tmp_path / "run", "--tap=squeeze", "--max_change=0") == 1
    found = json.loads((tmp_path / "run" / "polytope.json").read_text())["polytopes"]
    assert len(found) == 9 and {one["layer"] for one in found} == {"first"}
    assert any(one["dimension"] == -1 for one in found)
    arrays = np.load(tmp_path / "run" / "polytope.npz")
    assert any(name.endswith("_residual") for name in arrays)
    assert "An outer bound" in (tmp_path / "run" / "table.md").read_text()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--tap=fc", "--solver=gradient"), "--space=layer with --solver=gradient"),
        (("--tap=fc", "--nearest=l2"), "--space=layer with --nearest=l2"),
        (("--tap=fc", "--survival"), "--space=layer with --survival"),
        (("--tap=fc", "--radius_images=3"), "--radius_images=3 without --radius"),
        (("--tap=first",), "--tap=first behind first, a convolution of 3x3"),
        (("--tap=fc", "--space=image", "--solver=gradient", "--radius"), "--radius without a data set"),
    ],
)
def test_what_is_refused(brought, tmp_path, capsys, flags, words):
    assert run(brought, tmp_path / "run", *flags) == 2
    assert words in capsys.readouterr().err and not any(tmp_path.iterdir())


def test_a_tap_other_than_the_usual_default_is_said(brought, tmp_path, capsys):
    run(brought, tmp_path / "run", "--space=image")  # refused afterwards: both pictures are of one class
    said = "--solver=exact needs a ReLU that is affine in the image: first is taken in place of fc, the usual default"
    assert said in capsys.readouterr().err


def test_positions_are_spread():
    assert positions(None) == [None]
    assert positions((1, 2)) == [(0, 0), (0, 1)]
    assert positions((6, 6))[0] == (1, 1) and positions((6, 6))[-1] == (5, 5) and len(positions((6, 6))) == 9


def test_radii_of_test_images(tmp_path, capsys):
    network = ("--hidden_units=64,64", "--epochs=8", "--batch_size=100", f"--model_dir={tmp_path}/models")
    quick = ("--max_steps=5", "--interpolations=20", "--worst_starts=0", "--certify_boxes=0", "--match_quantile=0.05")
    code = collide(["collide", *network, *quick, "--radius", "--radius_images=2", f"--out={tmp_path}/run"])
    assert code in (0, 1), capsys.readouterr().err
    rows = list(csv.DictReader((tmp_path / "run" / "radius.csv").open()))
    numbers = json.loads((tmp_path / "run" / "radius.json").read_text())
    assert [row["image"] for row in rows] == ["test:0", "test:1"]
    said = capsys.readouterr()
    least = min(float(row["radius"]) for row in rows)
    (line,) = [line for line in said.out.splitlines() if "no image nearer than this" in line]
    shown = float(re.search(r"smallest ([\d.e-]+), median", line)[1])
    assert 0.99 * least < shown <= least  # rounded down, as no more is proven
    assert "2 test images" in line and line in (tmp_path / "run" / "table.md").read_text()
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["radius"]["images"] == 2 and summary["radius"]["exact"]["least"] == least
    assert "--radius needs a ReLU" not in said.err  # the usual default is affine here
    assert (tmp_path / "run" / "radius.png").stat().st_size > 1000
    for row in rows:
        least = [float(row[name]) for name in ("radius_match", "radius_float32", "radius", "distance", "source_to_target")]
        assert min(np.diff(least)) > -1e-9 and least[2] > 0 and float(row["gap"]) <= 1e-9
    assert numbers["exact"]["least"] == min(float(row["radius"]) for row in rows)
