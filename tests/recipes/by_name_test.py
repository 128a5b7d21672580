"""`--recipe`: the flagfiles of the package, from any folder."""

import re
from pathlib import Path

import pytest
from setuptools import find_packages

from tests.cli.programs import ROOT
from tfcollide import cli
from tfcollide.cli.flag_lines import flag_lines
from tfcollide.errors import RequestError
from tfcollide.recipes.by_name import recipe_file, recipe_list, recipe_names


def test_every_flagfile_is_one_and_lies_in_the_package():
    names = sorted(path.stem for path in (ROOT / "bin" / "flagfiles").iterdir())
    assert "mnist" in names and "tfcollide.recipes" in find_packages(ROOT)
    assert all(recipe_file(name).parent == ROOT / "tfcollide" / "recipes" / "flagfiles" for name in names)
    assert '"tfcollide.recipes": ["flagfiles/*.flags"]' in (ROOT / "setup.py").read_text()


def test_a_recipe_is_a_flagfile(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.collide(["collide", "--recipe=digits", "--stop_fraction=-1", "--out=run"]) == 2
    assert "--stop_fraction=-1" in capsys.readouterr().err
    read = [*flag_lines(["collide", "--recipe=digits", "--seed=1"])]
    assert read == ["collide", f"--flagfile={recipe_file('digits')}", "--seed=1"]
    assert not list(Path.cwd().iterdir())


@pytest.mark.parametrize(
    ("program", "has", "lacks"), [("collide", "mnist", "paper_patches"), ("index_patches", "paper_patches", "mnist")]
)
def test_help_lists_those_of_the_program(program, has, lacks, capsys):
    assert getattr(cli, program)([program, "--recipe=help"]) == 0
    said = capsys.readouterr().out
    assert f"--recipe={has}\n    The paper's" in said and f"--recipe={lacks}\n" not in said


def test_a_name_that_is_none(capsys):
    with pytest.raises(RequestError, match="Did you mean --recipe=mnist?"):
        recipe_file("mnits")
    assert cli.collide(["collide", "--recipe", "mnist"]) == 2
    assert (
        "expected --recipe=mnist, in one word" in capsys.readouterr().err
        and recipe_list(()) == "There is no recipe for this program."
    )


def test_a_recipe_of_another_program_is_called_so(capsys):
    assert cli.audit(["audit", "--recipe=mnist", "--out=run"]) == 2
    assert "--recipe=mnist, which sets --source: expected a recipe that --recipe=help lists" in capsys.readouterr().err
    assert cli.audit(["audit", "--recipe=help"]) == 0
    assert capsys.readouterr().out == "There is no recipe for this program.\n"


def test_recipes_name_commands_that_an_installation_has():
    for name in recipe_names():
        text = recipe_file(name).read_text()
        assert "bin/" not in text and ".flags" not in text, name
        assert {*re.findall(r"--recipe=(\w+)", text)} <= {*recipe_names()}


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_program_s_own_recipes_are_completed(shell, capsys):
    assert cli.index_patches(["collide-index-patches", f"--completion={shell}"]) == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "--recipe" in line and "paper_patches" in line)
    assert "help" in line and "mnist" not in line
