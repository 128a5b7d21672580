"""Weights of a point in the polygon, and the lattice point that is shown for them."""

import numpy as np
import pytest

from tests.report.explore.scripts import call
from tfcollide.polytope.hull.mixing import convex_weights
from tfcollide.report.explore.lattice import finest, lattice_of


@pytest.mark.parametrize("count", [3, 5, 8])
def test_weights_of_a_point_are_convex_and_give_the_point_back(count):
    polygon = np.array(call("polygonOf", count))
    for share in convex_weights(30, count, seed=1):
        point = share @ polygon
        weights = np.array(call("weightsAt", point, polygon))
        assert weights.min() >= 0 and abs(weights.sum() - 1) < 1e-12
        np.testing.assert_allclose(weights @ polygon, point, atol=1e-9)


def test_in_a_triangle_they_are_the_barycentric_coordinates():
    polygon = call("polygonOf", 3)
    for weights in convex_weights(10, 3, seed=2):
        np.testing.assert_allclose(call("weightsAt", weights @ np.array(polygon), polygon), weights, atol=1e-6)


def test_beyond_an_edge_only_its_two_corners_weigh_and_beyond_a_corner_it_alone():
    polygon = call("polygonOf", 4)  # top, right, bottom, left
    np.testing.assert_allclose(call("weightsAt", [1, -1], polygon), [0.5, 0.5, 0, 0], atol=1e-12)
    np.testing.assert_allclose(call("weightsAt", [0, -3], polygon), [1, 0, 0, 0], atol=1e-12)
    np.testing.assert_allclose(call("weightsAt", polygon[2], polygon), [0, 0, 1, 0], atol=1e-12)


def test_one_and_two_corners():
    assert call("weightsAt", [0.3, 0.2], call("polygonOf", 1)) == [1]
    line = call("polygonOf", 2)
    np.testing.assert_allclose(line, [[-1, 0], [1, 0]], atol=1e-12)
    np.testing.assert_allclose(call("weightsAt", [0.5, 0.9], line), [0.25, 0.75])


def test_a_slider_keeps_the_others_in_proportion():
    np.testing.assert_allclose(call("withWeight", [0.2, 0.2, 0.6], 0, 0.6), [0.6, 0.1, 0.3])
    np.testing.assert_allclose(call("withWeight", [1, 0, 0], 0, 0.5), [0.5, 0.25, 0.25])
    np.testing.assert_allclose(call("withWeight", [0.5, 0.5], 1, 2), [0, 1])
    assert call("withWeight", [1], 0, 0.3) == [1]


def test_the_lattice_has_all_multiples_and_what_was_added():
    worst = np.array([0.11, 0.22, 0.67], np.float32)
    lattice = lattice_of(3, 100, worst)
    assert lattice.fineness == 12 == finest(3, 100)  # 91 points; thirteen parts would make 105
    np.testing.assert_allclose(lattice.weights.sum(axis=1), 1, atol=1e-6)
    assert len(np.unique(lattice.weights.round(5), axis=0)) == 92  # the center is on it
    np.testing.assert_array_equal(lattice.weights[-1], worst)


def test_a_lattice_of_many_corners_or_of_one():
    assert lattice_of(1, 1000).fineness == 100 and len(lattice_of(1, 1000).weights) == 2
    assert lattice_of(40, 30).fineness == 1 and len(lattice_of(40, 30).weights) == 41


def test_the_nearest_lattice_point_is_that_of_a_search():
    lattice = lattice_of(4, 200)
    for weights in convex_weights(25, 4, seed=3):
        distances = np.square(lattice.weights - weights).sum(axis=1)
        found = call("nearestRow", weights, lattice.weights.ravel())
        assert distances[found] <= distances.min() + 1e-9


def test_a_link_holds_weights_and_nothing_else_is_taken():
    weights = [0.125, 0.5, 0.375]
    assert call("weightsToText", weights) == "0.125,0.5,0.375"
    np.testing.assert_allclose(call("weightsFromText", "0.125,0.5,0.375", 3), weights)
    for text in ("0.5,0.5", "0.5,0.5,0.5", "a,0,1", "-1,1,1", "", "NaN,1,0"):
        assert call("weightsFromText", text, 3) is None


def test_walks_stay_in_the_hull_and_end_where_they_lead():
    start = [0.2, 0.3, 0.5]
    for code in ("walkEdges(s)", "walkAround(s, 12, Math.random)", "walkThrough([s, [0, 1, 0]])"):
        found = call(f"((s) => {{ const w = {code}; return [0, 0.3, 0.6, 1].map((t) => w.at(t * w.seconds)); }})", start)
        np.testing.assert_allclose(found[0], start)
        assert np.min(found) >= 0
        np.testing.assert_allclose(np.sum(found, axis=1), 1)
    np.testing.assert_allclose(found[-1], [0, 1, 0])
