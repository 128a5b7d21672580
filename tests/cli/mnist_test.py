"""The paper's section 3.1 through the programs and their flagfiles: the numbers of Figure 2 and Table 1.

Trains the classifier first, in about 40 s; TFCOLLIDE_TEST_MODEL_DIR names a folder that keeps it from one session to
the next.
"""

import json
import os
from pathlib import Path

import pytest

from .programs import ROOT, Run, files_below, run, run_files

FLAGFILES = ROOT / "bin" / "flagfiles"


@pytest.fixture(scope="module")
def mnist_flags(once, shared_path, session_dir, home):
    """The flags that name MNIST and its classifier, trained by its default recipe."""
    kept = os.environ.get("TFCOLLIDE_TEST_MODEL_DIR")
    model_dir = Path(kept).absolute() if kept else session_dir / "mnist_models"
    flags = (f"--data_dir={shared_path('tfds/mnist').parent}", f"--model_dir={model_dir}")
    outcome = once("mnist", lambda folder: run("train_classifier", "--dataset=mnist", *flags, cwd=folder, home=home))
    assert outcome.code == 0, outcome.stderr[-2000:]
    return flags


@pytest.fixture(scope="module")
def mnist(once, mnist_flags, home):
    """`bin/flagfiles/mnist.flags`."""
    flags = (f"--flagfile={FLAGFILES / 'mnist.flags'}", *mnist_flags, "--out=run")
    outcome = once("mnist_run", lambda folder: run("collide", *flags, cwd=folder, home=home))
    return Run(outcome, home.parent / "mnist_run" / "run")


@pytest.fixture(scope="module")
def summary(mnist):
    assert mnist.outcome.code == 0, mnist.outcome.stderr[-2000:]
    return json.loads((mnist.out / "summary.json").read_text())


def test_it_is_the_paper_s_case(mnist, summary):
    assert summary["dataset"] == "mnist"
    assert (summary["source"]["label"], summary["target"]["label"]) == ("3", "7")
    assert len(summary["corners"]) == 5
    assert {name for name in files_below(mnist.out) if not name.startswith("events")} == run_files(5)


def test_the_classifier_is_as_good_as_the_paper_s(summary):
    assert summary["test_accuracy"] >= 0.9664


def test_every_corner_matches_the_active_units(summary):
    assert summary["converged"] is True
    assert max(corner["active_match"] for corner in summary["corners"]) < 5


def test_corners_are_as_far_apart_as_the_paper_s(summary):
    assert 1.0 <= summary["distance"]["corner_mean"] <= 1.6  # paper: 1.28


def test_two_images_are_as_far_apart_as_the_paper_s(summary):
    assert summary["distance"]["dataset_mean"] == pytest.approx(10.2, abs=0.1)  # paper: 10.21


def test_every_mixture_is_a_seven(summary):
    assert summary["interpolation"]["samples"] == 2000
    assert summary["interpolation"]["accuracy"] == 1
    assert summary["interpolation"]["mean_probability"] >= 0.999
    assert {corner["predicted"] for corner in summary["corners"]} == {"7"}


def test_the_table_has_the_paper_s_column(mnist, summary):
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (mnist.out / "table.md").read_text().splitlines()
        if line.startswith("|")
    ]
    assert rows[0][1:] == ["ours", "paper, Table 1"]
    found = {row[0]: row[1:] for row in rows if len(row) == 3}
    assert found["test accuracy"][1] == "96.64 %"
    assert found["mean distance between corners"] == [f"{summary['distance']['corner_mean']:.2f}", "1.28"]
    assert found["mean distance between two images"][1] == "10.21"


def test_ten_random_pairs_converge(once, mnist_flags, home):
    """As in the paper L_pos alone says whether features match."""
    flags = (f"--flagfile={FLAGFILES / 'mnist_pairs.flags'}", *mnist_flags, "--out=sweep")
    outcome = once("mnist_pairs", lambda folder: run("collide", *flags, cwd=folder, home=home))
    assert outcome.code == 0, outcome.stderr[-2000:]
    summary = json.loads((home.parent / "mnist_pairs" / "sweep" / "summary.json").read_text())
    assert (summary["num_pairs"], summary["num_converged"], summary["num_found"]) == (10, 10, 10)
    assert summary["reasons"] == {} and summary["ended"] == {"met": 10}
    assert all(pair["max_active_match"] < 5 for pair in summary["pairs"])
    assert all(pair["accuracy"] == 1 for pair in summary["pairs"])
