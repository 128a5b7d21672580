"""Sweeps: good pairs whole, bad ones listed, and what is finished is kept."""

import json

import numpy as np
import pytest
from PIL import Image

from tfcollide.report.conclusion import time_shares

from .programs import files_below, listing, run, run_files, started, wait_until


def pair_directories(folder):
    return sorted(path for path in folder.iterdir() if path.is_dir())


def test_a_sweep_with_bad_pairs_killed_and_resumed(tmp_path, training, home, digits):
    work, lists = tmp_path / "work", tmp_path / "work" / "lists"  # images are named from the table's folder
    lists.mkdir(parents=True)
    Image.fromarray(digits.test.images[1, ..., 0]).save(lists / "good.png")
    (lists / "broken.png").write_text("not an image")
    (lists / "pairs.csv").write_text("source,target\n3,7\n1,test:99999\nbroken.png,4\ngood.png,2\n5,1\n")
    quick = ("--preset=mnist", "--corners=3", "--interpolations=200", "--certify_boxes=0")
    flags = (*training, *quick, "--pairs=lists/pairs.csv", "--out=sweep")
    out, partial = work / "sweep", work / "sweep.partial"

    # Killed as soon as the first pair stands.
    with started("collide", *flags, cwd=work, home=home, said=tmp_path / "killed") as sweep:
        wait_until(lambda: any(partial.glob("pair_0000_3_to_7/summary.json")), sweep)
        sweep.process.kill()
        sweep.process.wait()
    assert not out.exists()
    (first,) = (path for path in partial.glob("pair_0000*") if not path.name.endswith(".partial"))
    before = listing(first)

    outcome = run("collide", *flags, cwd=work, home=home)
    assert outcome.code == 1  # some pairs failed
    assert not partial.exists()
    assert listing(out / first.name) == before
    assert "Traceback" not in outcome.stderr

    # Good pairs are whole, and no others are there.
    good = pair_directories(out)
    assert [path.name[:9] for path in good] == ["pair_0000", "pair_0003", "pair_0004"]
    for folder in good:
        assert files_below(folder) == run_files(3)
    assert files_below(out) == {"run.flags", "summary.json", "table.md", "figure.png"} | {
        f"{folder.name}/{name}" for folder in good for name in run_files(3)
    }

    # Bad ones are listed with the reason.
    summary = json.loads((out / "summary.json").read_text())
    pairs = summary["pairs"]
    assert (summary["num_pairs"], summary["num_converged"], summary["converged"]) == (5, 3, False)
    assert [(pair["source"], pair["target"]) for pair in pairs] == [
        ("3", "7"),
        ("1", "test:99999"),
        ("broken.png", "4"),
        ("good.png", "2"),
        ("5", "1"),
    ]
    assert [pair["converged"] for pair in pairs] == [True, False, False, True, True]
    assert [pair["directory"] for pair in pairs] == [good[0].name, None, None, good[1].name, good[2].name]
    assert [pair["error"] is None for pair in pairs] == [True, False, False, True, True]
    assert "99999" in pairs[1]["error"] and "broken.png" in pairs[2]["error"]
    spent = summary["seconds"]
    of_check = [spent.pop(name) for name in ("mixtures", "png", "worst_mixture", "proof")]
    assert min(of_check) > 0 and sum(of_check) < spent["check"]
    assert set(spent) == {"load", "train", "solve", "check", "report", "total"}
    assert spent["total"] == pytest.approx(sum(spent.values()) / 2)
    table = (out / "table.md").read_text()
    assert pairs[1]["error"] in table and pairs[2]["error"] in table
    assert "3 of 5 pairs converged" in table
    verdict = outcome.stdout.splitlines()[-1]
    assert verdict in table and outcome.stdout.startswith(table.replace(f"{verdict}\n", ""))

    # The sweep's numbers are those of its pairs.
    for folder, pair in zip(good, (pairs[0], pairs[3], pairs[4]), strict=True):
        own = json.loads((folder / "summary.json").read_text())
        assert pair["steps"] == own["steps"]
        assert pair["corner_mean"] == own["distance"]["corner_mean"]
        assert pair["max_active_match"] == max(corner["active_match"] for corner in own["corners"]) < 5
        assert pair["accuracy"] == own["interpolation"]["accuracy"]
        assert pair["png_accuracy"] == own["png"]["accuracy"]
        assert pair["classes"] == [own["source"]["predicted"], own["target"]["predicted"]]
    assert summary["median_corner_mean"] == np.median([pair["corner_mean"] for pair in (pairs[0], pairs[3], pairs[4])])

    # Both the sweep and each of its pairs can be repeated from any folder.
    assert f"--pairs={lists / 'pairs.csv'}\n" in (out / "run.flags").read_text()
    flags_of_pair = (good[1] / "run.flags").read_text()
    assert f"--source={lists / 'good.png'}\n" in flags_of_pair and "--target=2\n" in flags_of_pair
    assert "--pairs" not in flags_of_pair


