import dataclasses
import itertools
import re

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.report.summaries import TRACE, UNIT, corner, pictures, summary
from tfcollide.images import to_uint8
from tfcollide.records import (
    Certificate,
    Distance,
    EdgeRecord,
    EndPoint,
    ExactRecord,
    Interpolation,
    PairResult,
    PngCheck,
    SweepSummary,
    WorstMixture,
)
from tfcollide.report.drawn import RunImages
from tfcollide.report.figure import write_row
from tfcollide.report.paper import paper_result
from tfcollide.report.phrases import quantile
from tfcollide.report.run_files import write_arrays, write_events, write_images, write_report
from tfcollide.report.sweep_table import sweep_table
from tfcollide.report.table import run_table


def cells(text, label):
    """The cells of the table line that starts with `label`."""
    lines = [line for line in text.splitlines() if line.startswith(f"| {label} ")]
    assert len(lines) == 1, label
    return [cell.strip() for cell in lines[0].strip("|").split("|")][1:]


# The table of a run


def test_table_of_the_papers_case():
    text = run_table(summary())
    assert text.startswith('# "3" (test:9) to "7" (test:4): mlp on mnist, tap hidden_1\n')
    assert "paper, Table 1" in text
    assert cells(text, "test accuracy") == ["93.21 %", "96.64 %"]
    assert cells(text, "mean distance between two images") == ["10.19", "10.21"]
    assert cells(text, "mean distance between corners") == ["1.23", "1.28"]
    assert cells(text, "mean distance from a corner to the source") == ["2.50", ""]
    assert cells(text, 'probability of "7": target') == ["0.6250", "1.0"]
    assert cells(text, "- mean of 2,000 mixtures") == ["0.9999", "1.0"]
    assert cells(text, "- smallest of them and the corners") == ["0.8765", ""]
    assert cells(text, 'mixtures classified as "7"') == ["100.00 %", "100.00 %"]
    assert cells(text, "- with corners read back from 8-bit PNG") == ["100.00 %", ""]
    assert cells(text, "worst mixture found: margin, class") == ['3.25, "7"', ""]
    assert cells(text, "share of mixtures that may fail, 95 % sure") == ["< 0.15 %", ""]
    assert text.count("**") == 2 and "**Found**" in text and "None" not in text


@pytest.mark.parametrize(
    "changed",
    [
        {"dataset": "digits"},
        {"model": "other"},
        {"tap": "hidden_2"},
        {"objective": "match"},
        {"parameterization": "composite"},
        {"corners": (corner(),) * 4},
        {"source": EndPoint("test:9", "4", "3", 0.75)},
        {"source": EndPoint("a.png", None, "3", 0.75)},
        {"target": EndPoint("test:4", "3", "7", 0.625)},
    ],
)
def test_no_paper_column_for_any_other_case(changed):
    other = summary(**changed)
    assert paper_result(other) is None
    text = run_table(other)
    assert "paper" not in text
    assert cells(text, "test accuracy") == ["93.21 %"]
    given = run_table(summary(dataset="images"))
    assert "test accuracy" not in given and "accuracy on the images given (every other one)" in given


def test_paper_case_with_a_version():
    found = paper_result(summary(dataset="mnist:3.0.1"))
    assert (found.place, found.corner_mean, found.dataset_mean, found.test_accuracy) == ("Table 1", 1.28, 10.21, 0.9664)


def test_one_line_a_corner():
    corners = (corner(), corner(units=(9, 12), predicted="1", probability=0.25), corner(units=()))
    text = run_table(summary(corners=corners))
    features, images = text.split("Units: those that the corner pushes")
    assert cells(features, "0") == ["3", "4.5", "-1.25", "7", "4.75", "0.5", "0.125", "7", "0.9876"]
    assert cells(features, "1")[0] == "9+12" and cells(features, "1")[-2:] == ["1", "0.2500"]
    assert cells(features, "2")[0] == "-"
    assert cells(images, "0") == ["-", "-", "-, -", "-, -", "-", "-"]


