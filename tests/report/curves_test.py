"""The trace, the mixtures' margins and the front of a run."""

import dataclasses

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from tfcollide.records import Certificate, EndPoint, ExactRecord, FrontEnd, FrontRecord, Scale, Trace, WorstMixture
from tfcollide.registry import PICTURES
from tfcollide.report import front_figure, margins_figure, trace_figure
from tfcollide.report.drawn import Curves, Drawn, RunImages
from tfcollide.report.run_files import write_report

from .summaries import TRACE, UNIT, corner, pictures, summary

SCALE = Scale("quantile", 0.01, 6.0, 10_000, 20.0, 50.0, 100.0, 90.0, 3.0, 80.0)
MET = FrontEnd(0.3, None, 0.3, 0.009, 0.9, "3")
TRIVIAL = FrontEnd(None, "trivial: nearer to the target", 0.7, 0.008, 0.4, "7")
POINTS = ((0.1, 0.9), (0.2, 0.1), (0.3, 0.009), (0.4, 0.0))


@pytest.fixture
def drawn(monkeypatch):
    """The figures that were to be saved."""
    figures = []
    for module in (trace_figure, margins_figure, front_figure):
        monkeypatch.setattr(module, "save", lambda figure, path: figures.append(figure))
    return figures


def legend(figure):
    FigureCanvasAgg(figure).draw()
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_files_beside_the_figure(tmp_path):
    source, *corners, target = pictures(2)
    images = RunImages(source, np.stack(corners), target, UNIT)
    run = summary(corners=(corner(),) * 2)
    curves = Curves(TRACE, np.linspace(-1, 2, 50))
    further = []
    exact = curves._replace(trace=Trace(np.array([7]), {"match": np.ones([1, 2], np.float32)}))  # no way, only its end
    for folder, one in (("row", None), ("all", curves), ("front", curves), ("exact", exact)):
        (tmp_path / folder).mkdir()
        shown = dataclasses.replace(run, front=POINTS, front_end=MET) if folder == "front" else run
        write_report(tmp_path / folder, images, shown, None, one, PICTURES.names())
        names = {path.name for path in (tmp_path / folder).glob("*.png")} - {"figure.png"}
        further.append(names)
        for name in names:
            with Image.open(tmp_path / folder / name) as image:
                image.load()
                assert image.format == "PNG" and 500 < image.width < 2000
    assert further == [set(), {"trace.png", "margins.png"}, {"trace.png", "margins.png", "front.png"}, {"margins.png"}]


def test_an_exact_solver_that_found_nothing_has_no_margins(tmp_path):
    nothing = summary(exact=ExactRecord("units", ("no collision",) * 5, found=(False,) * 5))
    margins_figure.draw(tmp_path / "margins.png", Drawn(nothing, None, Curves(TRACE, np.ones(4))))
    assert not list(tmp_path.iterdir())


def test_the_trace_of_each_term(drawn):
    terms = {
        "active_match": np.array([[900, 800], [50, 40], [1, 0.5]]),
        "corner_push": np.array([[1, 2], [-1, -2], [np.nan, -3]]),
        "hull_match": np.repeat([[9.0], [3.0], [1.0]], 2, axis=1),
        "broken": np.full([3, 2], np.nan),
        "narrow": np.array([[2.0, 2.1], [1.9, 2.0], [1.8, 1.9]]),
    }
    run = summary(corners=(corner(),) * 2, stop_loss=(5.0, 6.0), scale=SCALE)
    trace_figure.write_trace("unused", run, Trace(np.array([0, 10, 12]), terms))
    match, push, mixtures, broken, narrow = drawn[0].axes
    assert [axes.get_yscale() for axes in drawn[0].axes] == ["log", "linear", "log", "linear", "linear"]
    assert [line.get_ydata()[0] for line in match.lines] == [900, 800, 6.0]
    assert len(mixtures.lines) == 2 and mixtures.lines[1].get_ydata()[0] == 6.0  # one curve for all, and the limit
    assert len(push.lines) == len(narrow.lines) == 2
    assert [text.get_text() for text in broken.texts] == ["no finite number"]
    assert match.texts[0].get_text() == "to stop below, the laxest corner"
    assert mixtures.texts[0].get_text() == "a match (quantile 0.01)"
    assert legend(drawn[0]) == ["corner 0", "corner 1", "all corners"]


def test_the_trace_of_a_single_row_shows_points(drawn):
    trace_figure.write_trace("unused", summary(corners=(corner(),)), Trace(np.array([7]), {"active_match": np.array([[1e-9]])}))
    assert drawn[0].axes[0].lines[0].get_marker() == "o"


