import math

import pytest

from tfcollide.library.widest import widest


class Hull:
    """Holds where it is told to; knows what it was asked."""

    def __init__(self, limit, *, but=(0.0, 0.0)):
        self.limit, self.but, self.asked = limit, but, []

    def solve(self, spread):
        self.asked.append(spread)
        return spread

    def holds(self, spread):
        return spread <= self.limit and not self.but[0] <= spread <= self.but[1]

    def widest(self, first=1.0):
        return widest(first, self.solve, self.holds)


def test_larger_ones_are_tried_until_one_does_not_hold_and_then_between_the_two():
    """2.25 holds and 3.375 does not; between, 1.5^2.5 does, 1.5^2.75 = 3.05 does not, 1.5^2.625 = 2.899 does; so 3.05 x 1.1."""
    hull = Hull(3.0)
    powers = [0, 1, 2, 3, 2.5, 2.75, 2.625]
    assert hull.widest() == pytest.approx(1.5**2.625)
    assert hull.asked == pytest.approx([*(1.5**power for power in powers), 1.5**2.75 * 1.1])


def test_smaller_ones_are_tried_until_one_holds_and_then_between_the_two():
    """1 and 1 / 1.5 do not hold, 1 / 2.25 does; of those between, 1.5^-1.5 does not, 1.5^-1.75 does, 1.5^-1.625 does not."""
    hull = Hull(0.5)
    powers = [0, -1, -2, -1.5, -1.75, -1.625]
    assert hull.widest() == pytest.approx(1.5**-1.75)
    assert hull.asked == pytest.approx([*(1.5**power for power in powers), 1.5**-1.625 * 1.1])


def test_where_none_holds_the_smallest_is_given():
    hull = Hull(0.0)
    assert hull.widest() == pytest.approx(1.5**-6) and len(hull.asked) == 7


def test_where_all_hold_the_largest_is_given():
    hull = Hull(math.inf)
    assert hull.widest(0.1) == pytest.approx(0.1 * 1.5**6) and len(hull.asked) == 7


@pytest.mark.parametrize("limit", [0.1, 0.2, 0.37, 0.66, 0.999, 1.0, 1.2, 1.51, 4.0, 11.0])
def test_it_is_found_to_ten_percent(limit):
    hull = Hull(limit)
    found = hull.widest()
    assert found <= limit < found * 1.1 * 1.0001 and len(hull.asked) <= 11


def test_one_failure_does_not_end_the_search():
    """As one pair of MNIST was: .18 does not hold, but .2 does."""
    hull = Hull(0.203, but=(0.175, 0.185))
    found = hull.widest(0.12)
    assert 0.19 < found <= 0.203


def test_the_search_ends_whatever_holds():
    tried = []
    widest(1.0, lambda spread: tried.append(spread) or len(tried), lambda count: count % 2 == 1)
    assert len(tried) <= 16


def test_what_is_given_is_what_was_solved():
    """Not solved once more: a search takes its time."""
    results = iter(range(100))
    assert widest(1.0, lambda spread: (next(results), spread), lambda found: found[1] <= 1.04) == (0, 1.0)
    assert next(results) == 6  # 1, 1.5, 1.5^(1/2), 1.5^(1/4), 1.5^(1/8), and 10 % above that
