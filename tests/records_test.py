import csv
import dataclasses
import json
import os

import numpy as np
import pytest

from tfcollide import records
from tfcollide.errors import RequestError
from tfcollide.files.atomic import to_json, write_bytes, write_csv, write_json, write_npz
from tfcollide.records import Certificate, Distance, EndPoint, PairResult, Summary, SweepSummary, Trace, is_sweep


def test_records_are_frozen():
    for name in records.__all__:
        one = getattr(records, name)
        if dataclasses.is_dataclass(one):
            assert one.__dataclass_params__.frozen, name


@pytest.mark.parametrize(
    ("certificate", "shown"),
    [
        (Certificate("certified", 4.7058, 1.0, boxes=511), "certified: margin 4.7 or more in float32 arithmetic, 511 parts"),
        (
            Certificate("certified", 988.4, 1.0, arithmetic="real", boxes=1),
            "certified: margin 988 or more in real arithmetic, 1 part",
        ),
        (Certificate("refuted", -0.25, 0.0, (1.0, 0.0)), "refuted: margin -0.25 at the mixture (1.0, 0.0)"),
        (Certificate("undecided", -1.0, 0.632, boxes=1999), "undecided: 63.2 % of the hull proven, 1,999 parts"),
    ],
)
def test_a_certificate_is_told_in_one_line(certificate, shown):
    assert repr(certificate) == f"Certificate({shown})"


# JSON


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), np.float32("nan"), np.float64("inf")])
def test_a_number_that_is_not_finite_becomes_null(tmp_path, value):
    write_json(tmp_path / "a.json", {"a": [value, {"b": (value, 1.5)}]})
    assert (tmp_path / "a.json").read_text().count("null") == 2
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": [None, {"b": [None, 1.5]}]}


def test_records_become_objects():
    value = {"end": EndPoint("test:1", None, "7", 0.5), "distance": [Distance(None, float("nan"), np.float32(0.25))]}
    assert to_json(value) == {
        "end": {"id": "test:1", "label": None, "predicted": "7", "probability": 0.5},
        "distance": [
            {
                "dataset_mean": None,
                "corner_mean": None,
                "corner_to_source_mean": 0.25,
                "source_to_target": None,
                "corner_to_target_mean": None,
                "spread_asked": None,
                "spread_reached": None,
            }
        ],
    }


def test_numpy_numbers_become_numbers():
    found = to_json({1: np.int64(3), "b": np.bool_(True), "f": np.float32(0.5)})
    assert found == {"1": 3, "b": True, "f": 0.5}
    assert [type(value) for value in found.values()] == [int, bool, float]


def test_json_is_text_for_people(tmp_path):
    write_json(tmp_path / "a.json", {"name": "Gürteltier", "n": [1]})
    assert (tmp_path / "a.json").read_bytes().decode() == '{\n  "name": "Gürteltier",\n  "n": [\n    1\n  ]\n}\n'


def test_names_of_files_that_are_no_utf_8_come_back(tmp_path):
    name = "caf\udce9"
    write_json(tmp_path / "a.json", {name: [name, "\\"]})
    assert json.loads((tmp_path / "a.json").read_bytes()) == {name: [name, "\\"]}
    write_csv(tmp_path / "a.csv", ["x"], [[name]])
    assert (tmp_path / "a.csv").read_bytes() == b"x\ncaf\xe9\n"


def test_floats_keep_every_digit(tmp_path):
    value = 0.1 + 0.2
    write_json(tmp_path / "a.json", value)
    write_csv(tmp_path / "a.csv", ["x"], [[value]])
    assert json.loads((tmp_path / "a.json").read_text()) == value
    assert float((tmp_path / "a.csv").read_text().splitlines()[1]) == value


# Whole files


def test_a_file_is_written_whole_and_nothing_beside_it(tmp_path):
    write_bytes(tmp_path / "a", b"old")
    write_bytes(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path, monkeypatch, step):
    write_bytes(tmp_path / "a", b"old")
    seen = []

    def fail(*args):
        seen.append(sorted(path.name for path in tmp_path.iterdir()))
        raise OSError("disk full")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OSError, match="disk full"):
        write_bytes(tmp_path / "a", b"new")
    assert len(seen[0]) == 2 and seen[0][0].startswith(".a.")  # hidden, and in the same folder
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


