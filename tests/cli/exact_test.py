"""Exact corners, nearest collisions and their exports, through the command line."""

import importlib.util
import json
import signal
import sys
import zipfile

import h5py
import numpy as np
import onnxruntime
import pytest
import vnnlib

from tests.exports.fake_marabou import fake_marabou
from tfcollide import cli
from tfcollide.polytope.proof import check_proof

from .programs import Run, files_below, run, run_files

QUICK = ("--interpolations=50", "--worst_starts=2", "--certify_boxes=20")


@pytest.fixture
def collide(training, tmp_path, capsys):
    """`collide(flags)` in this process, since TensorFlow takes seconds to start: exit code, what it said, and where."""
    handler = signal.getsignal(signal.SIGTERM)

    def do(*flags, name="run"):
        code = cli.collide(["collide", *training, *QUICK, *flags, f"--out={tmp_path / name}"])
        return code, capsys.readouterr(), tmp_path / name

    yield do
    signal.signal(signal.SIGTERM, handler)


def summary_of(out):
    return json.loads((out / "summary.json").read_text())


def features(network, images):
    return np.maximum(network.hidden_1(images), 0)


@pytest.fixture(scope="module")
def exact(once, training, home):
    """Five exact corners from another folder, the files for a verifier, its answer, and the proof."""

    def do(folder):
        asked = ("--second_opinion=marabou", f"--marabou_python={fake_marabou(home, verdict='sat', inputs=[0.25] * 4)}")
        return run("collide", *training, "--solver=exact", "--proof", *asked, "--out=exact", cwd=folder, home=home)

    outcome = once("exact", do)
    assert outcome.code == 0, outcome.stderr[-2000:]
    return Run(outcome, home.parent / "exact" / "exact")


def test_saved_corners_have_the_features_of_the_target(exact, network):
    summary, arrays = summary_of(exact.out), np.load(exact.out / "corners.npz")
    assert summary["solver"] == "exact" and summary["converged"] and summary["exact"]["kind"] == "units"
    assert max(summary["exact"]["feature_residual_float64"]) <= 1e-6
    goal = features(network, arrays["target"][None])
    assert np.abs(features(network, arrays["corners"]) - goal).max() <= 1e-4
    assert all(corner["inactive_violation"] == 0 and corner["active_match"] <= 1e-6 for corner in summary["corners"])
    assert max(summary["exact"]["inactive_bound"]) <= 0
    assert summary["exact"]["dimension"] == arrays["target"].size - np.count_nonzero(goal)


def test_each_corner_pushes_its_unit_further_than_the_others_do(exact, network):
    arrays = np.load(exact.out / "corners.npz")
    pushed = network.hidden_1(arrays["corners"])[:, arrays["units"]]
    assert (pushed.argmin(axis=0) == np.arange(5)).all()
    assert (network.hidden_1(arrays["target"][None])[0, arrays["units"]] <= 0).all()


def test_every_mixture_of_exact_corners_is_certified(exact):
    summary = summary_of(exact.out)
    assert summary["certificate"]["status"] == "certified"
    assert 0 < summary["certificate"]["margin"] <= summary["worst_mixture"]["margin"]
    assert "certified, margin" in exact.outcome.stdout and "Exact (units): dimension" in exact.outcome.stdout


def test_files_for_a_verifier(exact, network):
    files = {"verify/mixture.onnx", "verify/mixture.vnnlib", "verify/mixture.v2.vnnlib", "proof.npz"}
    assert files_below(exact.out) == run_files(5) | files
    arrays, folder = np.load(exact.out / "corners.npz"), exact.out / "verify"
    session = onnxruntime.InferenceSession(folder / "mixture.onnx", providers=["CPUExecutionProvider"])
    weights = arrays["convex_weights"][:20].astype(np.float64)
    expected = network.logits(np.tensordot(weights, arrays["corners"].astype(np.float64), 1))
    found = [session.run(None, {"X": row[None, :4].astype(np.float32)})[0][0] for row in weights]
    np.testing.assert_allclose(np.array(found)[:, :10], expected, rtol=1e-4, atol=1e-2)
    assert len(list(vnnlib.parse_query_string((folder / "mixture.v2.vnnlib").read_text()).assertions)) == 4 * 2 + 1


