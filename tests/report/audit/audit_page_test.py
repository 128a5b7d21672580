"""The report of an audit: whole, self-contained, and honest in its words."""

import dataclasses
import html.parser
import math
import re

import numpy as np
import pytest

from tests.measure.audits import made_up
from tfcollide.measure.audit_record import Convergence
from tfcollide.report.audit.audit_files import numbers
from tfcollide.report.audit.audit_page import page
from tfcollide.report.audit.audit_words import percent, search_words, verdict, where_words
from tfcollide.report.audit.class_chart import class_fronts
from tfcollide.report.audit.essentials import essentials
from tfcollide.report.audit.worst_pairs import PairPictures, worst

CHARTS = {"chart-fronts", "chart-rates", "chart-outcomes", "chart-layers", "chart-spectra", "chart-classes"}


def pictures(count=40, side=28, channels=1):
    rng = np.random.default_rng(0)
    return {n: PairPictures(*rng.integers(0, 256, [3, side, side, channels], np.uint8)) for n in range(count)}


class Reader(html.parser.HTMLParser):
    """Collects what a browser would ask for, ids, texts and whether every element is closed."""

    def __init__(self):
        super().__init__()
        self.open, self.asked, self.ids, self.charts, self.words, self.scripts = [], [], [], {}, [], 0

    def handle_starttag(self, tag, attributes):
        known = dict(attributes)
        self.asked += [known[name] for name in ("src", "href", "xlink:href", "data", "srcset", "action") if name in known]
        self.asked += re.findall(r"url\(([^)]*)\)", " ".join(value or "" for value in known.values()))
        self.ids += [known["id"]] if "id" in known else []
        self.scripts += tag == "script"
        if tag == "svg":
            self.charts[self.ids[-1] if not self.open else self._chart()] = 0
        if tag == "path" and self._chart():
            self.charts[self._chart()] = self.charts.get(self._chart(), 0) + 1
        if tag not in ("meta", "link", "img", "br"):
            self.open.append((tag, known.get("id", "")))

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in ("meta", "link", "img", "br"):
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open[-1][0] == tag, (tag, self.open[-3:])
        self.open.pop()

    def handle_data(self, data):
        self.words.append(data)

    def _chart(self):
        return next((name for _, name in reversed(self.open) if name.startswith("chart-")), None)


def read(text):
    found = Reader()
    found.feed(text)
    assert not found.open
    return found


