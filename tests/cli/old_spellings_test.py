"""Flags that had another name: they work, and a line on standard error says the new one."""

import numpy as np
import pytest
from PIL import Image

from tfcollide import cli
from tfcollide.recipes.classifiers import train

WARNING = "warning: --{} is the old spelling of --{}\n"


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    for n in range(2):
        pixels = np.random.default_rng(n).integers(0, 255, [16, 16, 3], np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{n}.png")
    return tmp_path


def index(*flags):
    size = ("--image_size=16", "--patch_size=4", "--stride=4", "--projection=random")
    return cli.index_patches(["index_patches", "--images=photos", *size, *flags])


def test_the_algorithm_was_called_index(place, capsys):
    assert index("--index=exact", "--out=first") == 0
    assert WARNING.format("index=exact", "search=exact") in capsys.readouterr().err
    (place / "old.flags").write_text("--patches=first\n--index=exact\n--image=0\n")
    assert cli.query_patches(["query_patches", "--flagfile=old.flags", "--out=found"]) == 0
    said = capsys.readouterr().err
    assert WARNING.format("index=exact", "search=exact") in said and WARNING.format("patches=first", "index=first") in said
    assert {"--index=first", "--search=exact"} <= set((place / "found" / "run.flags").read_text().splitlines())
    assert cli.query_patches(["query_patches", "--flagfile=found/run.flags", "--out=again"]) == 0
    assert "warning" not in capsys.readouterr().err


def test_an_unknown_algorithm_is_one_of_search(place, capsys):
    assert index("--index=faiss", "--out=first") == 2
    assert "error: --search=faiss: expected one of annoy, exact, projected." in capsys.readouterr().err
    assert cli.collide(["collide", "--search=foo", "--index=x", "--parameterization=composite", "--out=y"]) == 2
    assert capsys.readouterr().err == "error: --search=foo: expected one of annoy, exact, projected.\n"


def test_both_names_at_once_are_refused_where_they_differ(place, capsys):
    assert index("--index=exact", "--search=annoy", "--out=first") == 2
    assert "--index=exact with --search=annoy: expected one of the two." in capsys.readouterr().err


def test_old_names_are_not_in_help(capsys):
    assert cli.query_patches(["query_patches", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "--patches" not in shown and "--index\n" in shown and "--search\n" in shown


@pytest.mark.parametrize(
    "words, cache", [([], True), (["--no_cache"], False), (["--nocache"], False), (["--no_cache=false"], True)]
)
def test_what_is_on_by_default_is_turned_off_in_two_ways(words, cache, monkeypatch, capsys):
    asked = []

    def run(config):
        asked.append(config.cache)
        return train.TrainReport("somewhere", "digits", 1.0, 0.0)

    monkeypatch.setattr(train, "run", run)
    assert cli.train_classifier(["train_classifier", *words]) == 0
    assert asked == [cache] and not capsys.readouterr().err
