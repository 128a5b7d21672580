"""The scripts under examples/, as they stand; and how few calls there are on the way to the loss."""

import os
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SAID = {
    "batch_of_pairs": "a collision was found",
    "in_memory": "certified",
    "nested_application": "0..255",
    "subclassed_model": "a collision was found",
}


def test_each_example_is_run():
    assert sorted(SAID) == sorted(path.stem for path in (ROOT / "examples").glob("*.py"))


@pytest.mark.parametrize("name", SAID)
def test_an_example(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(ROOT / "examples" / f"{name}.py"), run_name="__main__")
    assert SAID[name] in capsys.readouterr().out
    assert name == "batch_of_pairs" or (tmp_path / "corners.png").stat().st_size > 1000


def test_a_newcomers_script_has_fifteen_lines():
    lines = (ROOT / "examples" / "in_memory.py").read_text().splitlines()
    assert sum(bool(line.strip()) and not line.startswith(("import", '"""')) for line in lines) <= 15


def test_the_way_to_the_loss_is_short(tmp_path, capsys):
    calls = runpy.run_path(str(ROOT / "benchmarks" / "calls.py"))
    folder = os.environ.get("TFCOLLIDE_TEST_MODEL_DIR", tmp_path / "models")
    assert len(calls["from_a_notebook"]()) <= 6
    assert len(calls["from_the_program"](f"--model_dir={folder}", "--epochs=10")) <= 12