@pytest.mark.parametrize("taps", [("hidden_1",), ("hidden_1", "hidden_2")])
def test_the_page_asks_for_nothing_and_has_every_chart(taps):
    text = page(made_up(taps=taps), pictures())
    found = read(text)
    assert found.scripts == 0
    assert all(one.strip("\"'").startswith(("data:", "#")) for one in found.asked), found.asked
    assert "@import" not in text and not re.findall(r"https?://(?!www\.w3\.org/)", text)
    assert len(found.ids) == len(set(found.ids))
    assert set(re.findall(r'"#([^"]+)"|url\(#([^)]+)\)', text)) and set(found.charts) == CHARTS
    assert all(count > 5 for count in found.charts.values()), found.charts
    named = {a or b for a, b in re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', text)}
    assert named <= set(found.ids)
    assert len(text.encode()) < 1_000_000


def test_the_page_says_everything_that_is_promised():
    record = made_up()
    text = page(record, pictures())
    said = " ".join(" ".join(read(text).words).split())
    for heading in (
        "What was asked",
        "What was found",
        "Where sight is lost",
        "Between which classes",
        "What it means",
        "How to",
    ):
        assert heading in said
    assert verdict(record) in said and "upper bound" in said and "lower bound" in said
    for words in ("audit --out=AUDIT", "sha256:12", "front_iterations", "hidden_1", "96.7 %"):
        assert words in said, words
    assert text.count("<img") == 3 * len(worst(record)) == 24


def test_the_same_audit_gives_the_same_page():
    assert page(made_up(), pictures()) == page(made_up(), pictures())


def test_large_pictures_are_shown_small():
    text = page(made_up(), pictures(side=224, channels=3))
    assert len(text.encode()) < 5 * 2**20


def test_names_of_any_kind_are_escaped():
    record = made_up(network="<b>$x_1$ & co", class_names=tuple(f"<i>{n}" for n in range(10)))
    fronts = [dataclasses.replace(one, source_class="<i>&$", target="a<b>.png") for one in record.fronts]
    text = page(dataclasses.replace(record, fronts=tuple(fronts)), pictures())
    read(text)
    assert "<b>$x_1$" not in text and "&lt;b&gt;$x_1$ &amp; co" in text


@pytest.mark.parametrize("nothing", ["layers", "hulls", "convergence", "censored"])
def test_an_audit_without_some_part_is_reported(nothing):
    record = made_up()
    without = {
        "layers": {"layers": ()},
        "hulls": {"hulls": ()},
        "convergence": {"convergence": None},
        "censored": {"fronts": tuple(dataclasses.replace(one, change=None, status="trivial") for one in record.fronts)},
    }[nothing]
    record = dataclasses.replace(record, **without)
    text = page(record)
    read(text)
    assert verdict(record) in html.unescape(text)
    assert essentials(record).startswith(f"**{verdict(record)}**")


def test_the_verdict_has_its_uncertainty_and_says_which_bound_is_which():
    record = made_up()
    rate, front = record.rate(), record.front()
    said = verdict(record)
    held = round(40 * rate.value)
    hull = "a hull (3 images and all their mixtures) that still shows the source"
    assert said.startswith(f"In {held} of 40 pairs of digits, the search found {hull}")
    assert said.endswith(").") and "a better search may find more" in said and "or less" in said
    assert f"{percent(rate.low)} to {percent(rate.high)}" in said and f"{front.low:.2f} to {front.high:.2f}" in said
    other = dataclasses.replace(record, convergence=Convergence(20, 0.5, 0.8, 0.4, 0.4))
    assert verdict(other).startswith("Search not converged: in ")
    nothing = dataclasses.replace(record, hulls=tuple(dataclasses.replace(one, outcome="failed") for one in record.hulls))
    assert "In none of 40 pairs of digits did the search find a hull" in verdict(nothing) and "0 % to 8.8 %" in verdict(nothing)
    assert "the rate of these 20 went from 50 % to 80 %" in search_words(other)


@pytest.mark.parametrize("pairs", [1, 5])
def test_fewer_than_six_pairs_have_no_interval_of_their_median(pairs):
    """In the verdict, the table, the page and the numbers: null, and said."""
    record = made_up(pairs=pairs, convergence=Convergence(1, 1.0, 1.0, 0.5, 0.5))
    record = dataclasses.replace(record, fronts=tuple(dataclasses.replace(one, change=0.24) for one in record.fronts))
    assert "the median change is 0.24 of the way to the target or less (too few pairs for an interval)." in verdict(record)
    assert "| 0.24 (too few pairs for an interval) |" in essentials(record)
    said = html.unescape(page(record))
    assert "median change of one image; too few pairs for an interval; an upper bound" in said and "infinity" not in said
    ends = numbers(record)["taps"]["hidden_1"]["front"]
    assert (ends["value"], ends["low"], ends["high"]) == (0.24, None, None)
    assert search_words(record).startswith("1 pair was searched again with four times the budget: the rate of this one went")


@pytest.mark.parametrize(
    ("known", "says"),
    [
        (20, "none was found in 20 of 40 pairs, so that the median change is no number (95 % interval 0.33 to no end, as too"),
        (3, "none was found in 37 of 40 pairs, so that the median change is no number (95 % interval: no number either)."),
        (23, "of the way to the target or less (95 % interval 0.33 to no end, as too many pairs are censored)."),
    ],
)
def test_censored_pairs_are_above_all_and_half_of_them_are_enough(known, says):
    """Of 40 values the ends are the 14th and the 27th: 0.33, and a censored one."""
    record = made_up()
    changes = [round(0.2 + 0.01 * n, 2) if n < known else None for n in range(40)]
    fronts = [dataclasses.replace(one, change=change) for one, change in zip(record.fronts, changes, strict=True)]
    assert says in verdict(dataclasses.replace(record, fronts=tuple(fronts)))


def test_classes_have_the_median_of_their_pairs():
    record = made_up()
    known = [one for one in record.fronts if (one.source_class, one.target_class) == ("one", "two")]
    (one,) = known
    assert class_fronts(record)["one", "two"] == one.change
    assert math.isinf(class_fronts(record)["zero", "one"])


def test_the_worst_pairs_are_the_nearest_of_different_classes():
    record = made_up()
    chosen = worst(record, 5)
    changes = [one.change for one in chosen]
    assert changes == sorted(changes) and changes[0] == min(one.change for one in record.fronts if one.change)
    assert len({(one.source_class, one.target_class) for one in chosen}) == 5


def test_percentages_show_what_is_near_an_end():
    assert [percent(one) for one in (0.0, 0.004, 0.5, 0.996, 1.0, math.nan)] == [
        "0 %",
        "0.4 %",
        "50 %",
        "99.6 %",
        "100 %",
        "unknown",
    ]


def test_where_and_between_which_classes_stands_beside_the_verdict():
    record = made_up()
    nearest = min((one for one in record.fronts if one.change is not None), key=lambda one: one.change)
    said = where_words(record)
    assert said.startswith("At hidden_1 6.2 % of the directions in which an image can move are invisible")  # 4 of 64
    assert said.endswith(f"leads from {nearest.source_class} to {nearest.target_class}: {nearest.change:.2f} of the way.")
    assert said in html.unescape(page(record)) and said in essentials(record)
    nothing = [dataclasses.replace(one, change=None, status="lost") for one in record.fronts]
    assert where_words(dataclasses.replace(record, layers=(), fronts=tuple(nothing))) == ""


def test_a_cell_of_two_pairs_shows_the_collision_that_one_of_them_has():
    record = made_up()
    pair, other = (dataclasses.replace(record.fronts[n], source_class="zero", target_class="one") for n in (1, 2))
    both = dataclasses.replace(record, fronts=(pair, dataclasses.replace(other, change=None, status="lost")))
    assert pair.change is not None and class_fronts(both) == {("zero", "one"): pair.change}
