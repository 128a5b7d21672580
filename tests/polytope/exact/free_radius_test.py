"""Radii without collisions: hand-solved, against the network, and by weak duality alone."""

import dataclasses

import numpy as np
import pytest

from tfcollide.models.affine import AffineMap
from tfcollide.polytope.exact import free_radius as module
from tfcollide.polytope.exact.free_radius import TargetSet, float32_tolerance, free_radius
from tfcollide.shapes import Bounds

FREE = Bounds(-np.inf, np.inf)


def affine_of(weights, bias):
    weights, bias = np.array(weights, float), np.array(bias, float)
    return AffineMap(weights, bias, np.abs(weights), np.abs(bias), len(weights) + 1)


def test_a_line():
    """One unit, 3 x + 4 y: the target's line is 3 x + 4 y = 10, 2 from the origin; per feature 1/5 nearer."""
    sets = TargetSet(affine_of([[3], [4]], [0]), np.array([2.0, 1.0]), FREE)
    plane, (near, gone) = free_radius(sets, np.zeros(2), (1.0, 20.0))
    assert plane.radius == pytest.approx(2) and plane.distance == pytest.approx(2) and abs(plane.gap) < 1e-12
    assert plane.cost == pytest.approx(0.2) and near == pytest.approx(1.8)
    assert gone == 0  # a unit of 10 may be off
    assert plane.radius <= 2  # rounded down: what is proven is no farther than the collision, not by one bit


def test_the_bounds_take_part():
    """x + y = 1.5 within [0, 1]^2 from (1, -1): the nearest point is (1, 0.5), whose plane leans on the bound of x."""
    plane = TargetSet(affine_of([[1], [1]], [0]), np.array([0.75, 0.75]), Bounds(0, 1)).plane(np.array([1.0, -1.0]))
    assert plane.radius == pytest.approx(1.5) and plane.distance == pytest.approx(1.5)


def test_a_unit_that_may_be_off_is_held_from_above_alone():
    """The unit x is 0.5 in the target. A source at x = -3 has it off: half a unit of tolerance brings it there at once."""
    sets = TargetSet(affine_of([[1]], [0]), np.array([0.5]), FREE)
    source = np.array([-3.0])
    assert sets.plane(source).radius == pytest.approx(3.5)
    assert free_radius(sets, source, (0.4, 0.5))[1] == pytest.approx((3.1, 0.0))
    above = np.array([4.0])  # from there it has to come down, tolerance or not
    assert free_radius(sets, above, (0.5,))[1] == pytest.approx((3.0,))


def nets(rng, units, pixels):
    return affine_of(rng.standard_normal([pixels, units]), 0.5 * rng.standard_normal(units))


@pytest.mark.parametrize("seed", range(4))
def test_nothing_nearer_has_features_that_near(seed):
    """The claim itself: |x - s| >= r - cost e wherever features are e away and no weak unit is held from below."""
    rng = np.random.default_rng(seed)
    affine = nets(rng, 12, 16)
    source, target = rng.random([2, 16])
    goal = np.maximum(affine(target), 0)
    sets = TargetSet(affine, target, Bounds(0, 1))
    points = np.concatenate([rng.random([500, 16]), target + 0.1 * rng.standard_normal([500, 16])]).clip(0, 1)
    points = np.concatenate([points, target + rng.random([300, 1]) * (source - target)])
    away, off = np.linalg.norm(points - source, axis=1), np.linalg.norm(np.maximum(affine(points), 0) - goal, axis=1)
    tolerances = (0.01, 0.1, 0.5, 1.0, 2.0)
    plane, radii = free_radius(sets, source, tolerances)
    assert abs(plane.gap) <= 1e-9 and 0 < plane.radius <= np.linalg.norm(source - target)
    for tolerance, radius in zip(tolerances, radii, strict=True):
        assert (away[off <= tolerance] >= radius - 1e-9).all()
    assert list(radii) == sorted(radii, reverse=True) and (off <= 2.0).any()


def test_a_wrong_solver_costs_tightness_and_never_truth(monkeypatch):
    rng = np.random.default_rng(0)
    affine = nets(rng, 8, 10)
    source, target = rng.random([2, 10])
    sets, whole = TargetSet(affine, target, Bounds(0, 1)), module.nearest
    true = sets.plane(source)

    def wrong(polytope, source):
        found = whole(polytope, source)
        return dataclasses.replace(found, multipliers=found.multipliers + rng.standard_normal(len(found.multipliers)))

    monkeypatch.setattr(module, "nearest", wrong)
    for _ in range(20):
        assert 0 <= sets.plane(source).radius <= true.distance + 1e-12


def test_the_tolerance_of_float32_covers_what_float32_does():
    rng = np.random.default_rng(0)
    affine = nets(rng, 30, 200)
    x = rng.random([50, 200]).astype(np.float32)
    single = np.maximum(x @ affine.weights.astype(np.float32) + affine.bias.astype(np.float32), 0)
    exact = np.maximum(
        x.astype(float) @ affine.weights.astype(np.float32).astype(float) + affine.bias.astype(np.float32).astype(float), 0
    )
    assert 2 * np.linalg.norm(single - exact, axis=1).max() <= float32_tolerance(affine, Bounds(0, 1)) < 1
