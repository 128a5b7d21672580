import numpy as np
import pytest

from tfcollide.errors import RequestError
from tfcollide.models.affine import AffineMap
from tfcollide.polytope.exact.geometry import affine_dimension, bounded, chebyshev, recession_direction
from tfcollide.polytope.exact.halfspaces import Polytope, collision_polytope
from tfcollide.polytope.exact.relative_interior import implicit_equalities, interior_point, is_empty
from tfcollide.shapes import Bounds

INF = np.inf


def polytope(size, *, equalities=(), values=(), inequalities=(), limits=(), lower=-INF, upper=INF):
    """From plain lists; bounds may be one number for all coordinates."""
    rows = [np.array(block, float).reshape(-1, size) for block in (equalities, inequalities)]
    sides = [np.broadcast_to(np.array(side, float), size).copy() for side in (lower, upper)]
    return Polytope(rows[0], np.array(values, float), rows[1], np.array(limits, float), *sides)


def affine_of(weights, bias):
    weights, bias = np.array(weights, float), np.array(bias, float)
    return AffineMap(weights, bias, np.abs(weights), np.abs(bias), len(weights) + 1)


SQUARE = polytope(2, lower=-1, upper=1)
TRIANGLE = polytope(2, inequalities=[[-1, 0], [0, -1], [3, 4]], limits=[0, 0, 12])  # legs 4 and 3: inradius 1
SIMPLEX = polytope(3, equalities=[[1, 1, 1]], values=[1], lower=0)
SEGMENT = polytope(2, equalities=[[1, 1]], values=[1], lower=0, upper=1)
POINT = polytope(2, equalities=[[1, 1], [1, -1]], values=[1, 0], lower=0, upper=1)
TIGHT_POINT = polytope(2, inequalities=[[1, 1]], limits=[0], lower=0, upper=1)
PAIR = polytope(2, inequalities=[[1, 0], [-1, 0]], limits=[1, -1], lower=0, upper=2)  # x <= 1 and x >= 1
WEDGE = polytope(2, inequalities=[[-1, 1], [-1, -1]], limits=[0, 0], lower=-1, upper=1)  # |y| <= x
RAY = polytope(2, inequalities=[[0, 1], [0, -1], [-1, 0]], limits=[0, 0, 0], lower=-9, upper=9)
EMPTY = polytope(2, inequalities=[[1, 1]], limits=[-1], lower=0, upper=1)
BARELY_EMPTY = polytope(1, inequalities=[[1], [-1]], limits=[0.5, -0.50001], lower=0, upper=1)
REPEATED = polytope(
    2, equalities=[[1, 1], [2, 2], [0, 0]], values=[1, 2, 0], inequalities=[[1, 0]] * 3, limits=[9] * 3, lower=0
)
DEAD = polytope(2, inequalities=[[0, 0], [0, 0], [1, 0]], limits=[0, 3, 0.5], lower=0, upper=1)
DEAD_EMPTY = polytope(2, inequalities=[[0, 0]], limits=[-1], lower=0, upper=1)
FIXED = polytope(3, lower=[0, 2, 0], upper=[1, 2, 1])
PLANE = polytope(2)
# Four planes through the apex, one more than needed.
PYRAMID = polytope(3, inequalities=[[1, 0, 1], [-1, 0, 1], [0, 1, 1], [0, -1, 1], [0, 0, -1]], limits=[1, 1, 1, 1, 0])

DIMENSIONS = {
    "square": (SQUARE, 2),
    "triangle": (TRIANGLE, 2),
    "simplex": (SIMPLEX, 2),
    "segment": (SEGMENT, 1),
    "point": (POINT, 0),
    "point without equalities": (TIGHT_POINT, 0),
    "implicit pair": (PAIR, 1),
    "wedge": (WEDGE, 2),
    "ray": (RAY, 1),
    "empty": (EMPTY, -1),
    "barely empty": (BARELY_EMPTY, -1),
    "repeated rows": (REPEATED, 1),
    "dead units": (DEAD, 2),
    "a dead unit that cannot be": (DEAD_EMPTY, -1),
    "fixed coordinate": (FIXED, 2),
    "plane": (PLANE, 2),
    "pyramid": (PYRAMID, 3),
}


@pytest.mark.parametrize(("shape", "dimension"), DIMENSIONS.values(), ids=DIMENSIONS)
def test_affine_dimension(shape, dimension):
    assert affine_dimension(shape) == dimension
    assert is_empty(shape) == (dimension == -1)


