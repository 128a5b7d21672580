"""The program `audit`: what it writes, its exit codes, and that one that is stopped goes on."""

import json
import shlex

import pytest

from tests.models.planted import trained
from tfcollide import cli
from tfcollide.data.digits import load_digits
from tfcollide.files.checkpoint import FolderLedger
from tfcollide.library import audit_options, audit_walk
from tfcollide.library.audit_options import Budget
from tfcollide.recipes.audit import audit_on_beam
from tfcollide.recipes.audit import run as recipe
from tfcollide.recipes.audit.config import AuditConfig
from tfcollide.settings import from_flags

TINY = Budget(
    front_steps=6,
    hull_steps=40,
    patience=30,
    spreads=(0.06,),
    samples=20,
    worst_starts=1,
    proof_parts=0,
    profile_images=1,
    probes=2,
    lanczos_steps=5,
    exact_pairs=0,
)
FILES = {"report.html", "audit.json", "table.md", "hulls.npz", "run.flags"}
TABLES = {f"{table}.{kind}" for table in ("pairs", "hulls", "layers") for kind in ("csv", "parquet")}


@pytest.fixture(scope="module", autouse=True)
def tiny():
    audit_options.BUDGETS["tiny"] = TINY
    yield
    del audit_options.BUDGETS["tiny"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "blind.keras"
    trained("blind", load_digits(), epochs=2).save(path)
    return path


@pytest.fixture(scope="module")
def flags(model):
    return [
        "audit",
        f"--model={model}",
        "--dataset=digits",
        "--pixel_range=0,1",
        "--taps=seen",
        "--budget=tiny",
        "--num_pairs=3",
    ]


@pytest.fixture(scope="module")
def out(tmp_path_factory, flags):
    folder = tmp_path_factory.mktemp("audits") / "blind"
    assert cli.audit([*flags, f"--out={folder}"]) == 0
    return folder


def numbers(folder):
    found = json.loads((folder / "audit.json").read_text())
    return {name: value for name, value in found.items() if name not in ("seconds", "made_with")}


def test_the_directory_is_whole(out, flags, model):
    assert {path.name for path in out.iterdir()} == FILES | TABLES and not out.with_name("blind.partial").exists()
    found = json.loads((out / "audit.json").read_text())
    assert found["tap"] == "seen" and len(found["fronts"]) == 3 and found["dataset"].startswith("digits")
    assert found["made_with"]["weights"].startswith("sha256:") and found["made_with"]["data"].startswith("sha256:")
    command = shlex.split(found["made_with"]["command"])
    assert command[0] == "collide-audit" and command[-1] == f"--out={out}" and "" not in command
    assert "--num_pairs=3" in command and "--num_pairs=3" in (out / "run.flags").read_text()
    repeated = from_flags(AuditConfig, "\n".join(command[1:-1])).resolved()
    assert repeated == from_flags(AuditConfig, (out / "run.flags").read_text()).resolved()
    assert set(command[1:-1]) == {*flags[1:], f"--model={model}"}, "flags that say no more than a default are left out"


def test_its_last_line_is_the_verdict_and_a_directory_is_not_replaced(out, flags, capsys):
    assert cli.audit([*flags, f"--out={out}"]) == 2
    assert "which exists: this very request is finished there" in capsys.readouterr().err
    assert cli.audit([*flags, "--seed=9", f"--out={out}"]) == 2
    assert "which exists: expected a new directory" in capsys.readouterr().err
    assert (out / "table.md").read_text().startswith(f"**{json.loads((out / 'audit.json').read_text())['verdict']}**")


def test_one_that_is_stopped_goes_on_and_ends_in_the_same_numbers(out, flags, tmp_path, monkeypatch, capsys):
    """Stopped after each of the first hulls and fronts; a rate below its upper bound exits with 1."""
    work, left = audit_walk.AuditWalk._batch, [1]

    def stopping(*args):
        left[0] -= 1
        if left[0] < 0:
            return work(*args)
        raise KeyboardInterrupt

    monkeypatch.setattr(audit_walk.AuditWalk, "_batch", stopping)
    again = tmp_path / "again"
    asked = [*flags, "--fail_above=0.0", f"--out={again}"]
    assert cli.audit(asked) == 130 and len(list((tmp_path / "again.partial" / ".audit").iterdir())) == 3 and not again.exists()
    assert "Going on" not in capsys.readouterr().err
    assert cli.audit(asked) == 1
    assert "Going on where an earlier process stopped: 3 pieces" in capsys.readouterr().err
    assert numbers(again) == numbers(out)


def on_a_machine_of_its_own(items, work, *more, runner, options, done, unit):
    """In place of Beam: each piece as a worker does it, the last one first; the first one's worker is lost."""
    for item in reversed(items[1:]):
        work(item, *more)
    assert done() == len(items) - 1 and runner == "DirectRunner" and unit == "searches"


@pytest.mark.parametrize("beam", [False, True])
def test_workers_find_the_same(beam, out, flags, tmp_path, monkeypatch):
    """Once as Beam's own runner does it, once without Beam."""
    left = []

    class Noting(FolderLedger):
        def do(self, name, work):
            left.extend([] if name in self else [name])
            return super().do(name, work)

    monkeypatch.setattr(recipe, "FolderLedger", Noting)
    if beam:
        pytest.importorskip("apache_beam")
    else:
        monkeypatch.setattr(audit_on_beam, "for_each", on_a_machine_of_its_own)
        monkeypatch.setattr(recipe, "new_pipeline", lambda *args: None)
    spread = tmp_path / "spread"
    assert cli.audit([*flags, "--runner=DirectRunner", f"--out={spread}"]) == 0
    assert numbers(spread) == numbers(out) and (spread / "hulls.npz").read_bytes() == (out / "hulls.npz").read_bytes()
    assert left == ([] if beam else ["front seen 0"])
    assert "searches on DirectRunner" in json.loads((spread / "audit.json").read_text())["seconds"]


def test_a_worker_that_sees_another_network_is_refused(flags, tmp_path, monkeypatch, capsys):
    known = audit_on_beam._opened
    monkeypatch.setattr(audit_on_beam, "for_each", on_a_machine_of_its_own)
    monkeypatch.setattr(recipe, "new_pipeline", lambda *args: None)
    monkeypatch.setattr(
        audit_on_beam, "_opened", lambda *args: (known(*args)[0], known(*args)[1] | {"weights": "sha256:other"})
    )
    assert cli.audit([*flags, "--runner=DirectRunner", f"--out={tmp_path}/out"]) == 2
    error = capsys.readouterr().err
    assert "a worker of --runner=DirectRunner with weights sha256:other: expected sha256:" in error


def test_pairs_come_from_a_table(flags, tmp_path):
    (tmp_path / "pairs.csv").write_text("source,target\n3,7\ntest:0,7\n")
    assert cli.audit([*flags, f"--pairs={tmp_path}/pairs.csv", f"--out={tmp_path}/out"]) == 0
    found = numbers(tmp_path / "out")
    assert [row["target_class"] for row in found["fronts"]] == ["7", "7"] and found["pairs"][0][1] == found["pairs"][1][1]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--budget=much"], "--budget=much: expected one of quick, normal, thorough"),
        (["--fail_above=2"], "--fail_above=2.0: expected a share from 0 to 1"),
        (["--dataset=none"], "no --dataset: expected images to draw pairs from"),
        (["--num_pairs=0"], "--num_pairs=0: expected a number of at least 1"),
        (["--match_quantile=-1"], "--match_quantile=-1.0: expected a share from 0 to 1"),
        (["--taps=nowhere"], "nowhere"),
        (["--taps=seeen"], "Did you mean seen?"),
        (["--runner=NoSuchRunner"], "--runner"),
        (["--beam_options=--direct_num_workers=2"], "--beam_options without --runner: expected both"),
        (["--pairs=missing.csv"], "missing.csv, which does not exist: expected a CSV file"),
    ],
)
def test_what_cannot_be_carried_out_is_said_in_one_line(flags, more, says, tmp_path, capsys):
    assert cli.audit([*flags, *more, f"--out={tmp_path}/out"]) == 2
    error = capsys.readouterr().err
    assert says in error and "Traceback" not in error
    assert not list(tmp_path.iterdir())


def test_a_pair_that_is_none_is_named_by_its_place(flags, tmp_path, capsys):
    (tmp_path / "pairs.csv").write_text("source,target\ntest:1,test:2\ntest:1,test:99999\n")
    assert cli.audit([*flags, f"--pairs={tmp_path}/pairs.csv", f"--out={tmp_path}/out"]) == 2
    assert f"--pairs={tmp_path}/pairs.csv, pair 2: test:99999: expected test:INDEX" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_what_speaks_against_the_request_stands_in_the_report(flags, tmp_path, capsys):
    assert cli.audit([*flags, "--pixel_range=0,255", "--num_pairs=1", f"--out={tmp_path}/out"]) == 0
    (doubt,) = json.loads((tmp_path / "out" / "audit.json").read_text())["caveats"]
    assert doubt.startswith("With pixels 0..255 the network does much worse than with 0..1")
    assert f"Beware: {doubt}." in capsys.readouterr().out
    assert f"Beware: {doubt}." in (tmp_path / "out" / "table.md").read_text()
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Beware:" in page and "not tried" in page  # this budget tries no proof
