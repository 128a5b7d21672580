"""Images that collide in two networks at once: hand-solved sets, proofs of emptiness, and two small networks."""

import dataclasses

import numpy as np
import pytest

from tfcollide.models.affine import AffineMap
from tfcollide.polytope.exact.geometry import affine_dimension
from tfcollide.polytope.exact.halfspaces import Polytope, collision_polytope
from tfcollide.polytope.exact.nearest import nearest
from tfcollide.polytope.exact.shared import intersection, meeting
from tfcollide.shapes import Bounds


def plane(row, value, *, at_most=None):
    """Points of the unit cube on a plane, and on one side of another where there is one."""
    row = np.array(row, float)
    side = np.zeros([0, row.size]) if at_most is None else np.array([at_most[0]], float)
    limits = np.zeros(0) if at_most is None else np.array([at_most[1]], float)
    return Polytope(row[None], np.array([value], float), side, limits, np.zeros(row.size), np.ones(row.size))


def test_two_planes_meet_in_a_line():
    """x = y and y = z meet in the diagonal; from (1, 0, 0) the foot on it is (1/3, 1/3, 1/3)."""
    first, second = plane([1, -1, 0], 0), plane([0, 1, -1], 0)
    found = meeting(first, second, np.array([1.0, 0, 0]))
    assert found.closest.status == "optimal" and found.proof is None
    np.testing.assert_allclose(found.closest.point, 1 / 3, atol=1e-9)
    assert found.alone[0] == pytest.approx(np.sqrt(0.5), abs=1e-9) and found.alone[1] == pytest.approx(0.0, abs=1e-9)
    assert found.ratios[0] == pytest.approx(np.sqrt(4 / 3), abs=1e-9)  # sqrt(6) / 3 over sqrt(1 / 2)
    assert affine_dimension(intersection(first, second)) == 1


def test_a_member_of_both_is_known_to_be_in_both():
    one, other = (dataclasses.replace(plane(row, 1), member=np.array([1.0, 0, 0])) for row in ([1, 1, 0], [1, 0, 1]))
    np.testing.assert_array_equal(intersection(one, other).member, one.member)
    assert intersection(one, dataclasses.replace(other, member=np.array([0.0, 0, 1]))).member is None
    assert affine_dimension(intersection(one, other)) == 1


def test_a_set_and_itself_meet_in_itself():
    one = plane([1, 2, 3], 2, at_most=([0, 0, 1], 0.2))
    found = meeting(one, one, np.array([0.9, 0.1, 0.8]))
    assert found.ratios == pytest.approx((1.0, 1.0), abs=1e-9)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (plane([1, 1], 0.5), plane([1, 1], 1.5)),  # parallel
        (plane([1, 1], 2), plane([0, 0], 0, at_most=([1, 0], 0.5))),  # the only point is cut off
    ],
)
def test_where_they_do_not_meet_numbers_prove_it(first, second):
    """Multiplied out: the rows and bounds of both add up to 0 <= -1."""
    found = meeting(first, second, np.array([0.3, 0.7]))
    proof, both = found.proof, intersection(first, second)
    assert found.closest.status == "infeasible"
    assert min(proof.inequalities.min(initial=0), proof.below.min(), proof.above.min()) >= 0
    sums = both.equalities.T @ proof.equalities + both.inequalities.T @ proof.inequalities
    level = both.values @ proof.equalities + both.limits @ proof.inequalities
    assert np.abs(sums - proof.below + proof.above).max() <= 1e-9
    assert level - both.lower @ proof.below + both.upper @ proof.above == pytest.approx(-1)
    assert affine_dimension(both) == -1


def test_a_box_around_the_source_may_leave_none():
    """The nearest point of the plane changes each pixel by 0.3."""
    first, second = plane([1, 1], 1.6), plane([1, 1], 1.6)
    source = np.array([0.5, 0.5])
    assert meeting(first, second, source, max_change=0.31).closest.status == "optimal"
    found = meeting(first, second, source, max_change=0.29)
    assert found.closest.status == "infeasible" and found.proof.residual < 1e-9


def network(rng, units):
    weights, bias = rng.normal(size=[12, units]), rng.normal(size=units)
    return AffineMap(weights, bias, np.abs(weights), np.abs(bias), 12)


def test_features_are_equal_in_both_of_two_networks():
    rng, bounds = np.random.default_rng(0), Bounds(0, 1)
    first, second = network(rng, 5), network(rng, 6)
    for _ in range(5):
        source, target = rng.random([2, 12])
        sets = [collision_polytope(affine, target, bounds) for affine in (first, second)]
        found = meeting(*sets, source)
        for affine in (first, second):
            difference = np.maximum(affine(found.closest.point), 0) - np.maximum(affine(target), 0)
            assert np.abs(difference).max() <= 1e-9
        assert min(found.ratios) >= 1 - 1e-9
        assert found.closest.distance == pytest.approx(nearest(intersection(*sets), source).distance)
