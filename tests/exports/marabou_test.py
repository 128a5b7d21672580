import json
import os
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from tests.exports.fake_marabou import fake_marabou
from tfcollide.errors import RequestError
from tfcollide.exports import marabou, marabou_query
from tfcollide.exports.marabou import ask_marabou, find_marabou
from tfcollide.exports.marabou_query import ways
from tfcollide.exports.vnnlib import mixture_property, write_property
from tfcollide.models.dense_chain import DenseChain, Stage
from tfcollide.models.reading import Reading


def test_the_property_is_read_as_it_was_written():
    disjuncts, bounds = ways(mixture_property(4, 3, 1))
    assert bounds == [(op, f"X_{i}", end) for i in range(3) for op, end in ((">=", "0.0"), ("<=", "1.0"))]
    assert disjuncts == [[(">=", f"Y_{c}", "Y_1"), (">=", "Y_3", "0.0")] for c in (0, 2)]
    labels, _ = ways(mixture_property(2, 2, 0b01, reading=Reading(2, several=True)))
    assert labels == [[("<=", "Y_0", "0.0"), (">=", "Y_2", "0.0")], [(">=", "Y_1", "0.0"), (">=", "Y_2", "0.0")]]


def test_an_answer_is_read(tmp_path):
    python = find_marabou(str(fake_marabou(tmp_path, "a line of its own", verdict="sat", inputs=[0.25, 0.5])), tmp_path)
    answer = ask_marabou(python, tmp_path, seconds=10)
    assert (answer.verifier, answer.verdict, answer.seconds) == ("Marabou 2.0.0", "sat", 1.5)
    np.testing.assert_allclose(answer.weights, [0.25, 0.5, 0.25])


def test_a_witness_that_is_off_by_rounding_is_brought_back_onto_the_simplex(tmp_path):
    answer = ask_marabou(fake_marabou(tmp_path, verdict="sat", inputs=[-1e-9, 1.0 + 1e-8]), tmp_path, seconds=10)
    assert answer.weights.min() >= 0 and answer.weights.sum() == 1.0


def test_what_fails_is_said_and_no_verdict(tmp_path):
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho ImportError: no maraboupy >&2\nexit 1\n")
    broken.chmod(0o755)
    answer = ask_marabou(broken, tmp_path, seconds=10)
    assert answer.verdict == "failed: ImportError: no maraboupy" and answer.weights is None
    with pytest.raises(RequestError, match="a Python that can import maraboupy"):
        find_marabou(str(broken), tmp_path)


def test_time_is_limited(tmp_path, monkeypatch):
    sleepy = tmp_path / "sleepy"
    sleepy.write_text("#!/bin/sh\nexec sleep 60\n")
    sleepy.chmod(0o755)
    monkeypatch.setattr(marabou, "_SPARE", 0.1)
    assert ask_marabou(sleepy, tmp_path, seconds=0.1).verdict == "timeout"


def test_an_environment_is_made_once_and_whole_or_not_at_all(tmp_path, monkeypatch):
    commands = []

    def run(command, what):
        commands.append(command)
        if command[1:3] == ["-m", "venv"]:
            (Path(command[3]) / "bin").mkdir(parents=True)
            (Path(command[3]) / "bin" / "python").touch()
        elif len(commands) == 2:
            raise RequestError("Marabou, by pip that cannot be had: no network", "it installed")

    monkeypatch.setattr(marabou, "_run", run)
    with pytest.raises(RequestError, match="no network"):
        find_marabou(None, tmp_path)
    assert not list(tmp_path.iterdir())
    python = find_marabou(None, tmp_path)
    assert python == tmp_path / "marabou-2.0.0" / "bin" / "python" and python.exists()
    assert "maraboupy==2.0.0" in commands[-1] and len(commands) == 4
    assert find_marabou(None, tmp_path) == python and len(commands) == 4


