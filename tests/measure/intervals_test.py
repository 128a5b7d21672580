"""Intervals: against formulas, by simulation, and with ties, censored values and images that repeat."""

import itertools

import numpy as np
import pytest
from scipy import stats

from tfcollide.measure.intervals import Interval, mean_interval, median_interval, rate_interval, repeats, too_few

INF = float("inf")


def found(count, of):
    return np.arange(of) < count


def test_a_rate_has_the_interval_of_clopper_and_pearson():
    one = rate_interval(found(7, 100))
    low, high = stats.beta.ppf(0.025, 7, 94), stats.beta.ppf(0.975, 8, 93)
    assert (one.value, one.low, one.high) == pytest.approx((0.07, low, high))
    assert rate_interval(found(0, 20)).low == 0.0 and rate_interval(found(20, 20)).high == 1.0
    # Half-widths of 100 pairs: what an audit promises.
    assert max(rate_interval(found(k, 100)).half_width for k in range(101)) < 0.105


def test_no_pairs_tell_nothing():
    nothing = rate_interval(np.zeros(0, bool))
    assert np.isnan(nothing.value) and (nothing.low, nothing.high) == (0.0, 1.0)
    assert np.isnan(median_interval(np.zeros(0)).value)


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.1, 0.5, 0.9])
def test_rates_are_covered_as_often_as_the_binomial_distribution_says(rate):
    ends = [rate_interval(found(k, 100)) for k in range(101)]
    holds = np.array([one.low <= rate <= one.high for one in ends])
    exact = float(stats.binom.pmf(np.arange(101), 100, rate) @ holds)
    simulated = holds[np.random.default_rng(0).binomial(100, rate, size=20_000)].mean()
    assert exact >= 0.95 and simulated >= 0.94 and abs(simulated - exact) < 0.015


@pytest.mark.parametrize(("ties", "censored"), [(None, 1.0), (0.25, 1.0), (None, 0.7), (0.25, 0.55)])
def test_medians_are_covered_with_ties_and_censored_values(ties, censored):
    rng = np.random.default_rng(1)
    whole = rng.lognormal(size=200_001)
    whole = np.round(whole / ties) * ties if ties else whole
    median, limit = np.sort(whole)[100_000], np.quantile(whole, censored)
    hits = 0
    for _ in range(400):
        values = rng.choice(whole, 60)
        one = median_interval(np.where(values > limit, INF, values))
        hits += one.low <= median <= one.high
    assert hits / 400 >= 0.92  # 400 trials of a true 95 % fall below this once in 200


def test_the_ends_are_those_of_the_order_statistics():
    """From tables of the sign test: of 10 values the 2nd and the 9th, of 20 the 6th and the 15th, of 101 the 41st and 61st."""
    for count, place in ((6, 1), (8, 1), (9, 2), (10, 2), (20, 6), (101, 41)):
        one = median_interval(np.arange(1.0, count + 1))
        assert (one.value, one.low, one.high) == ((count + 1) / 2, place, count + 1 - place)
        misses = [2 * stats.binom.cdf(k - 1, count, 0.5) for k in (place, place + 1)]
        assert misses[0] <= 0.05 < misses[1]


def test_fewer_than_six_values_say_nothing_of_the_ends():
    for count in range(1, 8):
        one = median_interval(np.full(count, 0.24))
        few = count < 6
        assert too_few(count) == few and (one.value, one.low, one.high) == (0.24, *((-INF, INF) if few else (0.24, 0.24)))
    assert not too_few(5, confidence=0.9) and too_few(7, confidence=0.99)
    shared = np.array([[0, 1], [0, 2], [0, 3]])
    assert median_interval(np.array([0.1, 0.2, 0.3]), shared) == Interval(0.2, -INF, INF)


