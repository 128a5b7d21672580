"""The program `audit` with --compare: what it writes, that it goes on where it was stopped, and finished audits again."""

import json

import pytest

from tests.models.planted import trained
from tests.recipes.audit_test import TINY
from tfcollide import cli
from tfcollide.data.digits import load_digits
from tfcollide.library import audit_options, comparing
from tfcollide.recipes.audit import comparison
from tfcollide.recipes.audit.config import AuditConfig

OWN = {"report.html", "compare.json", "table.md", "pairs.csv", "pairs_asked.csv", "run.flags"}


@pytest.fixture(scope="module", autouse=True)
def tiny():
    audit_options.BUDGETS["tiny"] = TINY
    yield
    del audit_options.BUDGETS["tiny"]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    for name in ("blind", "injective"):
        trained(name, load_digits(), epochs=2).save(folder / f"{name}.keras")
    return [folder / "blind.keras", folder / "injective.keras"]


@pytest.fixture(scope="module")
def flags(models):
    return [
        "audit",
        "--dataset=digits",
        "--pixel_range=0,1",
        "--taps=seen",
        "--budget=tiny",
        "--num_pairs=2",
        "--shared_pairs=1",
    ]


@pytest.fixture(scope="module")
def out(tmp_path_factory, flags, models):
    """Stopped once all audits are there, then repeated, with the audits out of reach."""
    folder = tmp_path_factory.mktemp("audits") / "both"
    asked = [*flags, f"--compare={models[0]},{models[1]}", f"--out={folder}"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparing, "compare_sides", lambda *args, **settings: 1 / 0)
        assert cli.audit(asked) == 70
    partial = folder.with_name("both.partial")
    assert {path.name for path in partial.iterdir()} >= {"A", "B"} and not folder.exists()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparison, "audit_into", lambda *args: 1 / 0)
        assert cli.audit(asked) == 0
    return folder


def numbers(folder):
    return json.loads((folder / "compare.json").read_text())


def test_the_directory_is_whole_and_holds_both_audits(out):
    assert {path.name for path in out.iterdir()} == OWN | {"A", "B"}
    found = numbers(out)
    assert [one["network"] for one in found["networks"]] == ["blind", "injective"] and found["pairs"] == 2
    assert {"--compare=" in line for line in (out / "run.flags").read_text().split() if "blind" in line} == {True}
    assert f"--pairs={out}/pairs_asked.csv" in (out / "A" / "run.flags").read_text()  # repeats that audit alone
    ends = [
        [(one["source"], one["target"]) for one in json.loads((out / name / "audit.json").read_text())["fronts"]]
        for name in "AB"
    ]
    assert ends[0] == ends[1]
    assert found["shared"][0]["residual_b"] <= 1e-9 and found["no_shared"] is None


def test_finished_audits_give_the_same(out, tmp_path, capsys):
    again = tmp_path / "again"
    assert cli.audit(["audit", f"--compare={out}/A,{out}/B", "--shared_pairs=1", f"--out={again}"]) == 0
    said = capsys.readouterr().out.splitlines()
    found, before = numbers(again), numbers(out)
    assert said[-1] == found["verdict"] and found["tests"] == before["tests"] and found["transfers"] == before["transfers"]
    assert {path.name for path in again.iterdir()} == OWN - {"pairs_asked.csv"}
    (out / "B" / "run.flags").rename(out / "B" / "kept")
    try:
        assert cli.audit(["audit", f"--compare={out}/A,{out}/B", f"--out={tmp_path}/bare"]) == 0
        assert "B cannot be opened again" in numbers(tmp_path / "bare")["no_transfers"]
    finally:
        (out / "B" / "kept").rename(out / "B" / "run.flags")


def test_sides_of_several_networks():
    assert AuditConfig(compare="a+b , c").sides() == [["a", "b"], ["c"]]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--compare=one"], "--compare=one: expected A,B"),
        (["--compare=one+,two"], "--compare=one+,two: expected A,B"),
        (["--compare=MODEL,MODEL", "--model=MODEL"], "expected one of the two"),
        (["--compare=MODEL,MODEL", "--fail_above=0.5"], "--fail_above with --compare"),
        (["--compare=MODEL,MODEL", "--max_change=3"], "expected a share of the pixel range"),
        (["--compare=MODEL,missing.keras"], "missing.keras"),
        (["--compare=AUDIT,MODEL"], "networks alone, or finished audits alone"),
        (["--max_change=0.5"], "--max_change without --compare"),
    ],
)
def test_what_cannot_be_carried_out_is_said_in_one_line(flags, models, out, more, says, tmp_path, capsys):
    named = [one.replace("MODEL", str(models[0])).replace("AUDIT", f"{out}/A") for one in more]
    assert cli.audit([*flags, *named, f"--out={tmp_path}/new"]) == 2
    error = capsys.readouterr().err
    assert says.replace("MODEL", str(models[0])) in error and "Traceback" not in error
    assert not list(tmp_path.iterdir())