class Network:
    """What `maraboupy` makes of a file, and the constraints that are put on it."""

    inputVars, outputVars = ([np.array([[0, 1]])], [np.array([[5, 6, 7, 8]])])

    def __init__(self, queries, answers):
        self.said, self._answers = [], answers
        queries.append(self.said)

    def setLowerBound(self, variable, bound):
        self.said.append((variable, ">=", bound))

    def setUpperBound(self, variable, bound):
        self.said.append((variable, "<=", bound))

    def addInequality(self, variables, coefficients, scalar):
        self.said.append((tuple(variables), tuple(coefficients), scalar))

    def solve(self, verbose, options):
        verdict = self._answers.pop(0)
        return verdict, {0: 0.25, 1: 0.5, 5: -200.0, 6: 7.0, 7: 7.0, 8: 0.25} if verdict == "sat" else {}, None


@pytest.mark.parametrize("answers", [["unsat", "unsat"], ["unsat", "sat", "unsat"], ["sat", "sat"], ["TIMEOUT"]], ids="-".join)
def test_each_way_is_asked_about_by_itself(answers, tmp_path, monkeypatch, capsys):
    """A constraint that stayed from one query to the next would make the next one "unsat".

    What is possible where two logits are equal is asked for once more, further inside.
    """
    verdict = "sat" if "sat" in answers else answers[-1].lower()
    queries, asked = [], answers.index("sat") + 1 if "sat" in answers else len(answers)
    left = list(answers)
    fake = types.SimpleNamespace(read_onnx=lambda path: Network(queries, left), createOptions=lambda **options: options)
    monkeypatch.setitem(sys.modules, "maraboupy", types.SimpleNamespace(Marabou=fake))
    (tmp_path / "p.vnnlib").write_text(mixture_property(3, 3, 1))
    monkeypatch.setattr(sys, "argv", ["marabou_query.py", "n.onnx", str(tmp_path / "p.vnnlib"), "100"])
    assert marabou_query.main() == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["verdict"], found["asked"]) == (verdict, asked)
    assert found.get("inputs") == ([0.25, 0.5] if verdict == "sat" else None)
    box = [(0, ">=", 0.0), (0, "<=", 1.0), (1, ">=", 0.0), (1, "<=", 1.0)]
    found_in = 5 if asked == 1 else 7
    inside = [*box, ((found_in, 6), (-1.0, 1.0), pytest.approx(-0.02)), (8, ">=", 0.0)]
    each = [[*box, ((c, 6), (-1.0, 1.0), 0.0), (8, ">=", 0.0)] for c in (5, 7)]
    assert queries == [*each[:asked], *([inside] if verdict == "sat" else [])]


@pytest.mark.skipif("TFCOLLIDE_MARABOU_PYTHON" not in os.environ, reason="names no Python with maraboupy")
@pytest.mark.parametrize(("offset", "verdict"), [(1.1, "unsat"), (0.9, "sat")])
def test_marabou_itself_answers(offset, verdict, tmp_path):
    """Logits [offset, 0, |x|, -|x|] of mixtures of -1 and 1: class 0 leads everywhere if offset > 1, else class 2 at an end."""
    first = Stage("d", np.array([[1.0], [-1.0]]), np.zeros(2), np.zeros(2), np.ones(2, int), 1, True)
    bias, rows = np.array([offset, 0.0, 0.0, 0.0]), np.array([[0.0, 0.0], [0.0, 0.0], [1.0, 1.0], [-1.0, -1.0]])
    last = Stage("e", rows, bias, bias, np.full(4, 2), 1, False)
    corners = np.array([-1.0, 1.0], np.float32).reshape(2, 1, 1, 1)
    write_property(tmp_path, DenseChain((first, last), (1, 1, 1)), corners, 0)
    answer = ask_marabou(Path(os.environ["TFCOLLIDE_MARABOU_PYTHON"]), tmp_path, seconds=60)
    assert answer.verdict == verdict
    if verdict == "sat":
        assert abs(answer.weights @ [-1.0, 1.0]) >= offset - 1e-6
