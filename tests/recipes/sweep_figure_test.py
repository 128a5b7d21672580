import numpy as np
import pytest

from tests.report.summaries import summary
from tfcollide.files.atomic import write_json
from tfcollide.images import write_png
from tfcollide.recipes.collide.sweep import run
from tfcollide.records import CornerRecord, EndPoint, PairResult, SweepSummary

LIKE = CornerRecord((0,), 1.0, 0.0, 0.0, 1.0, 0.0, 0.1, "7", 0.9, True, None, source_share=0.3, target_share=0.9, reader="3")


@pytest.fixture
def drawn(monkeypatch):
    """What was to be drawn: rows of panels, and the foot."""
    found = []
    monkeypatch.setattr(run.figure, "draw", lambda path, rows, foot: found.append((rows, foot)))
    return found


def write_pair(folder, corners, *, label="3", missing=(), target=255):
    (folder / "images").mkdir(parents=True)
    for name in ("source", *(f"corner_{n}" for n in range(len(corners)))):
        write_png(folder / "images" / f"{name}.png", np.zeros([4, 4, 1], np.uint8))
    write_png(folder / "images" / "target.png", np.full([4, 4, 1], target, np.uint8))
    ends = {"source": EndPoint("test:1", label, "3", 0.75), "target": EndPoint("test:2", "7", "7", float("nan"))}
    found = summary(**ends, corners=tuple(corners), found=not missing, missing=tuple(missing))
    write_json(folder / "summary.json", found)
    return PairResult("test:1", "test:2", folder.name, True, None, found=not missing, missing=missing)


def swept(pairs, **changed):
    values = {"reasons": {}, "num_found": sum(pair.found for pair in pairs)} | changed
    fixed = (None, None, False, len(pairs), 0, 0, None, None, tuple(pairs), {})
    return SweepSummary("mnist", "mlp", "hidden_1", *fixed, **values)


def changed(record=LIKE, **values):
    return CornerRecord(**{**vars(record), **values})


def test_a_row_a_pair_says_what_each_corner_is(tmp_path, drawn):
    bad = [changed(trivial=True), changed(lost=True, probability=float("nan"))]
    pairs = [
        write_pair(tmp_path / "pair_0000", [LIKE, LIKE]),
        write_pair(tmp_path / "pair_0001", bad, missing=("trivial", "lost")),
    ]
    run._draw(tmp_path, swept(pairs, reasons={"trivial": 1, "lost": 1}, num_trivial=1))
    ((first, second), foot) = drawn[0]
    assert [panel.title for panel in first] == ["3", "corner 0", "corner 1", "7"]
    assert [panel.title for panel in second] == ["3", "TRIVIAL", "LOST", "7"]
    assert [panel.role for panel in second] == ["source", "trivial", "lost", "target"]
    assert first[0].note == "found" and second[0].note == "not found: trivial, lost"
    assert first[1].note == 'source .30 · target .90\nreader: "3"' and second[2].caption == '"7"  no number'
    assert "mlp at hidden_1. 1 of 2 pairs: a collision was found." in foot
    assert "Why not in the others: trivial 1, lost 1." in foot
    run._draw(tmp_path, swept(pairs[:1], num_trivial=1))
    assert "1 of 1 pairs: a collision was found. Counted by --allow_trivial: 1 trivial." in drawn[1][1]


def test_corners_of_one_target_stand_in_a_row(tmp_path, drawn):
    pairs = [write_pair(tmp_path / f"pair_{n:04d}", [changed(trivial=n == 2)], label=str(n)) for n in range(12)]
    run._draw(tmp_path, swept(pairs))
    rows, foot = drawn[0]
    titles = [panel.title for row in rows for panel in row if panel]
    assert titles[:3] == ['from "0"', 'from "1"', 'from "2": TRIVIAL'] and titles[-1] == "target"
    assert [len(row) for row in rows] == [10, 4] and "12 of 12 pairs" in foot


def test_a_large_sweep_shows_its_beginning(tmp_path, drawn):
    pairs = [write_pair(tmp_path / f"pair_{n:04d}", [LIKE] * 30, target=n) for n in range(13)]
    run._draw(tmp_path, swept(pairs))
    rows, foot = drawn[0]
    assert len(rows) == 12 and {len(row) for row in rows} == {10} and rows[-1][-1].role == "target"
    assert "The first 8 corners of each pair." in foot and "The first 12 pairs of 13." in foot