def test_the_proof_is_checked_without_the_program_and_against_the_network(exact, model_dir, monkeypatch, capsys):
    proof, summary = exact.out / "proof.npz", summary_of(exact.out)
    monkeypatch.setattr(sys, "argv", ["check_proof", str(proof)])
    assert check_proof.main() == 0
    assert f"parts of the hull: {summary['proof']['parts']}" in capsys.readouterr().out
    assert 0.89 * summary["certificate"]["margin"] <= summary["proof"]["margin"] <= summary["worst_mixture"]["margin"]
    (model,) = model_dir.glob("*.keras")
    assert cli.match_proof(["match_proof", f"--proof={proof}", f"--model={model}"]) == 0
    assert f"of the corners in {exact.out / 'corners.npz'}" in capsys.readouterr().out
    arrays = dict(np.load(proof))
    arrays["corners"] = arrays["corners"] + np.float32(2.0**-20)
    np.savez(exact.out.parent / "other.npz", **arrays)
    asked = [f"--proof={exact.out.parent / 'other.npz'}", f"--model={model}", f"--corners={exact.out / 'corners.npz'}"]
    assert cli.match_proof(["match_proof", *asked]) == 1
    assert capsys.readouterr().out == "differs: the corners of the proof are not those of the run\n"
    for wrong in (f"--proof={model}", "--proof=nowhere.npz"):
        assert cli.match_proof(["match_proof", wrong, f"--model={model}"]) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_a_second_opinion_is_replayed_on_the_network(exact):
    """The verifier says that a mixture is misread; the network reads it as the target, and both is told."""
    opinion = summary_of(exact.out)["second_opinion"]
    assert opinion["verifier"] == "Marabou 2.0.0" and opinion["verdict"] == "sat" and opinion["limit"] == 300
    assert opinion["mixture"] == [0.25, 0.25, 0.25, 0.25, 0.0]
    assert opinion["predicted"] == summary_of(exact.out)["target"]["predicted"] and opinion["margin"] > 0
    assert "float32 does not confirm" in (exact.out / "table.md").read_text()


def test_run_flags_repeat_an_exact_run_bit_for_bit(exact, tmp_path, home):
    again = tmp_path / "again"
    outcome = run("collide", f"--flagfile={exact.out / 'run.flags'}", f"--out={again}", cwd=tmp_path, home=home)
    assert outcome.code == 0, outcome.stderr[-2000:]
    for name in ("corners.npz", "trace.csv", "verify/mixture.onnx", "verify/mixture.vnnlib", "proof.npz"):
        assert (again / name).read_bytes() == (exact.out / name).read_bytes(), name
    for name in ("certificate", "worst_mixture", "exact", "corners"):
        assert summary_of(again)[name] == summary_of(exact.out)[name], name


def test_vertices_in_random_and_in_distant_directions(collide, network):
    apart = {}
    for direction in ("random", "diverse"):
        code, _, out = collide("--solver=exact", f"--direction={direction}", "--corners=3", name=direction)
        assert code == 0
        summary, arrays = summary_of(out), np.load(out / "corners.npz")
        assert summary["exact"]["kind"] == direction and all(not corner["units"] for corner in summary["corners"])
        assert np.abs(features(network, arrays["corners"]) - features(network, arrays["target"][None])).max() <= 1e-4
        apart[direction] = summary["distance"]["corner_mean"]
    assert apart["diverse"] > apart["random"] > 1


def test_the_nearest_collision_of_every_class(collide, network):
    code, said, out = collide("--source=every", "--target=7", "--solver=exact", "--nearest=l1")
    assert code == 0 and (out / "figure.png").exists() and "9 of 9 pairs converged" in said.out
    assert said.out.count("certified") == 9 and "| feature difference | change" in said.out and "duality gap" in said.out
    folders = sorted(folder for folder in out.iterdir() if folder.is_dir())
    summaries = [summary_of(folder) for folder in folders]
    assert [summary["source"]["label"] for summary in summaries] == [str(label) for label in range(10) if label != 7]
    for folder, summary in zip(folders, summaries, strict=True):
        arrays = np.load(folder / "corners.npz")
        assert np.abs(features(network, arrays["corners"]) - features(network, arrays["target"][None])).max() <= 1e-4
        change = arrays["corners"][0].astype(np.float64) - arrays["source"]
        assert summary["exact"]["distance"] == pytest.approx(np.abs(change).sum(), abs=1e-4)
        assert -1e-9 < summary["exact"]["duality_gap"] < 1e-6
        assert summary["certificate"]["status"] == "certified"