def test_one_line_tells_which_image_a_corner_still_is():
    seen = {"source_share": 0.25, "target_share": 0.875, "ssim_source": 0.75, "ssim_target": 0.125, "ms_ssim_source": 0.5}
    seen |= {"ms_ssim_target": 0.25, "reader": "3", "feature_quantile": 0.0034}
    corners = (corner(**seen), corner(**seen | {"trivial": True}), corner(**seen | {"lost": True, "reader": "8"}))
    images = run_table(summary(corners=corners)).split("Units: those that the corner pushes")[1]
    assert cells(images, "0") == ["0.250", "0.875", "0.750, 0.125", "0.500, 0.250", "3", "0.0034", ""]
    assert cells(images, "1")[-1] == "**trivial**"
    assert cells(images, "2")[-3:] == ["8", "0.0034", "**lost**"]


def test_no_share_or_probability_below_one_is_shown_as_all():
    nearly = Interpolation(20_000, "uniform", 0.99997, 0.99998, 0.99996, 5.0)
    text = run_table(summary(interpolation=nearly, corners=(corner(probability=0.936),) * 5))
    assert cells(text, 'mixtures classified as "7"')[0] == "99.99 %"
    assert cells(text, "- mean of 20,000 mixtures")[0] == "0.9999"
    assert cells(text, "- smallest of them and the corners")[0] == "0.9360"


def test_columns_line_up():
    blocks = itertools.groupby(run_table(summary()).splitlines(), lambda line: line.startswith("|"))
    tables = [list(lines) for is_table, lines in blocks if is_table]
    assert len(tables) == 3
    for table in tables:
        assert len({len(line) for line in table}) == len({line.count("|") for line in table}) == 1
        assert set(table[1]) == set("|- ")


def test_what_there_is_not_is_a_dash():
    text = run_table(summary(test_accuracy=None, distance=Distance(None, None, 2.5), corners=(corner(),), stop_loss=(5.0,)))
    assert cells(text, "test accuracy") == ["-"]


def test_one_corner_has_no_mixtures():
    """A mixture of one corner is the corner, and 2,000 of them prove nothing more."""
    alone = {"corners": (corner(),), "stop_loss": (5.0,), "distance": Distance(10.19, None, 2.5)}
    certified = Certificate("certified", 12.5, 1.0)
    text = run_table(summary(**alone, certificate=certified, worst_mixture=WorstMixture(1.5, "7", (1.0,))))
    assert "mixture" not in text and "between corners" not in text
    assert cells(text, 'read back from 8-bit PNG, the corner is "7"') == ["yes"]
    assert cells(text, "the corner, by proof") == ["certified, margin 12.5"]
    lost = run_table(summary(**alone, png=PngCheck(0.0, 0.1, 90.0, 95.0)))
    assert cells(lost, 'read back from 8-bit PNG, the corner is "7"') == ["**no**"]
    assert "**Saving destroys it**: read back from its PNG file" in lost and "mixture" not in lost


def test_what_does_not_exist_is_said_first(tmp_path, monkeypatch):
    words = "no collision exists within --max_change and --max_total; raise them"
    nothing = ExactRecord("l2", (words,), float("nan"), float("nan"), **EXACT, found=(False,))
    found = summary(converged=False, corners=(corner(converged=False),), stop_loss=(5.0,), exact=nothing)
    lines = run_table(found).splitlines()
    assert [line for line in lines if line][1] == f"**Not found**: {words}. The source stands in for what is not there."
    assert sum(words in line for line in lines) == 1
    text = "\n".join(lines)
    assert cells(text, "mean distance from a corner to the source")[0] == "-"
    assert cells(text.split("boundary gap")[1], "0")[-3:] == ["-", "not found", "-"] and "2.50" not in text

    feet, drawn = [], []
    monkeypatch.setattr("tfcollide.report.figure.draw", lambda path, rows, foot: (feet.append(foot), drawn.append(rows)))
    source, only, target = pictures(1)
    write_row(tmp_path / "figure.png", found, source, only[None], target, UNIT)
    assert " ".join(feet[0].split()).startswith(f"Not found: {words}")
    ((first, absent, last),) = drawn[0]
    assert (first.title, absent.title, last.title) == ("source", "NOT FOUND", "target") and (absent.pixels == 255).all()