def test_where_the_two_middle_values_differ_the_median_is_between_them_or_infinite():
    low, high = [0.1, 0.2, 0.3, 0.4], [0.6, 0.7, 0.8, 0.9]
    assert median_interval(np.array([*low, *high])).value == pytest.approx(0.5)
    assert median_interval(np.array([*low, *4 * [INF]])).value == INF
    assert median_interval(np.array([*4 * [-INF], *high])).value == -INF
    torn = median_interval(np.repeat([-INF, INF], 4))
    assert np.isnan(torn.value) and (torn.low, torn.high) == (-INF, INF)


@pytest.mark.parametrize("repeat", [False, True])
def test_negated_values_have_the_mirrored_median_and_interval(repeat):
    """To the last bit, at odd and even counts, with ties and with values censored to either side."""
    rng = np.random.default_rng(4)
    for trial in range(60):
        count = 1 + trial % 30
        values = np.round(rng.normal(size=count), 1 + trial % 2)
        values = np.where(rng.random(count) < 0.3 * (trial % 3), rng.choice([-INF, INF], count), values)
        images = rng.integers([0, 5], [5, 10], [count, 2]) if repeat else np.arange(2 * count).reshape(count, 2)
        one, other = median_interval(values, images), median_interval(-values, images)
        np.testing.assert_array_equal([other.value, other.low, other.high], [-one.value, -one.high, -one.low])
        assert not one.low > one.value and not one.high < one.value
        finite = np.where(np.isfinite(values), values, 0.0)
        one, other = mean_interval(finite, images), mean_interval(-finite, images)
        assert (other.value, other.low, other.high) == (-one.value, -one.high, -one.low)


def test_censored_values_are_larger_than_every_other():
    mostly = median_interval(np.array([0.2, 0.3, 0.4] + 7 * [INF]))
    assert mostly.value == mostly.high == INF and mostly.low < INF
    few = median_interval(np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, INF]))
    assert few.value == 0.5
    every = median_interval(np.full(6, INF))
    assert (every.value, every.low, every.high) == (INF, INF, INF)


def test_images_that_repeat_widen_the_intervals():
    """100 pairs of 5 sources and 5 targets know less than 100 pairs of 200 images."""
    rng = np.random.default_rng(2)
    values = np.repeat(rng.random(5), 20) + 0.01 * rng.random(100)
    once = np.arange(200).reshape(100, 2)
    shared = np.stack([np.repeat(np.arange(5), 20), 5 + np.arange(100) % 5], axis=1)
    assert not repeats(once) and repeats(shared)
    assert median_interval(values, once) == median_interval(values)
    assert median_interval(values, shared).half_width > 1.5 * median_interval(values).half_width
    holds = np.repeat([True, True, False, True, False], 20)
    assert rate_interval(holds, once) == rate_interval(holds)
    assert rate_interval(holds, shared).half_width > 1.5 * rate_interval(holds).half_width


def test_how_images_are_numbered_does_not_matter():
    rng = np.random.default_rng(6)
    values, images = rng.random(30), rng.integers([0, 6], [6, 12], [30, 2])
    other = rng.permutation(12)[images]
    assert median_interval(values, images) == median_interval(values, other)
    assert mean_interval(values, images) == mean_interval(values, other)


def test_a_rate_of_shared_images_is_covered():
    """Each image is blind or not, and a pair collides where its source is: 12 sources of 8 pairs each."""
    rng = np.random.default_rng(3)
    images = np.stack([np.repeat(np.arange(12), 8), 12 + np.arange(96)], axis=1)
    hits = [
        one.low <= 0.5 <= one.high for one in (rate_interval(np.repeat(rng.random(12) < 0.5, 8), images) for _ in range(200))
    ]
    assert np.mean(hits) >= 0.9


def test_intervals_that_meet_overlap():
    ends = [(0.1, 0.3), (0.3, 0.5), (0.31, 0.5)]
    one, two, three = (Interval(0.0, *pair) for pair in ends)
    assert [a.overlaps(b) for a, b in itertools.combinations((one, two, three), 2)] == [True, False, True]
