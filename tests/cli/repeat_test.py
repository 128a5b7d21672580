"""`--flagfile=DIR/run.flags --out=NEW` repeats a run bit for bit, from any folder."""

import dataclasses
import json
import re

import pytest

from tfcollide.recipes.collide.config import CollideConfig

from .programs import Run, files_below, run


@pytest.fixture(scope="module")
def repeated(once, from_files, home):
    """`from_files` again, from a folder in which none of its relative paths means anything."""
    flags = (f"--flagfile={from_files.out / 'run.flags'}", "--out=again")
    outcome = once("repeated", lambda folder: run("collide", *flags, cwd=folder, home=home))
    assert outcome.code == 0, outcome.stderr[-2000:]
    return Run(outcome, home.parent / "repeated" / "again")


def test_files_are_equal_bit_for_bit(from_files, repeated):
    names = {name for name in files_below(from_files.out) if not name.startswith("events")}
    assert {name for name in files_below(repeated.out) if not name.startswith("events")} == names
    for name in sorted(names - {"summary.json", "figure.png"}):
        assert (repeated.out / name).read_bytes() == (from_files.out / name).read_bytes(), name


def test_the_summary_is_equal_but_for_the_seconds(from_files, repeated):
    first, second = (json.loads((one.out / "summary.json").read_text()) for one in (from_files, repeated))
    assert set(first.pop("seconds")) == set(second.pop("seconds"))
    assert first == second


def test_events_are_repeated_too(repeated):
    assert any(name.startswith("events") for name in files_below(repeated.out))


def test_every_path_in_run_flags_is_absolute(from_files):
    text = (from_files.out / "run.flags").read_text()
    folder = from_files.out.parent
    paths = dict(re.findall(r"^--(source|target|model_dir)=(.*)$", text, re.MULTILINE))
    assert paths == {
        "source": str(folder / "my source.png"),
        "target": str(folder / "my target.png"),
        "model_dir": str(folder.parent / "models"),
    }


def test_run_flags_holds_every_flag_but_where_to_write(from_files):
    lines = (from_files.out / "run.flags").read_text().splitlines()
    said_of_pixels = [line for line in lines if line.startswith("#")]  # a remark, which flagfiles may hold
    assert said_of_pixels == ["# pixels 0..1, as it was trained here"]
    lines = [line for line in lines if not line.startswith("#")]
    names = [line.removeprefix("--").partition("=")[0] for line in lines]
    assert len(set(names)) == len(names)
    assert {"out", "overwrite", "flagfile"}.isdisjoint(names)
    fields = {field.name: field.default for field in dataclasses.fields(CollideConfig)}
    # A default of None stands for a rule, so it cannot be written down; all else must be.
    rules = {name for name, default in fields.items() if default is None}
    said = {name.removeprefix("no") if name.removeprefix("no") in fields else name for name in names}
    assert set(fields) - rules <= said <= set(fields)
    assert {"seed", "stop_loss", "learning_rate", "model_dir"} <= said