def test_remark_on_a_corner_that_did_not_converge():
    corners = (corner(), corner(converged=False, active_match=17.25))
    text = run_table(summary(converged=False, corners=corners, stop_loss=(5.0, 6.0)))
    assert re.search(r"\*\*Not converged\*\*: corner 1; .*17\.25 after 480 steps, to stop below 6\. Raise --max_steps", text)
    assert "diverged" not in text


def test_remark_on_eq_1_tells_its_own_term():
    corners = (corner(converged=False, feature_distance=8.5, boundary_gap=0.03), corner(boundary_gap=0.01))
    text = run_table(summary(converged=False, objective="match", corners=corners, stop_loss=(5.0, 5.0)))
    assert re.search(r"\*\*Not converged\*\*: corner 0; .* 8\.5 after", text)
    assert "Eq. 1 stops 0.01 from the polytope's boundary" in text


def test_remark_on_a_corner_that_diverged():
    text = run_table(summary(converged=False, corners=(corner(converged=False, diverged_at=12), corner())))
    assert "**Corner 0 diverged** at step 12: lower --learning_rate." in text
    assert "Not converged" not in text


def test_remark_on_units_that_are_still_on():
    pushed_up = (corner(), corner(corner_push=0.5), corner(corner_push=2.0, units=()))
    assert "The units that corner 1 pushes below zero are still above it:" in run_table(summary(corners=pushed_up))
    assert "still above" not in run_table(summary())


@pytest.mark.parametrize(
    ("certificate", "words"),
    [
        (Certificate("certified", 2.5, 1.0), "certified, margin 2.5"),
        (Certificate("certified", 2.5, 1.0, margin_real=2.75), "certified, margin 2.5 (2.75 in real arithmetic)"),
        (Certificate("certified", 2.5, 1.0, margin_real=2.5001), "certified, margin 2.5"),
        (Certificate("certified", 2.5, 1.0, arithmetic="real", margin_real=2.5), "certified in real arithmetic, margin 2.5"),
        (Certificate("refuted", -0.5, 0.5, (0.5, 0.5)), "**refuted**, margin -0.5"),
        (
            Certificate("undecided", -1.0, 0.0),
            "undecided, nothing proven: the corners are too far apart, or the network too deep, for bounds",
        ),
        (
            Certificate("undecided", -1.0, 0.0, boxes=1999),
            "undecided, none of 1,999 parts is proven: raise --certify_boxes, or else the corners are too far apart, or the "
            "network too deep, for bounds",
        ),
        (Certificate("undecided", -1.0, 0.5, arithmetic="real"), "undecided, 50.0 % proven in real arithmetic"),
        (Certificate("undecided", float("-inf"), 0.875), "undecided, 87.5 % proven"),
        (Certificate("undecided", -1.0, 0.99996), "undecided, 99.996 % proven"),
        (Certificate("undecided", -1.0, 1.0), "undecided, nearly all proven"),
    ],
)
def test_what_a_proof_says(certificate, words):
    assert cells(run_table(summary(certificate=certificate)), "every mixture, by proof") == [words, ""]


def test_edges_are_told_by_the_lowest():
    edges = (
        EdgeRecord((0, 1), 2.5, 0.25, 100, (), 16, 1e-6),
        EdgeRecord((0, 2), -0.5, 0.5, 200, ((0.4, 7, 3), (0.6, 3, 7)), 16, 2e-6),
    )
    text = run_table(summary(edges=edges))
    assert cells(text, "the 2 edges, walked exactly")[0] == "smallest margin -0.5, 0.5 of the way from corner 0 to 2"
    assert cells(text, "changes of class along edges")[0] == "**2**"
    assert cells(text, "breakpoints of edges")[0] == "300; float32, asked at 32 places, is off by 2e-06 at most"
    for weight, end in ((0.0, 0), (1.0, 2)):
        alone = (dataclasses.replace(edges[1], weight=weight),)
        said = cells(run_table(summary(edges=alone)), "the edge, walked exactly")[0]
        assert said == f"smallest margin -0.5, at corner {end}"


def test_a_network_that_no_proof_can_follow_is_named():
    text = run_table(summary(certificate_reason="gelu is a gelu, which is neither linear nor a ReLU or max-pool"))
    assert cells(text, "every mixture, by proof")[0].startswith("not tried: gelu is a gelu")
    assert "by proof" not in run_table(summary(certificate_reason="not asked for"))


