import math

import pytest

from tfcollide.library.widest import widest


class Hull:
    """Holds up to some spread; knows what it was asked."""

    def __init__(self, limit):
        self.limit, self.asked = limit, []

    def solve(self, spread):
        self.asked.append(spread)
        return f"at {spread:.6g}"

    def widest(self, first=1.0):
        return float(widest(first, self.solve, lambda found: float(found[3:]) <= self.limit).removeprefix("at "))


def test_larger_ones_are_tried_until_one_does_not_hold_and_then_between_the_two():
    """1, 1.5 and 2.25 hold, 3.375 does not; then sqrt(2.25 * 3.375) = 2.756 does, and sqrt(2.756 * 3.375) = 3.05 does not."""
    hull = Hull(3.0)
    assert hull.widest() == pytest.approx(2.25 * 1.5**0.5, rel=1e-5)
    assert hull.asked == pytest.approx([1.0, 1.5, 2.25, 3.375, 2.25 * 1.5**0.5, 2.25 * 1.5**0.75])


def test_smaller_ones_are_tried_until_one_holds_and_then_between_the_two():
    """1 and 1 / 1.5 do not hold, 1 / 2.25 does; of those between, 1.5^-1.5 does not and 1.5^-1.75 does."""
    hull = Hull(0.5)
    assert hull.widest() == pytest.approx(1.5**-1.75, rel=1e-5)
    assert hull.asked == pytest.approx([1.0, 1.5**-1, 1.5**-2, 1.5**-1.5, 1.5**-1.75])


def test_where_none_holds_the_smallest_is_given():
    hull = Hull(0.0)
    assert hull.widest() == pytest.approx(1.5**-6, rel=1e-5) and len(hull.asked) == 7


def test_where_all_hold_the_largest_is_given():
    hull = Hull(math.inf)
    assert hull.widest(0.1) == pytest.approx(0.1 * 1.5**6, rel=1e-5) and len(hull.asked) == 7


@pytest.mark.parametrize("limit", [0.1, 0.2, 0.37, 0.66, 0.999, 1.0, 1.2, 1.51, 4.0, 11.0])
def test_it_is_found_to_a_quarter_of_a_factor(limit):
    hull = Hull(limit)
    found = hull.widest()
    assert found <= limit < found * 1.5**0.25 * 1.0001 and len(hull.asked) <= 9


def test_what_is_given_is_what_was_solved():
    """Not solved once more: a search takes its time."""
    results = iter(range(100))
    assert widest(1.0, lambda spread: (next(results), spread), lambda found: found[1] <= 1.1) == (0, 1.0)
    assert next(results) == 4  # 1, 1.5, 1.5^0.5, 1.5^0.25