@pytest.mark.parametrize("values", [(-3.0, -0.1, 0.2, 5.0), (2.0, 2.0), (-2.0, -1.0), (0.0, 0.0), (-1.0, 0.0)])
def test_no_bar_holds_hits_and_misses(values):
    edges = margins_figure.margin_edges(np.array(values))
    counts, _ = np.histogram(values, edges)
    assert counts.sum() == len(values) and (np.diff(edges) > 0).all()
    assert not ((edges[:-1] < 0) & (edges[1:] > 1e-12)).any()


def test_margins_with_the_worst_and_the_proven(drawn):
    run = summary(worst_mixture=WorstMixture(-0.5, "3", (1.0,)), certificate=Certificate("undecided", -2.25, 0.5))
    margins_figure.write_margins("unused", run, np.array([-1.0, 2.0, 3.0, np.nan]))
    axes = drawn[0].axes[0]
    assert [line.get_xdata()[0] for line in axes.lines] == [0.0, -0.5, -2.25]
    assert sum(bar.get_height() for bar in axes.patches) == 3
    assert "Margins of 3 mixtures" in axes.get_title(loc="left") and "1 more are no finite number" in axes.get_title(loc="left")
    assert set(legend(drawn[0])) >= {"worst mixture found: -0.5", "another class is on top", "the target's class is on top"}


@pytest.mark.parametrize(
    ("certificate", "kinds"),
    [
        (None, ["worst"]),
        (Certificate("certified", 2.0, 1.0), ["worst", "proven"]),
        (Certificate("undecided", float("-inf"), 0.0), ["worst"]),
        (Certificate("refuted", -1.0, 0.5, (1.0,)), ["worst"]),
    ],
)
def test_only_known_margins_are_marked(certificate, kinds):
    assert list(margins_figure.marked_margins(summary(certificate=certificate), np.zeros(3))) == kinds


def test_one_corner_has_no_histogram(drawn):
    run = summary(corners=(corner(),), certificate=Certificate("certified", 2.0, 1.0))
    margins_figure.write_margins("unused", run, np.full(4, 3.0))
    axes = drawn[0].axes[0]
    assert len(axes.patches) == 0 and [line.get_xdata()[0] for line in axes.lines] == [0.0, 3.0, 2.0]
    assert legend(drawn[0])[1:] == ["the corner: 3", "proven: the corner at least 2"]


def test_margins_of_which_none_is_finite(drawn):
    margins_figure.write_margins("unused", summary(worst_mixture=None), np.full(4, np.nan))
    assert len(drawn[0].axes[0].patches) == 0


def test_the_front_of_one_corner_and_of_the_hull(drawn):
    run = summary(front=POINTS, front_end=MET, hull_front=FrontRecord(((0.5, 0.5), (0.7, 0.008)), TRIVIAL), scale=SCALE)
    front_figure.write_front("unused", run)
    axes = drawn[0].axes[0]
    names = legend(drawn[0])
    assert names == [
        "one corner: features match from a change of 0.30 on, an upper bound",
        "hull of 5 corners: no front; trivial: nearer to the target",
    ]
    np.testing.assert_array_equal(axes.lines[0].get_xydata(), POINTS)
    assert [line.get_marker() for line in axes.lines[:4]] == ["o", "*", "s", "X"]
    assert axes.lines[1].get_xydata().tolist() == [[0.3, 0.009]] and axes.lines[3].get_xydata().tolist() == [[0.7, 0.008]]
    assert axes.lines[4].get_ydata()[0] == 0.01 and axes.get_yscale() == "symlog"
    low, high = axes.get_ylim()
    assert low < 0 < 1 < high  # a quantile of zero is in the picture


def test_the_front_without_a_null_distribution(drawn):
    unscaled = dataclasses.replace(SCALE, match="unscaled", quantile=None, distance=None, pairs=0)
    front_figure.write_front("unused", summary(front=((0.1, 3.0), (0.9, 0.2)), front_end=TRIVIAL, scale=unscaled))
    axes = drawn[0].axes[0]
    assert axes.get_ylabel() == "feature distance, a share of the source's" and axes.get_ylim()[1] > 3.0
    assert len(axes.lines) == 2


@pytest.mark.parametrize("name", ["$^$", "鉄", "a very long name " * 12, "\udcff"])
@pytest.mark.filterwarnings("error")
def test_names_are_taken_as_they_are(tmp_path, name):
    censored = dataclasses.replace(TRIVIAL, censored=f"trivial: read as {name}, the target's class")
    ends = {"source": EndPoint("a", name, name, 0.5), "target": EndPoint("b", name, name, 0.5)}
    run = summary(**ends, model=name, front=POINTS, front_end=censored, scale=SCALE)
    margins_figure.write_margins(tmp_path / "margins.png", run, np.array([1.0, 2.0]))
    front_figure.write_front(tmp_path / "front.png", run)
    trace_figure.write_trace(tmp_path / "trace.png", run, Trace(np.array([1]), {name: np.ones([1, 5])}))