def test_random_pairs(tmp_path, training, home, network, digits):
    flags = ("--num_pairs=2", "--corners=2", "--interpolations=50", "--seed=3", "--preset=mnist", "--certify_boxes=0")
    outcome = run("collide", *training, *flags, "--out=sweep", cwd=tmp_path, home=home)
    assert outcome.code == 0, outcome.stderr[-2000:]
    out = tmp_path / "sweep"
    assert [path.name for path in tmp_path.iterdir()] == ["sweep"]
    table = (out / "table.md").read_text().replace("Found in 2 of 2 pairs.\n", "")
    spent = time_shares(json.loads((out / "summary.json").read_text())["seconds"])
    assert outcome.stdout == f"{table}\nsweep/figure.png\n{spent}\nFound in 2 of 2 pairs.\n"
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["num_pairs"], summary["num_converged"], summary["converged"]) == (2, 2, True)
    assert (summary["num_found"], summary["reasons"], summary["ended"]) == (2, {}, {"met": 2})
    assert [pair["directory"] for pair in summary["pairs"]] == [path.name for path in pair_directories(out)]
    predicted = network.probabilities(digits.test.images / 255).argmax(axis=1)
    for folder, pair in zip(pair_directories(out), summary["pairs"], strict=True):
        assert files_below(folder) == run_files(2)
        ends = [int(pair[end].removeprefix("test:")) for end in ("source", "target")]
        labels = digits.test.labels[ends]
        # Two classes, and the model gets both images right.
        assert labels[0] != labels[1]
        np.testing.assert_array_equal(predicted[ends], labels)
        assert pair["classes"] == [str(label) for label in labels]
    shares = [pair["source_share"] for pair in summary["pairs"]]
    assert summary["source_shares"] == pytest.approx([min(shares), np.median(shares), max(shares)])
    classes = [tuple(pair["classes"]) for pair in summary["pairs"]]
    assert len(set(classes)) == 2


BAD_TABLES = {
    "empty": ("", "source,target"),
    "header only": ("source,target\n", "source,target"),
    "other columns": ("from,to\n3,7\n", "column source"),
    "one column": ("source\n3\n", "column target"),
    "missing value": ("source,target\n3,7\n4,\n", "line 3"),
    "missing image": ("source,target\n3,7\n\ntest:1,~nobody/no.such\n", "line 4: image /"),
    "missing image in a folder": ("source,target\nnowhere/3,7\n", "line 2: image /"),
    "misspelled class": ("source,target\n3,7\n3,sevn\n", "line 3: sevn"),
    "binary": (b"\x89PNG\r\n\x1a\n\xff\xfe\x00", "cannot be read"),
    "missing": (None, "does not exist"),
}


@pytest.mark.parametrize("case", BAD_TABLES)
def test_a_table_of_pairs_that_cannot_be_read(tmp_path, case):
    content, named = BAD_TABLES[case]
    if content is not None:
        (tmp_path / "pairs.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    before = listing(tmp_path)
    outcome = run("collide", "--pairs=pairs.csv", "--model_dir=models", "--out=run", cwd=tmp_path, home=tmp_path)
    assert (outcome.code, outcome.stdout) == (2, "")
    (line,) = outcome.stderr.splitlines()
    assert line.startswith("error: ") and "pairs.csv" in line and named in line
    assert listing(tmp_path) == before
