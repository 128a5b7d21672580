"""The program `audit` with --compare: what it writes, that it goes on where it was stopped, and finished audits again."""

import dataclasses
import json

import numpy as np
import pytest

from tests.measure.audits import made_up
from tests.models.planted import trained
from tfcollide import cli
from tfcollide.data.digits import load_digits
from tfcollide.images import to_uint8
from tfcollide.library import comparing
from tfcollide.library.auditing import Audited
from tfcollide.measure.kept_audit import KeptHull
from tfcollide.recipes.audit import comparison
from tfcollide.recipes.audit.config import AuditConfig
from tfcollide.recipes.audit.prepared import named_pairs
from tfcollide.report.audit.audit_files import write_audit

OWN = {"report.html", "compare.json", "table.md", "pairs.csv", "pairs_asked.csv", "run.flags"}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """One network under two names."""
    folder, network = tmp_path_factory.mktemp("models"), trained("blind", load_digits(), epochs=2)
    for name in ("old", "new"):
        network.save(folder / f"{name}.keras")
    return [folder / "old.keras", folder / "new.keras"]


@pytest.fixture(scope="module")
def flags():
    return ["audit", "--dataset=digits", "--pixel_range=0,1", "--taps=seen", "--num_pairs=2", "--shared_pairs=1"]


def made_up_audit(config, opened, asked, directory, shown):
    """In place of an audit, which has tests of its own: rows made up, one hull, of the pairs that are asked for."""
    assert "partial" not in shown and shown.endswith(f"both/{directory.out.name}")
    network, pairs = opened.classifier, named_pairs(config, opened, asked)
    rows = made_up(pairs=len(pairs), taps=("seen",))
    ends = [(pair.source.id, pair.target.id) for pair in pairs]
    fronts = [dataclasses.replace(one, source=ends[one.pair][0], target=ends[one.pair][1]) for one in rows.fronts]
    record = dataclasses.replace(rows, network=network.name, fronts=tuple(fronts), settings={"samples": 20})
    source, target = (to_uint8(end.image, network.bounds) for end in pairs[0][:2])
    hull = KeptHull("seen", 0, 0.06, np.stack([target, target]), source, target)
    with directory.at_work() as folder:
        write_audit(folder, record, {}, (hull,))
        directory.commit()
    return Audited(record, {}, (hull,), network)


@pytest.fixture(scope="module")
def out(tmp_path_factory, flags, models):
    """Stopped once all audits are there, then repeated, with the audits out of reach."""
    folder = tmp_path_factory.mktemp("audits") / "both"
    asked = [*flags, f"--compare={models[0]},{models[1]}", f"--out={folder}"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparison, "audit_into", made_up_audit)
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
    assert [one["network"] for one in found["networks"]] == ["old", "new"] and found["pairs"] == 2
    assert {"--compare=" in line for line in (out / "run.flags").read_text().split() if "old" in line} == {True}
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
        (["--compare=AUDIT,AUDIT", "--runner=DirectRunner"], "--runner=DirectRunner with finished audits"),
        (["--compare=MODEL,MODEL", "--max_change=3"], "expected a share of the pixel range"),
        (["--compare=MODEL,missing.keras"], "--compare=/"),
        (["--compare=AUDIT,nope"], "--compare of nope: expected one of mlp, "),
        (["--compare=AUDIT,MODEL"], "networks alone, or folders of finished audits alone"),
        (["--max_change=0.5"], "--max_change without --compare"),
    ],
)
def test_what_cannot_be_carried_out_is_said_in_one_line(flags, models, out, more, says, tmp_path, capsys):
    named = [one.replace("MODEL", str(models[0])).replace("AUDIT", f"{out}/A") for one in more]
    assert cli.audit([*flags, *named, f"--out={tmp_path}/new"]) == 2
    error = capsys.readouterr().err
    assert "--model=" not in error or "--model=" in " ".join(more)  # a flag that nobody gave is not blamed
    assert says.replace("MODEL", str(models[0])) in error and "Traceback" not in error
    assert not list(tmp_path.iterdir())


def test_networks_of_ones_own_need_a_data_set(models, tmp_path, capsys):
    assert cli.audit(["audit", f"--compare={models[0]},{models[0]}", f"--out={tmp_path}/new"]) == 2
    assert "no --dataset: expected images to draw pairs from" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