def test_the_nearest_collision_in_l2_and_within_a_change(collide):
    code, said, out = collide("--solver=exact", "--nearest=l2", name="free")
    found, arrays = summary_of(out)["exact"], np.load(out / "corners.npz")
    change = np.abs(arrays["corners"][0] - arrays["source"]).astype(np.float64)
    assert code == 0 and found["distance"] == pytest.approx(np.linalg.norm(change), abs=1e-4)
    assert -1e-9 < found["duality_gap"] < 1e-6 and "Nearest collision in l2" in said.out

    limits = {"--max_change=0.01": "no collision exists within --max_change", "--max_total=1": "further than --max_total"}
    for number, (limit, words) in enumerate(limits.items()):
        code, said, out = collide("--solver=exact", "--nearest=l2", limit, name=f"bound_{number}")
        summary = summary_of(out)
        verdict = next(line for line in said.out.splitlines() if line.startswith("Not found"))
        assert code == 1 and words in verdict and words in summary["exact"]["status"][0]
        assert not summary["converged"] and not summary["corners"][0]["converged"]

    enough = float(change.max()) + 1e-3
    code, _, out = collide("--solver=exact", "--nearest=l2", f"--max_change={enough}", name="enough")
    assert code == 0 and summary_of(out)["exact"]["distance"] == pytest.approx(found["distance"], abs=1e-4)


def test_the_bound_on_failures_says_what_it_is_a_share_of(collide):
    code, said, out = collide("--solver=exact", "--corners=2", "--sampling=stick_breaking")
    assert code == 0 and summary_of(out)["failure_bound"]["sampling"] == "stick_breaking"
    assert "share of mixtures drawn by stick_breaking that may fail" in said.out


def test_units_within_rounding_of_zero_are_on_one_side_for_all(collide, exact, model_dir, tmp_path):
    """Biases that put ten of the target's pre-activations at zero, up to the last digits of float32."""
    target = np.load(exact.out / "corners.npz")["target"].ravel()
    (path,) = model_dir.glob("*.keras")
    (tmp_path / "models").mkdir()
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(tmp_path / "models" / path.name, "w") as changed:
        for name in archive.namelist():
            content = archive.read(name)
            if name == "model.weights.h5":
                (tmp_path / "weights.h5").write_bytes(content)
                with h5py.File(tmp_path / "weights.h5", "r+") as file:
                    first = min(layer for layer in file["layers"] if layer.startswith("dense"))
                    kernel, bias = (file["layers"][first]["vars"][i] for i in "01")
                    bias[:10] = -np.float32(target.astype(np.float64) @ np.asarray(kernel, np.float64)[:, :10])
                content = (tmp_path / "weights.h5").read_bytes()
            changed.writestr(name, content)
    code, _, out = collide("--solver=exact", f"--model_dir={tmp_path / 'models'}", "--target=test:" + _index(exact))
    summary = summary_of(out)
    assert code == 0, summary["exact"]
    assert all(corner["inactive_violation"] == 0 and corner["active_match"] <= 1e-6 for corner in summary["corners"])


def _index(exact):
    return summary_of(exact.out)["target"]["id"].removeprefix("test:")


