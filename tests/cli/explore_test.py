"""`bin/explore`, in this process, on a copy of the run that most is asked of."""

import base64
import json
import re
import shutil
import threading
import urllib.request

import numpy as np
import pytest
from PIL import Image

from tfcollide import cli
from tfcollide.files.atomic import write_json
from tfcollide.polytope.hull.mixing import convex_weights, mix
from tfcollide.recipes.classifiers.network_request import network_data
from tfcollide.recipes.classifiers.open import open_classifier
from tfcollide.recipes.explore.config import ExploreConfig
from tfcollide.recipes.explore.run import run
from tfcollide.recipes.finished_run import read_run
from tfcollide.records import PairResult, SweepSummary

HOW = "Open it in any browser; the page needs no server and no network."


@pytest.fixture
def copy(base, tmp_path):
    return shutil.copytree(base.out, tmp_path / "run")


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def content(page):
    return json.loads(re.search(r'<script type="application/json" id="scene">(.*?)</script>', page, re.DOTALL)[1])


def array(packed):
    return np.frombuffer(base64.b64decode(packed["data"]), packed["type"]).reshape(packed["shape"])


def test_a_page_is_added_and_the_rest_left_alone(copy, capsys, tmp_path):
    before, film = files(copy), tmp_path / "tour.webp"
    assert cli.explore(["explore", f"--run={copy}", "--points=60", f"--animate={film}", "--seconds=1"]) == 0
    assert capsys.readouterr().out.splitlines() == [str(copy / "explore.html"), str(film), HOW]
    after = files(copy)
    assert {name for name in after if name not in before} == {(copy / "explore.html").relative_to(copy)}
    assert all(after[name] == before[name] for name in before)
    found, summary = content((copy / "explore.html").read_text()), json.loads((copy / "summary.json").read_text())
    assert found["lattice"]["fineness"] == 3 and found["network"] is not None and found["up"] is None
    assert len(found["lattice"]["weights"]["shape"]) == 2 and found["words"]["target"] == summary["target"]["predicted"]
    assert found["words"]["proof_status"] == summary["certificate"]["status"]
    with Image.open(film) as tour:
        assert tour.n_frames == 15


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ([], "no --run: expected the directory of a finished run"),
        (["--run=nowhere"], "--run=nowhere: expected the directory of a finished run"),
        (["--run=nowhere", "--points=0"], "--points=0: expected a number of at least 1"),
        (["--run=nowhere", "--animate=tour.mp4"], "--animate=tour.mp4: expected a file that ends in .webp or .gif"),
        (["--run=nowhere", "--port=70000"], "--port=70000: expected a port"),
        (["--run=nowhere", "--serve", "--animate=x.gif"], "--animate with --serve: expected one of the two"),
    ],
)
def test_what_cannot_be_carried_out_is_refused_in_one_line(flags, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.explore(["explore", *flags]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and said.split(": expected")[1] in err and list(tmp_path.iterdir()) == []


def test_all_pairs_of_a_sweep_get_pages_and_one_of_all(copy, capsys, tmp_path):
    sweep = tmp_path / "sweep"
    shutil.copytree(copy, sweep / "pair_0")
    pairs = (
        PairResult("test:1", "test:2", "pair_0", True, None, found=True),
        PairResult("test:1", "test:1", None, False, "<b>none"),
    )
    summary = SweepSummary("digits", "mlp", "hidden_1", 0.9, 1.0, False, 2, 1, 1, None, None, pairs, {}, num_found=1)
    write_json(sweep / "summary.json", summary)
    assert cli.explore(["explore", f"--run={sweep}", "--points=10"]) == 0
    assert capsys.readouterr().out.splitlines() == [str(sweep / "explore.html"), HOW]
    rows = content((sweep / "explore.html").read_text())["rows"]
    assert [row["link"] for row in rows] == ["pair_0/explore.html", None] and len(rows[0]["pictures"]) == 3
    assert content((sweep / "pair_0" / "explore.html").read_text())["up"] == "../explore.html" and rows[1]["error"] == "<b>none"
    assert cli.explore(["explore", f"--run={sweep}", "--serve"]) == 2
    assert f"Say --run={sweep / 'pair_0'}" in capsys.readouterr().err


def test_a_served_page_answers_as_the_network_does(copy):
    address, ready = [], threading.Event()
    config = ExploreConfig(run=str(copy), serve=True, points=10)
    threading.Thread(
        target=run, args=(config, lambda line: (address.append(line.split()[0]), ready.set())), daemon=True
    ).start()
    assert ready.wait(120)
    with urllib.request.urlopen(address[0]) as reply:
        page = content(reply.read().decode())
    assert page["live"] and page["network"] is None
    finished = read_run(copy)
    classifier = open_classifier(finished.config, network_data(finished.config)).classifier
    weights = convex_weights(50, 5, seed=9)
    judged = classifier.judge(mix(weights, finished.arrays["corners"]))
    for n, row in enumerate(weights):
        body = json.dumps({"weights": row.tolist()}).encode()
        with urllib.request.urlopen(urllib.request.Request(f"{address[0]}judge", body, {"Origin": address[0][:-1]})) as reply:
            found = json.load(reply)
        assert found["name"] == classifier.name_of(judged.predicted[n]) and found["row"] is None
        np.testing.assert_allclose(found["chances"][0], judged.probabilities[n].max(), atol=1e-5)