RADII = {
    "square": (SQUARE, 1.0, [0, 0]),
    "triangle": (TRIANGLE, 1.0, [1, 1]),
    "simplex": (SIMPLEX, 1 / np.sqrt(6), [1 / 3] * 3),
    "segment": (SEGMENT, np.sqrt(0.5), [0.5, 0.5]),
    "point": (POINT, 0.0, [0.5, 0.5]),
    "implicit pair": (PAIR, 1.0, [1, 1]),
    "dead units": (DEAD, 0.25, None),
    "fixed coordinate": (FIXED, 0.5, [0.5, 2, 0.5]),
    # Distance to a side is (1 - z) / sqrt 2, to the floor z.
    "pyramid": (PYRAMID, 1 / (1 + np.sqrt(2)), [0, 0, 1 / (1 + np.sqrt(2))]),
}


@pytest.mark.parametrize(("shape", "radius", "center"), RADII.values(), ids=RADII)
def test_chebyshev_ball(shape, radius, center):
    ball = chebyshev(shape)
    assert ball.radius == pytest.approx(radius, abs=1e-7)
    if center is not None:
        np.testing.assert_allclose(ball.center, center, atol=1e-6)
    assert shape.contains(ball.center)


def test_balls_of_any_size():
    ball = chebyshev(polytope(2, inequalities=[[-1, 1], [-1, -1]], limits=[0, 0]))
    assert ball.radius == INF
    assert ball.center[0] - abs(ball.center[1]) >= np.sqrt(2) - 1e-7  # a ball of radius 1 fits there
    assert chebyshev(PLANE).radius == INF


def test_what_holds_the_ball_tells_that_a_set_has_an_end():
    """A segment is held at both ends; a half-plane has balls of any size, and a strip one that two sides hold."""
    assert chebyshev(SEGMENT).ends and chebyshev(POINT).ends
    for rows, limits in (([[0, 0, 0, 1]], [0]), ([[1, 1, 0, 0], [-1, -1, 0, 0]], [1, 1])):  # a half-plane; a strip
        endless = polytope(4, equalities=[[1, -1, 0, 0], [0, 1, 2, -1]], values=[0, 0], inequalities=rows, limits=limits)
        assert not chebyshev(endless).ends and not bounded(endless)


@pytest.mark.parametrize("question", [chebyshev, interior_point, implicit_equalities])
def test_an_empty_set_has_no_inside(question):
    with pytest.raises(RequestError, match="empty polytope"):
        question(EMPTY)


def test_implicit_equalities_are_those_that_are_always_tight():
    assert implicit_equalities(PAIR).inequalities.tolist() == [True, True]
    assert not implicit_equalities(PAIR).fixed.any()
    assert implicit_equalities(TIGHT_POINT).inequalities.tolist() == [True]
    assert implicit_equalities(TIGHT_POINT).lower.tolist() == [True, True]
    assert not implicit_equalities(TIGHT_POINT).upper.any()
    assert not implicit_equalities(TRIANGLE).inequalities.any()
    assert implicit_equalities(FIXED).fixed.tolist() == [False, True, False]
    assert implicit_equalities(DEAD).inequalities.tolist() == [True, False, False]  # 0 x <= 0


@pytest.mark.parametrize("shape", [SQUARE, TRIANGLE, SIMPLEX, SEGMENT, WEDGE, RAY, PAIR, PYRAMID])
def test_an_interior_point_is_strict_wherever_it_can_be(shape):
    found, x = implicit_equalities(shape), interior_point(shape)
    assert shape.contains(x)
    assert ((shape.limits - shape.inequalities @ x)[~found.inequalities] > 1e-6).all()
    assert ((x - shape.lower)[~found.lower] > 1e-6).all()
    assert ((shape.upper - x)[~found.upper] > 1e-6).all()


BOUNDED = {  # with bounds, without
    "square": (SQUARE, True, False),
    "triangle": (TRIANGLE, True, True),
    "simplex": (SIMPLEX, True, False),
    "wedge": (WEDGE, True, False),
    "ray": (RAY, True, False),
    "pyramid": (PYRAMID, True, True),
    "empty": (EMPTY, True, True),
    "plane": (PLANE, False, False),
    "half-plane": (polytope(2, lower=[0, -INF], upper=[1, INF]), False, False),
    "orthant": (polytope(2, lower=0), False, False),
}