EXACT = {"feature_residual_float64": (1e-13,), "feature_residual_float32": (2e-6,), "inactive_bound": (-1e-3,), "dimension": 6}


def test_remark_on_an_exact_corner():
    text = run_table(summary(corners=(corner(),), exact=ExactRecord("l1", ("found",), 1.625, 2e-9, **EXACT)))
    assert re.search(r"dimension 6; .* 1\.0e-13 in float64.* 2\.0e-06 as saved in float32; .* -1\.0e-03", text)
    assert "Nearest collision in l1: 1.625 from the source (gap 2.0e-09)" in text


def test_the_box_of_exact_corners_is_said():
    record = ExactRecord("units", ("found",), **EXACT, found=(True,), max_change=0.390625, least_change=0.25)
    text = run_table(summary(corners=(corner(),), exact=record))
    said = cells(text, "half-width of the box around the source that corners were sought in")
    assert said[0] == "0.391; the least with any collision: 0.25"


def test_a_quantile_below_all_pairs_is_less_than_one_of_them():
    assert [quantile(*given) for given in ((0.0, 10_000), (0.0, None), (0.0034, 10_000), (None, 10_000))] == [
        "< 0.0001",
        "0",
        "0.0034",
        "-",
    ]


def test_remark_on_an_exact_corner_that_does_not_exist():
    nothing = ExactRecord("l2", ("no collision exists within these bounds",), float("nan"), float("nan"), **EXACT)
    text = run_table(summary(converged=False, corners=(corner(converged=False),), exact=nothing))
    assert "no collision exists within these bounds" in text
    assert "nan" not in text
    assert "features equal" not in text  # the source stands in for the corner


def test_remark_on_mixtures_that_do_not_collide():
    corners = (corner(inactive_violation=0.5), corner(inactive_violation=2.5))
    mixtures = Interpolation(2000, "uniform", 0.995, 0.9, 0.1, 50.0)
    text = run_table(summary(corners=corners, interpolation=mixtures, png=PngCheck(0.995, 0.9, 4.9, 4.9)))
    assert "**Not every mixture collides**: inactive units rise up to 2.5 above zero" in text
    assert "Saving destroys" not in text


def test_remarks_are_a_new_paragraph():
    lines = run_table(summary(png=PngCheck(0.25, 0.3, 90.0, 95.0))).splitlines()
    last = max(n for n, line in enumerate(lines) if line.startswith("|"))
    assert lines[last + 1] == ""


def test_remark_on_what_saving_destroys():
    text = run_table(summary(png=PngCheck(0.25, 0.3, 90.0, 95.0)))
    assert "**Saving destroys part of it**: from the PNG files 25.00 % of the mixtures" in text
    assert "before saving 100.00 %" in text
    assert "Saved as 8-bit PNG, the largest L_pos rises to 90 (stop: 5). That alone is no failure" in text
    assert "Not every mixture" not in text


def test_no_remark_on_saving_where_nothing_is_lost():
    text = run_table(summary(png=PngCheck(1.0, 0.99, 4.9, 4.9)))
    assert "Sav" not in text


# The table of a sweep


