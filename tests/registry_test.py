import subprocess
import sys
from pathlib import Path

import pytest

from tfcollide import registry
from tfcollide.errors import RequestError
from tfcollide.registry import Registry

ROOT = Path(__file__).resolve().parent.parent
ALL = {name: one for name, one in vars(registry).items() if isinstance(one, Registry)}


@pytest.fixture
def zoo(tmp_path, monkeypatch):
    package = tmp_path / "zoo"
    package.mkdir()
    for name in ("__init__", "ape", "bear"):
        (package / f"{name}.py").write_text(f"VARIANT = '{name}'\n")
    (package / "cage.py").write_text("raise AssertionError('not a variant')\n")
    (package / "notes.txt").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    yield Registry("animal", "zoo")
    for name in [name for name in sys.modules if name.split(".")[0] == "zoo"]:
        del sys.modules[name]


def test_a_new_file_is_a_new_variant(zoo, tmp_path):
    assert zoo.names() == ["ape", "bear"]
    (tmp_path / "zoo" / "cat.py").write_text("VARIANT = 'cat'\n")
    assert zoo.names() == ["ape", "bear", "cat"]
    assert zoo.load("cat") == "cat"


def test_only_the_chosen_file_is_imported(zoo):
    assert zoo.load("bear") == "bear"
    assert "zoo.bear" in sys.modules and "zoo.ape" not in sys.modules


@pytest.mark.parametrize("name", ["cow", "cage", "", "notes", "__init__"])
def test_an_unknown_name_lists_the_known(zoo, name):
    for ask in (zoo.check, zoo.load):
        with pytest.raises(RequestError, match=f"--animal={name}: expected one of ape, bear"):
            ask(name)


def test_a_check_imports_no_variant(zoo):
    zoo.check("ape")
    assert "zoo.ape" not in sys.modules


@pytest.mark.parametrize(
    ("kind", "least"),
    [
        ("BACKENDS", {"annoy", "exact", "projected"}),
        ("DATASETS", {"digits"}),
        ("EXPORTS", {"classifier", "composite", "mixture"}),
        ("HULL_TERMS", {"crowding", "hull_match"}),
        ("MODELS", {"mlp"}),
        ("OBJECTIVES", {"corners", "match"}),
        ("PARAMETERIZATIONS", {"composite", "pixels"}),
        ("PICTURES", {"front", "margins", "trace"}),
        ("UPDATE_RULES", {"adam", "ema", "gradient_descent"}),
    ],
)
def test_variants_of_this_program(kind, least):
    names = ALL[kind].names()
    assert least <= set(names)
    for name in names:  # a helper module that is not listed as shared has no VARIANT
        assert ALL[kind].load(name) is not None


def test_kinds_are_flags():
    assert {one.kind for one in ALL.values()} == {
        "dataset",
        "figure",
        "model",
        "objective",
        "optimizer",
        "parameterization",
        "search",
        "term_weights",
        "what",
    }


def test_variants_that_declare_flags():
    assert {kind for kind, one in ALL.items() if one.options()} == {"BACKENDS", "EXPORTS", "PARAMETERIZATIONS"}


def test_a_suffix_is_no_part_of_the_name(zoo, tmp_path):
    (tmp_path / "zoo" / "ape_figure.py").write_text("VARIANT = 'picture'\n")
    pictures = Registry("picture", "zoo", suffix="_figure")
    assert pictures.names() == ["ape"] and pictures.load("ape") == "picture"


def test_names_cost_no_tensorflow():
    code = (
        "import sys; from tfcollide.registry import *; print(MODELS.names(), OBJECTIVES.names());"
        "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "mlp" in done.stdout
