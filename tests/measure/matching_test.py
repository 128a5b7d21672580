import math

import numpy as np
import pytest

from tfcollide.measure.matching import Match
from tfcollide.measure.null_distribution import NullDistribution

START = {"active_match": 400.0, "feature_distance": 500.0, "inactive_violation": 10.0}
NULL = NullDistribution(same=np.arange(1.0, 101.0), different=np.arange(0.0), images=15)


def scaled(quantile=0.1):
    return Match(NULL, quantile, 0.05, START)


def unscaled(share=0.25, **start):
    return Match(None, 0.1, share, START | start)


def terms(distance, match=0.0, violation=0.0):
    given = {"feature_distance": distance, "active_match": match, "inactive_violation": violation}
    return {name: np.atleast_1d(np.array(value, float)) for name, value in given.items()}


def test_with_a_null_distribution_its_quantile_is_what_matches():
    """Of distances 1 to 100 the tenth stands at 0.1 of the way (rank 0.1 * 99, rounded down)."""
    match = scaled()
    assert match.distance == 10.0
    assert match.limits() == {"feature_distance": pytest.approx(8.5)}  # 0.85 of it at corners, so that mixtures match
    assert match.excess(terms([5.0, 10.0])) == 1.0 and match.excess(terms([25.0, 1.0])) == 2.5
    assert match.excess(terms(0.0, match=1e9, violation=1e9)) == 0.0  # they play no part
    assert scaled(0.0).distance == 1.0 and scaled(1.0).distance == 100.0


def test_without_one_the_shares_of_the_start_are():
    """L_pos is a square: a quarter of it is half of a violation."""
    match = unscaled()
    assert match.distance is None
    assert match.limits() == {"inactive_violation": pytest.approx(0.85 * 0.5 * 10.0)}  # L_pos has its own: --stop_fraction
    assert match.excess(terms(1e9, match=[100.0, 50.0], violation=5.0)) == 1.0
    assert match.excess(terms(0.0, match=50.0, violation=[1.0, 20.0])) == 4.0
    assert match.excess(terms(0.0, match=200.0, violation=5.0)) == 2.0


def test_nothing_matches_whatever_the_limit_and_more_than_nothing_does_not_match_a_limit_of_nothing():
    match = unscaled(inactive_violation=0.0)
    assert match.limits() == {"inactive_violation": 0.0}
    assert match.excess(terms(0.0, match=50.0)) == 0.5
    assert match.excess(terms(0.0, match=50.0, violation=1e-6)) == math.inf


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_no_number_never_matches(bad):
    assert scaled().excess(terms([1.0, bad])) == math.inf
    assert unscaled().excess(terms(0.0, match=[bad, 1.0])) == math.inf
    assert unscaled().excess(terms(0.0, match=1.0, violation=[bad, 1.0])) == math.inf
