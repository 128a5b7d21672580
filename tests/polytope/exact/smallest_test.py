import numpy as np
import pytest

from tfcollide.polytope.exact.smallest import Tried, smallest, smallest_distance
from tfcollide.polytope.exact.vertices import ExactCorners

CORNERS = ExactCorners(np.zeros([2, 1]), ("optimal",) * 2, np.zeros(2), np.zeros(2))


def search(spread_at, least, most, need, widest=np.inf):
    sizes = []

    def look(size):
        sizes.append(size)
        return Tried(size, CORNERS, spread_at(size))

    return smallest(look, least, most, need, widest=widest), sizes


@pytest.mark.parametrize("need", [0.001, 0.1, 0.4, 0.7])
def test_a_spread_that_grows_is_found_to_two_percent(need):
    found, sizes = search(lambda size: size - 0.2, 0.2, 1.0, need)
    assert need + 0.2 <= found.size <= (need + 0.2) * 1.0205
    assert found.status(need) == "optimal" and len(sizes) < 12


def test_a_larger_need_never_ends_smaller_though_the_spread_may_fall():
    rng = np.random.default_rng(0)
    for _ in range(50):
        bumps, phase = rng.random(2) * 30, rng.random()
        ends = [
            found.size
            for need in np.linspace(0.01, 0.9, 30)
            for found in [search(lambda m: abs(np.sin(bumps[0] * m + phase)) * m, 0.1, 1.0, need)[0]]  # noqa: B023
            if found.spread >= need
        ]
        assert ends == sorted(ends)


def test_where_none_will_do_the_largest_spread_is_kept():
    found, sizes = search(lambda size: 0.5 - abs(size - 0.6), 0.2, 1.0, 0.6)
    assert found.status(0.6) == "too close" and sizes[-1] == 1.0
    assert found.spread == max(0.5 - abs(size - 0.6) for size in sizes)


def test_sizes_that_cannot_do_are_not_tried():
    found, sizes = search(lambda size: size, 0.0, 1.0, 0.5, widest=1.0)
    assert min(sizes) >= 0.3 and 0.5 <= found.size <= 0.51
    assert search(lambda size: size, 0.0, 1.0, 5.0, widest=1.0)[1] == [1.0]
    assert search(lambda size: np.nan, np.inf, 1.0, 0.1)[1] == [1.0]


def test_distances_and_what_is_missing():
    points = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]])
    assert smallest_distance(points) == pytest.approx(0.5**0.5)
    assert smallest_distance(points[:1]) == np.inf
    assert np.isnan(smallest_distance(np.full([1, 2], np.nan)))
    missing = ExactCorners(np.full([2, 1], np.nan), ("optimal", "infeasible"), np.zeros(2), np.zeros(2))
    assert Tried(1.0, missing, np.nan).status(0.1) == "infeasible"