@pytest.mark.parametrize("solver", ["exact", "gradient"])
def test_no_saved_corner_changes_by_more_than_was_allowed(collide, solver):
    """Both solvers keep to both limits; how far the corners were to be apart is said, and how far they are."""
    limits = ("--max_change=0.6", "--max_total=6.5")
    code, _, out = collide(f"--solver={solver}", "--corners=2", "--spread=0.02", *limits)
    with np.load(out / "corners.npz") as arrays:
        change = np.abs(arrays["corners"].astype(np.float64) - arrays["source"]).reshape(2, -1)
        apart = np.sqrt(np.mean(np.square(arrays["corners"][0].astype(np.float64) - arrays["corners"][1])))
    assert 0.1 < change.max() <= 0.6 + 1e-6 and 1.0 < np.linalg.norm(change, axis=1).max() <= 6.5 * (1 + 1e-6)
    summary = summary_of(out)
    assert code == (0 if summary["found"] else 1)
    assert summary["distance"]["spread_asked"] == 0.02
    assert summary["distance"]["spread_reached"] == pytest.approx(apart, rel=1e-4)
    if solver == "exact":
        assert (summary["exact"]["max_change"], summary["exact"]["max_total"]) == (0.6, 6.5)


def test_corners_that_lie_closer_together_than_asked_are_not_found(collide):
    """In a box hardly wider than the smallest that holds a collision the corners cannot be far apart."""
    _, _, out = collide("--solver=exact", "--corners=2", "--spread=0.001", name="narrow")
    box = summary_of(out)["exact"]["least_change"] * 1.02
    code, said, out = collide("--solver=exact", "--corners=2", "--spread=0.2", f"--max_change={box}", "--allow_trivial")
    summary = summary_of(out)
    assert code == 1 and not summary["found"] and summary["converged"] and summary["ended"] == "too close"
    assert summary["missing"] == ["too close"] and summary["distance"]["spread_reached"] < 0.2
    verdict = next(line for line in said.out.splitlines() if line.startswith("Not found"))
    assert "too close together" in verdict and "lower --spread" in verdict
    remarks = said.out.partition(verdict)[2].strip().splitlines()
    assert all(line.startswith("- ") for line in remarks) and said.out.splitlines()[-1] in (verdict, *remarks)


REFUSED = {
    "exact behind a ReLU": (("--solver=exact", "--tap=hidden_2"), "hidden_1 (ReLU) lies between"),
    "one corner to mix": (("--vnnlib", "--corners=1"), "at least two to mix"),
    "vnnlib of a nearest point": (("--solver=exact", "--nearest=l2", "--vnnlib"), "at least two to mix"),
    "a direction by gradient": (("--direction=random",), "--solver=exact beside it"),
    "a change below nothing": (("--solver=exact", "--max_change=-0.1"), "a number of at least 0"),
    "a length of change that is none": (("--solver=exact", "--max_total=nan"), "a number of at least 0"),
    "a spread that is none": (("--spread=wide",), "a share of the pixel range, from 0 to 1, or max"),
    "nearest of several": (("--solver=exact", "--nearest=l1", "--corners=3"), "one of them"),
    "a norm that is not there": (("--solver=exact", "--nearest=linf"), "one of l1, l2"),
    "units and a direction": (("--solver=exact", "--direction=diverse", "--units=3,4"), "one of the two"),
    "a second opinion on one corner": (("--second_opinion=marabou", "--corners=1"), "at least two to mix"),
    "a verifier that is not there": (("--second_opinion=other",), "one of marabou"),
    "no proof to hand on": (("--proof", "--certify_boxes=0"), "a proof that is tried"),
    "no Marabou": (("--second_opinion=marabou", "--marabou_python=/nowhere/python"), "can import maraboupy"),
    "boxes that are no number": (("--certify_boxes=0.5",), "a whole number"),
    "a tightness beyond one": (("--certify_tightness=1.5",), "a share from 0 to 1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(collide, tmp_path, case):
    flags, words = REFUSED[case]
    code, said, _ = collide(*flags)
    assert code == 2 and words in said.err and said.err.startswith("error: ") and said.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_without_onnx_the_export_is_refused_before_any_work(collide, tmp_path, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "onnx" else find(name, *more))
    monkeypatch.setitem(sys.modules, "tfcollide.recipes.collide.experiment", None)  # an import of it would be work begun
    code, said, _ = collide("--vnnlib")
    assert code == 2 and 'pip install "tfcollide[verify]"' in said.err
    assert not list(tmp_path.iterdir())
