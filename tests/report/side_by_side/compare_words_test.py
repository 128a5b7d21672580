"""What a comparison says: sentences that do not contradict each other, and the same ones the other way round."""

import dataclasses
import html
import math

import pytest

from tests.measure.audits import made_up
from tfcollide.measure.compare_sides import compare_records
from tfcollide.report.side_by_side.compare_files import compare_table
from tfcollide.report.side_by_side.compare_page import compare_page
from tfcollide.report.side_by_side.compare_words import compare_verdict, effect_ends, effect_value


def audited(changes, held=()):
    """A record whose pairs have these fronts, None where censored, and a hull where `held` says so."""
    record = made_up(pairs=len(changes), spreads=(0.05,))
    fronts = [dataclasses.replace(one, change=change) for one, change in zip(record.fronts, changes, strict=True)]
    held = held or [False] * len(changes)
    outcomes = ["sampled" if one else "failed" for one in held]
    hulls = [
        dataclasses.replace(hull, outcome=one, largest_change=0.5) for hull, one in zip(record.hulls, outcomes, strict=True)
    ]
    return dataclasses.replace(record, fronts=tuple(fronts), hulls=tuple(hulls))


ONE = audited([0.30, 0.32, 0.34, 0.36, 0.38, 0.40, 0.42, 0.44], [True] * 8)
OTHER = audited([0.41, 0.38, 0.46, 0.43, 0.50, None, None, 0.43], [True] * 3 + [False] * 5)
"""Differences of fronts: -0.11, -0.06, -0.12, -0.07, -0.12, twice -infinity, +0.01."""


def test_eight_pairs_with_two_of_them_censored_in_one_network():
    """By hand: sorted, the middle two are -0.12 and -0.11; of eight values the ends are the least and the largest."""
    found = compare_records([[ONE], [OTHER]])
    effect = found.tests[1].effect
    assert (effect.value, effect.low, effect.high) == (pytest.approx(-0.115), -math.inf, pytest.approx(0.01))
    assert effect_value(found.tests[1]) == "-0.115" and effect_ends(found.tests[1]) == "95 % interval no end to +0.010"


def test_sides_that_are_swapped_say_the_same():
    found, swapped = (compare_records(sides) for sides in ([[ONE], [OTHER]], [[OTHER], [ONE]]))
    for one, other in zip(found.tests, swapped.tests, strict=True):
        assert (other.easier_a, other.easier_b, other.p) == (one.easier_b, one.easier_a, one.p)
        assert (other.effect.value, other.effect.low) == (-one.effect.value, -one.effect.high)
        assert other.effect.high == -one.effect.low
    assert "+0.115 (95 % interval -0.010 to no end;" in compare_verdict(swapped)


def test_an_interval_away_from_zero_beside_a_large_p_is_explained():
    found = compare_records([[ONE], [OTHER]])
    said = compare_verdict(found)
    sentences = (
        "A (mlp) and B (mlp) cannot be told apart on 8 pairs of digits. Hulls were found for 100 % of the pairs in A and 38 % "
        "in B. The difference is +62 points (95 % interval +17 to +86; p = 0.062, 0.125 by Holm). 7 pairs need less change in "
        "A, 1 in B, 0 are alike. The median difference of the changes is -0.115 (95 % interval no end to +0.010; p = 0.070, "
        "0.125 by Holm). For a p below 0.05 by Holm at least 7 pairs have to differ, all one way; in whether a hull was found "
        "5 of 8 do: more pairs are needed (--num_pairs). That an interval leaves out zero while p is not below 0.05 is no "
        "contradiction: p is exact and allows for 2 questions being asked, an interval stands by itself."
    )
    assert said == sentences
    assert said in compare_table(found) and said in html.unescape(compare_page(found))


def test_where_two_are_told_apart_nothing_is_excused():
    found = compare_records([[audited([0.30 + 0.01 * n for n in range(12)])], [audited([0.40 + 0.02 * n for n in range(12)])]])
    said = compare_verdict(found)
    assert found.easier == "A" and said.startswith("A (mlp) collides more easily than B (mlp) on 12 pairs of digits. Hulls")
    assert "have to differ" not in said and "contradiction" not in said


def test_a_copy_is_not_helped_by_more_pairs():
    said = compare_verdict(compare_records([[ONE], [ONE]]))
    assert "in whether a hull was found none of 8 do, in the change that is needed none of 8 do." in said
    assert "--num_pairs" not in said and "contradiction" not in said


def test_one_pair_has_no_interval():
    found = compare_records([[audited([0.3])], [audited([0.4])]])
    assert "-0.100 (too few pairs for an interval; p = 1)" in compare_verdict(found) and "on 1 pair of" in compare_verdict(
        found
    )
    assert "(too few pairs for an interval; p = 1)" in html.unescape(compare_page(found)) and "infinity" not in compare_table(
        found
    )


@pytest.mark.parametrize(
    ("other", "value", "ends"),
    [
        ([None] * 4 + [0.4] * 4, "without a number", "one network has no such change; 95 % interval no end to -0.100"),
        ([None] * 8, "without a number", "one network has no such change; 95 % interval without a number, too"),
    ],
)
def test_half_of_the_pairs_censored_in_one_network(other, value, ends):
    test = compare_records([[audited([0.3] * 8)], [audited(other)]]).tests[1]
    assert effect_value(test) == value and effect_ends(test) == f"for half of the pairs or more {ends}"