def test_table_of_a_sweep():
    first = {"found": True, "ended": "met", "source_share": 0.25, "target_share": 0.875, "feature_quantile": 0.0034}
    first |= {"ssim_source": 0.75, "ssim_target": 0.125, "reader": "3"}
    second = {"missing": ("trivial", "not converged"), "ended": "stagnated"}
    pairs = (
        PairResult("test:1", "test:2", "pair_0000", True, None, ("3", "7"), 480, 4.987, 1.2345, 1.0, 0.9998, 0.995, **first),
        PairResult("test:3", "test:4", "pair_0001", False, None, ("1", "2"), 20_000, 17.0, 2.0, 0.5, 0.6, 0.5, **second),
        PairResult("lost.png", "7", None, False, "image lost.png, which does not exist"),
    )
    summary = SweepSummary(
        dataset="mnist",
        model="mlp",
        tap="hidden_1",
        test_accuracy=0.93,
        dataset_mean=10.19,
        converged=False,
        num_pairs=3,
        num_converged=1,
        num_colliding=1,
        median_corner_mean=1.617,
        corner_mean_shares=(0.121, 0.159, 0.204),
        pairs=pairs,
        seconds={},
        num_found=1,
        reasons={"trivial": 1, "could not be run": 1},
        source_shares=(0.25, 0.5, 0.75),
        ssim_source=(0.125, 0.25, 0.75),
    )
    text = sweep_table(summary)
    assert text.startswith("# 3 pairs: mlp on mnist, tap hidden_1\n")
    first = [
        "3 to 7",
        "yes",
        "480",
        "met",
        "0.25",
        "0.88",
        "0.75, 0.12",
        "3",
        "0.0034",
        "1.23",
        "100.00 %",
        "0.9998",
        "99.50 %",
    ]
    assert cells(text, "test:1 to test:2") == first
    assert cells(text, "test:3 to test:4")[1] == "**no**: trivial, not converged"
    assert cells(text, "lost.png to 7") == ["-", "**no**: could not be run", *["-"] * 11]
    assert "Found in 1 of 3 pairs. In the others (a pair may have several reasons): trivial 1, could not be run 1." in text
    assert "1 of 3 pairs converged; in 1 every mixture gets the target's class" in text
    assert "Median corner distance 1.62; two images of the data set are 10.19 apart" in text
    assert "corners from 12 % of that to 20 %, median 16 %. Test accuracy 93.00 %." in text
    assert "Least / median / most of the pairs: to source 0.25 / 0.50 / 0.75, SSIM to source 0.12 / 0.25 / 0.75." in text
    assert "- lost.png to 7: image lost.png, which does not exist" in text
    assert "Other branches" not in text
    alone = tuple(dataclasses.replace(pair, corner_mean=None) for pair in pairs)
    text = sweep_table(dataclasses.replace(summary, pairs=alone, median_corner_mean=None, corner_mean_shares=None))
    assert cells(text, "test:1 to test:2")[9:] == ["yes", "0.9998", "**no**"]
    assert "1 of 3 pairs converged; in 1 the corner gets the target's class, from its PNG file too." in text
    assert "mixture" not in text and "corner distance" not in text
    text = sweep_table(summary)
    assert "- **Other branches go round hidden_1**" in sweep_table(dataclasses.replace(summary, sole_tap=False))


def test_table_says_where_other_branches_go_round_the_tap():
    assert "Other branches" not in run_table(summary())
    assert "**Other branches go round hidden_1**" in run_table(summary(sole_tap=False))


# Files


def run_images():
    source, *corners, target = pictures(2)
    return RunImages(source, np.stack(corners), target, UNIT)


def test_images_are_written_and_the_corners_read_back_from_the_files(tmp_path):
    images = run_images()
    found = write_images(tmp_path, images)
    names = {path.name for path in (tmp_path / "images").iterdir()}
    assert names == {"source.png", "target.png", "corner_0.png", "corner_1.png"}
    for name, image in [("source", images.source), ("target", images.target), ("corner_1", images.corners[1])]:
        with Image.open(tmp_path / "images" / f"{name}.png") as file:
            np.testing.assert_array_equal(np.asarray(file), to_uint8(image, UNIT)[..., 0])
    assert found.dtype == np.float32 and found.shape == images.corners.shape
    assert 0 < np.abs(found - images.corners).max() <= 0.5 / 255 + 1e-6


@pytest.mark.parametrize(
    ("units", "stored"),
    [
        (((3,), (9,)), [3, 9]),
        (((3, 9), (12,)), [[3, 9], [12, -1]]),
        (((), ()), [-1, -1]),
    ],
)
def test_arrays(tmp_path, units, stored):
    images, weights = run_images(), np.array([[0.5, 0.5], [1, 0], [0, 1]], np.float32)
    write_arrays(tmp_path, images, units, weights, TRACE)
    with np.load(tmp_path / "corners.npz") as found:
        assert set(found) == {"corners", "source", "target", "units", "convex_weights"}
        assert found["units"].tolist() == stored
        assert found["corners"].tobytes() == images.corners.tobytes() and found["corners"].shape == (2, 8, 8, 1)
        np.testing.assert_array_equal(found["source"], images.source)
        np.testing.assert_array_equal(found["target"], images.target)
        np.testing.assert_array_equal(found["convex_weights"], weights)
    lines = (tmp_path / "trace.csv").read_text().splitlines()
    assert lines[0] == "step,match_0,match_1,push_0,push_1"
    assert lines[1:] == ["0,9.0,8.0,0.0,1.0", "10,5.0,4.0,-1.0,0.0", "12,1.0,0.5,-2.0,-1.0"]


