"""Tests of pairs: against values computed by hand, published ones, and by simulation."""

import math

import numpy as np
import pytest
from scipy import stats

from tfcollide.measure.intervals import mean_interval
from tfcollide.measure.paired_tests import (
    Counted,
    fewest_untied,
    front_differences,
    front_effect,
    holm,
    preferred,
    rate_effect,
    sign_test,
)

INF = math.inf


def pairs(count):
    return np.arange(2 * count).reshape(count, 2)


def rates(both, first, second, neither):
    """Two networks' hulls: found in both, in the first alone, in the second alone, in neither."""
    found = np.repeat([[1, 1], [1, 0], [0, 1], [0, 0]], [both, first, second, neither], axis=0)
    return found[:, 0].astype(float), found[:, 1].astype(float)


@pytest.mark.parametrize(
    ("above", "below", "p"),
    [
        (0, 0, 1.0),
        (1, 0, 1.0),
        (5, 5, 1.0),
        (8, 0, 2 / 2**8),
        (0, 8, 2 / 2**8),
        (9, 1, 2 * (1 + 10) / 2**10),
        (12, 2, 2 * (1 + 14 + 91) / 2**14),
    ],
)
def test_the_sign_test_by_hand(above, below, p):
    assert sign_test(Counted(above, below, 7)) == pytest.approx(p, rel=1e-12)


def test_mcnemar_counts_the_pairs_on_which_two_disagree():
    """36 in both, 12 in one alone, 2 in the other: p = 2 P(at most 2 of 14 heads)."""
    first, second = rates(36, 12, 2, 0)
    counted = Counted.of(first - second)
    assert counted == (12, 2, 36) and sign_test(counted) == pytest.approx(212 / 2**14)


def test_a_network_and_its_copy_have_p_one():
    first, _ = rates(3, 4, 0, 3)
    assert sign_test(Counted.of(first - first)) == 1.0
    fronts = np.array([0.2, INF, 0.4])
    assert Counted.of(front_differences(fronts, fronts + 1e-8)) == (0, 0, 3)


def test_censored_fronts_are_larger_than_all_others():
    found = front_differences(np.array([0.2, INF, 0.3, INF]), np.array([INF, 0.9, 0.2, INF]))
    assert found.tolist() == [-INF, INF, pytest.approx(0.1), 0.0]


@pytest.mark.parametrize(
    ("given", "adjusted"),
    [
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),  # Holm by hand: 4 x .005, 3 x .01, 2 x .03, then not less
        ([0.5, 0.9], [1.0, 1.0]),
        ([0.02], [0.02]),
        ([], []),
    ],
)
def test_holm_by_hand(given, adjusted):
    assert holm(given) == pytest.approx(adjusted)


def test_two_independent_tests_are_wrong_together_as_rarely_as_asked():
    """The level of the family, by simulation where nothing differs: exact tests are wrong at most as often as asked."""
    rng, wrong = np.random.default_rng(0), 0
    for _ in range(400):
        drawn = rng.integers(0, 2, [2, 60])
        p = [sign_test(Counted(int(one.sum()), 60 - int(one.sum()), 40)) for one in drawn]
        wrong += min(holm(p)) < 0.05
    assert 0.005 < wrong / 400 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)


def test_the_interval_of_a_difference_of_rates_is_newcombe_s():
    """By hand: Wilson's ends of 48 and 38 of 50, and the correlation of the pairs, 0 as 36 x 0 < 12 x 2 + ... is negative."""
    first, second = rates(36, 12, 2, 0)
    found = rate_effect(first, second, pairs(50))
    (low_p, high_p), (low_q, high_q) = (stats.binomtest(k, 50).proportion_ci(method="wilson") for k in (48, 38))
    phi = (36 * 0 - 12 * 2) / math.sqrt(48 * 2 * 38 * 12)
    down, up, far_up, far_down = 0.96 - low_p, high_q - 0.76, high_p - 0.96, 0.76 - low_q
    assert found.value == pytest.approx(0.2)
    assert found.low == pytest.approx(0.2 - math.sqrt(down**2 - 2 * phi * down * up + up**2))
    assert found.high == pytest.approx(0.2 + math.sqrt(far_up**2 - 2 * phi * far_up * far_down + far_down**2))


def test_where_two_agree_on_all_pairs_the_interval_is_no_point():
    first, _ = rates(20, 0, 0, 20)
    one = rate_effect(first, first, pairs(40))
    assert one.value == 0.0 and one.low < -0.01 and one.high > 0.01
    none = rate_effect(*rates(0, 0, 0, 5), pairs(5))
    assert none.low < 0 < none.high and math.isfinite(none.low)


def test_differences_of_rates_are_covered():
    rng, hits = np.random.default_rng(1), 0
    for _ in range(400):
        counts = rng.multinomial(60, [0.3, 0.35, 0.1, 0.25])
        one = rate_effect(*rates(*counts), pairs(60))
        hits += one.low <= 0.25 <= one.high
    assert hits / 400 >= 0.92


def test_how_many_pairs_have_to_differ_for_a_small_p():
    """One more all one way is enough, one fewer is not."""
    for tests in range(1, 9):
        needed = fewest_untied(tests, 0.05)
        smallest = [tests * sign_test(Counted(count, 0, 9)) for count in (needed - 1, needed)]
        assert smallest[1] < 0.05 <= smallest[0]
    assert fewest_untied(2, 0.05) == 7  # docs/how-to/compare.md says so


@pytest.mark.parametrize("repeat", [False, True])
def test_the_other_way_round_everything_is_mirrored(repeat):
    rng = np.random.default_rng(5)
    for trial in range(40):
        count = 1 + trial
        held = rng.integers(0, 2, [2, count]).astype(float) if trial % 2 else rng.integers(0, 4, [2, count]) / 3
        fronts = np.where(rng.random([2, count]) < 0.25, INF, np.round(rng.random([2, count]), 1))
        images = rng.integers([0, 6], [6, 12], [count, 2]) if repeat else pairs(count)
        differences = [front_differences(fronts[a], fronts[1 - a]) for a in (0, 1)]
        for one, other in (
            [rate_effect(held[a], held[1 - a], images) for a in (0, 1)],
            [front_effect(some, images) for some in differences],
        ):
            np.testing.assert_array_equal([other.value, other.low, other.high], [-one.value, -one.high, -one.low])
        above, below = (Counted.of(some) for some in differences)
        assert above == (below.below, below.above, below.alike) and sign_test(above) == sign_test(below)


def test_shares_of_several_networks_and_images_that_repeat():
    shares = np.array([1, 1 / 3, 2 / 3, 0, 1.0])
    several = rate_effect(shares, np.zeros(5), pairs(5))
    assert several == mean_interval(shares, pairs(5)) and several.value == pytest.approx(0.6)
    first, second = rates(10, 8, 1, 11)
    narrow, wide = rate_effect(first, second, pairs(30)), rate_effect(first, second, pairs(30) // 20)
    assert wide.low <= narrow.low and wide.high >= narrow.high and wide.half_width > narrow.half_width


def test_how_pairs_fall():
    one = preferred(Counted(9, 1, 90))
    assert one.value == 0.9 and (one.low, one.high) == pytest.approx(tuple(stats.binomtest(9, 10).proportion_ci()))
    assert math.isnan(preferred(Counted(0, 0, 5)).value)
    assert front_effect(np.array([-INF, -0.1, -0.1, 0.2, -0.3]), pairs(5)).value == -0.1
