"""Two sides of made-up audits: the tests, what varies between seeds, and the tables."""

import dataclasses

import numpy as np
import pytest

from tests.measure.audits import made_up
from tfcollide.errors import RequestError
from tfcollide.measure.compare_sides import compare_records
from tfcollide.measure.compare_tables import compare_frame


def nearer(record, by, hulls=0):
    """The same with smaller fronts, and the first hulls missing."""
    fronts = tuple(one if one.change is None else dataclasses.replace(one, change=one.change - by) for one in record.fronts)
    kept = tuple(
        dataclasses.replace(one, outcome="failed") if one.outcome in ("proven", "sampled") and one.pair < hulls else one
        for one in record.hulls
    )
    return dataclasses.replace(record, fronts=fronts, hulls=kept)


def test_a_network_and_its_copy_are_alike():
    record = made_up(taps=("hidden_1", "hidden_2"))
    found = compare_records([[record], [record]])
    assert [one.p for one in found.tests] == [1.0] * 4 and [one.adjusted for one in found.tests] == [1.0] * 4
    assert {(one.easier_a, one.easier_b, one.alike) for one in found.tests} == {(0, 0, 40)} and found.easier is None
    a, b = found.networks
    assert (a.rates, a.fronts) == (b.rates, b.fronts) and [a.name, b.name] == ["A", "B"]
    assert all(row.front_a == row.front_b and row.held_a == row.held_b for row in found.rows) and len(found.rows) == 80


def test_the_one_that_collides_more_easily_is_told():
    """35 of 40 fronts are known; all of them are smaller in B."""
    record = made_up()
    found = compare_records([[record], [nearer(record, 0.1)]])
    rate, front = found.tests
    assert (front.easier_a, front.easier_b, front.alike) == (0, 35, 5) and front.p == pytest.approx(2 / 2**35)
    assert front.effect.value == pytest.approx(0.1) and front.adjusted == pytest.approx(2 * front.p)
    assert rate.p == 1.0 and found.easier == "B"
    lacking = compare_records([[nearer(record, 0.0, hulls=40)], [record]])
    assert lacking.tests[0].easier_b > 5 and lacking.easier == "B" and lacking.tests[0].effect.value < 0
    mixed = compare_records([[nearer(record, 0.1, hulls=40)], [record]])
    assert mixed.easier == "both"


def test_taps_are_those_of_the_headlines_and_common_ones():
    one, other = made_up(taps=("first", "deep")), made_up(taps=("front", "deep"))
    found = compare_records([[one], [other]])
    assert [(test.tap_a, test.tap_b) for test in found.tests] == [("first", "front")] * 2 + [("deep", "deep")] * 2
    assert [one.taps for one in found.networks] == [("first", "deep"), ("front", "deep")]


def test_several_seeds_of_each_side():
    record = made_up()
    sides = [[nearer(record, by) for by in (0.0, 0.01, 0.02)], [nearer(record, by) for by in (0.1, 0.12, 0.14)]]
    found = compare_records(sides)
    assert [one.name for one in found.networks] == ["A1", "A2", "A3", "B1", "B2", "B3"]
    known = next(row for row in found.rows if row.front_a is not None)
    assert known.front_a - known.front_b == pytest.approx(0.11)  # medians of three
    rate, front = found.seeds
    assert rate.difference is None and len(front.values_a) == 3
    assert front.difference.value == pytest.approx(0.11) and 0 < front.difference.low < 0.11 < front.difference.high
    assert compare_records([sides[0], sides[1][:1]]).seeds == ()


def test_shares_of_pairs_that_are_censored_in_most_seeds():
    record = made_up()
    gone = dataclasses.replace(record, fronts=tuple(dataclasses.replace(one, change=None) for one in record.fronts))
    found = compare_records([[record, gone, gone], [gone, gone, gone]])
    assert all(row.front_a is None for row in found.rows) and found.seeds[1].difference is None


def test_tables():
    found = compare_records([[made_up()], [made_up(seed=1)]])
    tests = compare_frame(found, "tests")
    assert {"p", "adjusted", "effect", "effect_low", "share_high"} <= set(tests.columns) and len(tests) == 2
    pairs = compare_frame(found, "pairs")
    assert len(pairs) == 40 and np.isfinite(pairs["held_a"]).all()
    with pytest.raises(RequestError, match="one of networks, pairs, seeds, shared, tests, transfers"):
        compare_frame(found, "hulls")