@pytest.mark.parametrize("with_events", [True, False])
def test_report_files(tmp_path, with_events):
    two = summary(corners=(corner(),) * 2)
    write_report(tmp_path, run_images(), two, TRACE if with_events else None)
    events = [path for path in tmp_path.iterdir() if path.name.startswith("events.out.tfevents.")]
    assert len(events) == with_events
    assert {path.name for path in tmp_path.iterdir()} - {path.name for path in events} == {"table.md", "figure.png"}
    assert (tmp_path / "table.md").read_text() == run_table(two)


# Events


def read_events(folder):
    (path,) = folder.glob("events.out.tfevents.*")
    scalars, images = {}, {}
    for record in tf.data.TFRecordDataset(str(path)):
        event = tf.compat.v1.Event.FromString(record.numpy())
        for value in event.summary.value:
            content = tf.make_ndarray(value.tensor)
            if value.metadata.plugin_data.plugin_name == "scalars":
                scalars.setdefault(value.tag, []).append((event.step, float(content)))
            else:
                images[value.tag] = (event.step, [tf.io.decode_png(png).numpy() for png in content[2:]])
    return scalars, images


def test_events_can_be_read(tmp_path):
    images = run_images()
    (tmp_path / "events.out.tfevents.1.interrupted").write_bytes(b"stale")
    (tmp_path / "notes").touch()
    write_events(tmp_path, TRACE, images.source, images.corners, images.target, UNIT)
    assert (tmp_path / "notes").exists()
    scalars, pictures = read_events(tmp_path)
    assert scalars == {
        "match/corner_0": [(0, 9.0), (10, 5.0), (12, 1.0)],
        "match/corner_1": [(0, 8.0), (10, 4.0), (12, 0.5)],
        "push/corner_0": [(0, 0.0), (10, -1.0), (12, -2.0)],
        "push/corner_1": [(0, 1.0), (10, 0.0), (12, -1.0)],
    }
    assert set(pictures) == {"source", "corners", "target"}
    for name, expected in {"source": images.source[None], "corners": images.corners, "target": images.target[None]}.items():
        step, found = pictures[name]
        assert step == 12
        np.testing.assert_array_equal(found, to_uint8(expected, UNIT))


def test_events_take_numbers_that_are_not_finite(tmp_path):
    broken = dataclasses.replace(TRACE, terms={"match": np.full([3, 2], np.nan, np.float32)})
    images = run_images()
    write_events(tmp_path, broken, images.source, images.corners, images.target, UNIT)
    scalars, _ = read_events(tmp_path)
    assert np.isnan([value for _, value in scalars["match/corner_0"]]).all()


@pytest.mark.parametrize(
    ("parameterization", "source", "target", "place", "corner_mean"),
    [
        ("pixels", "home theater", "jeep", "Table 2", 4906.56),
        ("composite", "trimaran", "obelisk", "Table 3", 5909.37),
        ("composite", "eggnog", "rubber_eraser", "Table 3", 6074.86),
        ("composite", "church, church building", "cleaver, meat cleaver, chopper", "Table 4", 9587.92),
    ],
)
def test_the_papers_photographs_are_known_by_their_classes(parameterization, source, target, place, corner_mean):
    case = summary(
        dataset="folder:photographs",
        model="vgg16",
        tap="fc1",
        parameterization=parameterization,
        corners=(corner(),) * 5,
        source=EndPoint("a.jpg", None, source, 0.9),
        target=EndPoint("b.jpg", None, target, 0.9),
    )
    found = paper_result(case)
    assert (found.place, found.corner_mean) == (place, corner_mean)
    assert paper_result(dataclasses.replace(case, model="vgg19")) is None


def test_remark_on_a_target_that_is_misread():
    ordinary = summary()
    assert "reads the target as" not in run_table(ordinary)
    misread = dataclasses.replace(ordinary, target=dataclasses.replace(ordinary.target, label="4"))
    assert f'**The model reads the target as "{ordinary.target.predicted}"**, not "4"' in run_table(misread)