@pytest.mark.parametrize(("shape", "inside", "rows_alone"), BOUNDED.values(), ids=BOUNDED)
def test_boundedness(shape, inside, rows_alone):
    assert bounded(shape) == inside
    assert bounded(shape, with_bounds=False) == rows_alone
    for with_bounds in (True, False):
        direction = recession_direction(shape, with_bounds=with_bounds)
        if direction is not None:
            assert np.linalg.norm(direction) == pytest.approx(1.0)
            assert np.abs(shape.equalities @ direction).max(initial=0.0) < 1e-9
            assert (shape.inequalities @ direction).max(initial=0.0) < 1e-9


def test_recession_directions_that_are_known():
    np.testing.assert_allclose(recession_direction(RAY, with_bounds=False), [1, 0], atol=1e-9)
    assert np.abs(recession_direction(WEDGE, with_bounds=False)[1]) <= recession_direction(WEDGE, with_bounds=False)[0]
    strip = polytope(2, lower=[0, -INF], upper=[1, INF])
    np.testing.assert_allclose(np.abs(recession_direction(strip)), [0, 1], atol=1e-9)
    assert (recession_direction(polytope(2, lower=0)) >= 0).all()


def test_violation_is_told_by_kind():
    shape = polytope(2, equalities=[[1, 1]], values=[1], inequalities=[[10, 0]], limits=[5], lower=0, upper=1)
    violation = shape.violation(np.array([[0.5, 0.5], [0.7, 0.5], [1.5, -0.5]]))
    np.testing.assert_allclose(violation.equalities, [0, 0.2, 0], atol=1e-12)
    np.testing.assert_allclose(violation.inequalities, [0, 2, 10])
    np.testing.assert_allclose(violation.bounds, [0, 0, 0.5])
    np.testing.assert_allclose(violation.worst, [0, 2, 10])
    assert shape.contains(np.array([0.5, 0.5 + 1e-6]), tolerance=1e-5)
    assert not shape.contains(np.array([0.5, 0.5 + 1e-6]))


def test_the_polytope_of_a_target_is_its_collision_set():
    affine = affine_of([[1, -1, 0, 2], [1, 1, 0, 2]], [-0.5, 0, -1, -4])  # the third unit is dead
    target = np.array([0.75, 0.5])  # pre-activations 0.75, -0.25, -1, -1.5
    shape = collision_polytope(affine, target, Bounds(0.0, 1.0))
    assert len(shape.equalities) == 1 and len(shape.inequalities) == 3
    assert shape.contains(target)
    points = np.random.default_rng(0).random([2000, 2])
    points[:, 1] = np.clip(1.25 - points[:, 0], 0, 1)  # on the first unit's line, mostly
    features = np.maximum(affine(points), 0)
    same = np.abs(features - np.maximum(affine(target), 0)).max(axis=1) < 1e-9
    np.testing.assert_array_equal(shape.contains(points), same)
    assert same.any() and not same.all()


def test_a_pre_activation_of_zero_is_an_inequality():
    shape = collision_polytope(affine_of([[1.0]], [-0.5]), np.array([0.5]), Bounds(0.0, 1.0))
    assert shape.values.size == 0
    assert shape.contains(np.array([0.0])) and not shape.contains(np.array([0.6]))


def test_a_rank_deficient_layer_loses_no_dimension_twice():
    rng = np.random.default_rng(0)
    weights = rng.normal(size=[12, 2]) @ rng.normal(size=[2, 7])
    affine = affine_of(weights, 0.1 * rng.normal(size=7))
    shape = collision_polytope(affine, rng.random(12), Bounds(0.0, 1.0))
    assert len(shape.equalities) >= 3
    assert affine_dimension(shape) == 10
    assert 0 < chebyshev(shape).radius < 0.6


def test_tightened_inequalities_lie_inside():
    rng = np.random.default_rng(1)
    affine, target = affine_of(rng.normal(size=[9, 6]), rng.normal(size=6)), rng.random(9)
    loose, tight = (collision_polytope(affine, target, Bounds(-0.1, 1.0), float32_safe=safe) for safe in (False, True))
    assert (tight.lower >= loose.lower).all() and (tight.lower.astype(np.float32) == tight.lower).all()
    x = rng.uniform(-0.1, 1.0, [200, 9])
    assert ((loose.limits - x @ loose.inequalities.T) > (tight.limits - x @ tight.inequalities.T)).all()


def test_a_target_of_another_size_is_refused():
    with pytest.raises(RequestError, match=r"target of shape \(3,\)"):
        collision_polytope(affine_of([[1.0]], [0.0]), np.zeros(3), Bounds(0.0, 1.0))
    with pytest.raises(RequestError, match="finite bounds"):
        collision_polytope(affine_of([[1.0]], [0.0]), np.zeros(1), Bounds(-INF, INF), float32_safe=True)