@pytest.mark.parametrize(
    "write",
    [
        lambda path: write_json(path, {"a": 1}),
        lambda path: write_npz(path, {"a": np.zeros(2)}),
        lambda path: write_csv(path, ["a"], [[1]]),
    ],
)
def test_every_writer_replaces_in_one_step(tmp_path, monkeypatch, write):
    replaced = []
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda *paths: (replaced.append(paths[1]), replace(*paths)))
    write(tmp_path / "a")
    assert replaced == [tmp_path / "a"]
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_an_object_that_json_does_not_know_leaves_no_file(tmp_path):
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"a": object()})
    assert list(tmp_path.iterdir()) == []


# Arrays and tables


def test_the_same_arrays_give_the_same_bytes(tmp_path, monkeypatch):
    arrays = {"corners": np.random.default_rng(0).random([2, 3]).astype(np.float32), "units": np.array([1, 2])}
    write_npz(tmp_path / "a.npz", arrays)
    monkeypatch.setattr("time.time", lambda: 2e9)
    monkeypatch.setattr("time.localtime", lambda *_: (2033, 5, 18, 3, 33, 20, 2, 138, 0))
    write_npz(tmp_path / "b.npz", {name: values.copy() for name, values in arrays.items()})
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with np.load(tmp_path / "a.npz") as found:
        assert set(found) == set(arrays)
        for name, values in arrays.items():
            assert found[name].dtype == values.dtype
            np.testing.assert_array_equal(found[name], values)


def test_csv(tmp_path):
    write_csv(tmp_path / "a.csv", ["id", "x"], [["a, b", 1.5], ["c", 2]])
    assert (tmp_path / "a.csv").read_bytes() == b'id,x\n"a, b",1.5\nc,2\n'
    with open(tmp_path / "a.csv", newline="") as file:
        assert list(csv.reader(file)) == [["id", "x"], ["a, b", "1.5"], ["c", "2"]]


def test_trace_rows():
    terms = {"match": np.array([[1, 2], [3, 4]], np.float32), "push": np.array([[5, 6], [7, 8]], np.float32)}
    header, rows = Trace(np.array([0, 10]), terms).rows()
    assert header == ["step", "match_0", "match_1", "push_0", "push_1"]
    assert rows == [[0, 1.0, 2.0, 5.0, 6.0], [10, 3.0, 4.0, 7.0, 8.0]]
    assert [type(value) for value in rows[0]] == [int, float, float, float, float]


@pytest.mark.parametrize(
    ("changes", "collides"),
    [({}, True), ({"accuracy": 0.9995}, False), ({"png_accuracy": 0.99}, False), ({"worst_margin": -0.1}, False)],
)
def test_a_pair_collides_where_all_its_mixtures_do(changes, collides):
    values = {"accuracy": 1.0, "png_accuracy": 1.0, "worst_margin": 2.0} | changes
    assert PairResult("3", "7", "pair_0000", True, None, **values).collides is collides


def test_a_sweep_is_read_as_it_was_written(tmp_path):
    pairs = (
        PairResult("3", "7", "pair_0000", True, None, ("3", "7"), 480, corner_mean=1.25, found=True, trivial=0),
        PairResult("lost.png", "7", None, False, "image lost.png, which does not exist", missing=("image",)),
    )
    fixed = ("digits", "mlp", "hidden_1", 0.9, None, False, 2, 1, 1, 1.25, None, pairs, {"total": 1.5})
    summary = SweepSummary(*fixed, num_found=1, reasons={"image": 1}, fronts=(0.25, None, None))
    write_json(tmp_path / "summary.json", summary)
    assert is_sweep(tmp_path) and SweepSummary.read(tmp_path) == summary
    with pytest.raises(RequestError, match="Say --run=.*pair_0000"):
        Summary.read(tmp_path)


def test_what_is_no_sweep(tmp_path):
    assert not is_sweep(tmp_path)
    for content, said in (
        ({"corners": []}, "a run: expected the directory of a sweep"),
        ({"pairs": [{"source": 1}]}, "cannot be read"),
    ):
        write_json(tmp_path / "summary.json", content)
        assert is_sweep(tmp_path) == ("pairs" in content)
        with pytest.raises(RequestError, match=said):
            SweepSummary.read(tmp_path)
