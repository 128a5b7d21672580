import itertools

import keras
import numpy as np
import pytest
import scipy.optimize

from tfcollide.errors import RequestError
from tfcollide.models.affine import AffineMap, affine_map
from tfcollide.models.classifier import Classifier
from tfcollide.polytope.exact.halfspaces import Polytope, collision_polytope
from tfcollide.polytope.exact.near_source import corners_near, explain_near, least_change, within_box
from tfcollide.polytope.exact.nearest import nearest
from tfcollide.polytope.exact.smallest import smallest_distance
from tfcollide.polytope.exact.vertices import diverse_corners, exact_corners, random_objectives, saved_corners, unit_objectives
from tfcollide.shapes import Bounds

INF = np.inf


def polytope(size, *, equalities=(), values=(), inequalities=(), limits=(), lower=-INF, upper=INF):
    rows = [np.array(block, float).reshape(-1, size) for block in (equalities, inequalities)]
    sides = [np.broadcast_to(np.array(side, float), size).copy() for side in (lower, upper)]
    return Polytope(rows[0], np.array(values, float), rows[1], np.array(limits, float), *sides)


SEGMENT = polytope(2, equalities=[[1, 1]], values=[1], lower=0, upper=1)
MIDDLE, ALONG = np.array([0.5, 0.5]), np.array([[1.0, -1.0], [-1.0, 1.0]])
LINE = polytope(2, equalities=[[3, 4]], values=[10])
EMPTY = polytope(2, inequalities=[[1, 1]], limits=[-1], lower=0, upper=1)
NO_UNITS = AffineMap(np.zeros([2, 0]), np.zeros(0), np.zeros([2, 0]), np.zeros(0), 1)


def near(shape, source, objectives, **options):
    return corners_near(NO_UNITS, shape, source, objectives, **options)


def random_shape(seed, size=4):
    rng = np.random.default_rng(seed)
    inside, equalities, inequalities = rng.random(size), rng.normal(size=[seed % 3, size]), rng.normal(size=[5, size])
    limits = inequalities @ inside + 0.2 * rng.random(5)
    shape = polytope(
        size,
        equalities=equalities,
        values=equalities @ inside,
        inequalities=inequalities,
        limits=limits,
        lower=0,
        upper=1,
    )
    return shape, rng.random(size).astype(np.float32).astype(np.float64), rng.normal(size=[3, size])


def all_vertices(shape):
    """Every choice of D tight constraints, equalities included, that meet in a point of the polytope."""
    size = shape.lower.size
    rows = np.concatenate([shape.inequalities, -np.eye(size), np.eye(size)])
    limits = np.concatenate([shape.limits, -shape.lower, shape.upper])
    found = []
    for chosen in itertools.combinations(range(len(rows)), size - len(shape.values)):
        matrix = np.concatenate([shape.equalities, rows[list(chosen)]])
        if abs(np.linalg.det(matrix)) > 1e-9:
            x = np.linalg.solve(matrix, np.concatenate([shape.values, limits[list(chosen)]]))
            if shape.contains(x, tolerance=1e-8):
                found.append(x)
    return np.array(found)


@pytest.mark.parametrize("seed", range(9))
def test_corners_within_a_box_against_every_vertex(seed):
    shape, source, objectives = random_shape(seed)
    width = 1.3 * least_change(shape, source) + 0.05
    found = near(shape, source, objectives, spread=0.0, max_change=width)
    vertices = all_vertices(within_box(shape, source, width))
    for x, objective in zip(found.corners.points, objectives, strict=True):
        assert np.abs(vertices - x).max(axis=1).min() < 1e-7
        assert objective @ x == pytest.approx((vertices @ objective).min(), abs=1e-9)
    assert np.abs(found.corners.points - source).max() <= width
    assert shape.contains(found.corners.points, tolerance=1e-10).all()
    assert found.max_change == width and found.max_total is None


@pytest.mark.parametrize("seed", range(9))
def test_the_least_change_is_the_end_of_what_is_feasible(seed):
    shape, source, objectives = random_shape(seed)
    least = least_change(shape, source)
    size = source.size
    eye, ones = np.eye(size), np.ones([size, 1])
    linprog = scipy.optimize.linprog(
        np.append(np.zeros(size), 1.0),
        np.block([[eye, -ones], [-eye, -ones], [shape.inequalities, np.zeros([5, 1])]]),
        np.concatenate([source, -source, shape.limits]),
        np.hstack([shape.equalities, np.zeros([len(shape.values), 1])]),
        shape.values,
        bounds=[(0, 1)] * size + [(0, None)],
    )
    assert least == pytest.approx(linprog.fun, abs=1e-8)
    assert nearest(shape, source, max_change=least + 1e-6).status == "optimal"
    if least > 1e-3:
        below = near(shape, source, objectives, spread=0.0, max_change=0.999 * least)
        assert below.status == "infeasible" and np.isnan(below.spread_reached)
        assert below.least_change == least


def test_least_changes_that_are_known():
    assert least_change(LINE, np.zeros(2)) == pytest.approx(10 / 7)
    assert least_change(SEGMENT, MIDDLE) == pytest.approx(0.0, abs=1e-9)
    assert least_change(EMPTY, MIDDLE) == INF


def test_a_box_as_wide_as_the_range_leaves_the_bounds_bit_for_bit():
    rng = np.random.default_rng(0)
    for low, high in ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0), (-0.3, 0.45)):
        shape = polytope(50, lower=low, upper=high)
        source = np.clip(rng.uniform(low, high, 50).round(1), low, high)
        box = within_box(shape, source, high - low)
        np.testing.assert_array_equal(box.lower, shape.lower)
        np.testing.assert_array_equal(box.upper, shape.upper)


def test_the_sides_of_a_box_survive_float32():
    shape, source = polytope(50, lower=0, upper=1), np.random.default_rng(0).random(50)
    box = within_box(shape, source, 0.1)
    for side in (box.lower, box.upper):
        assert (side == side.astype(np.float32)).all()
        assert np.abs(side - source).max() <= 0.1
    assert box.lower.min() >= 0 and box.upper.max() <= 1
    assert np.abs(box.upper - np.minimum(source + 0.1, 1)).max() < 1e-7


@pytest.mark.parametrize("spread", [0.01, 0.1, 0.3, 0.9])
def test_the_smallest_box_of_a_segment(spread):
    # Corners at (0.5 -+ m, 0.5 +- m) are 2 m apart, root mean square.
    found = near(SEGMENT, MIDDLE, ALONG, spread=spread)
    assert found.status == "optimal" and found.least_change == pytest.approx(0.0, abs=1e-9)
    assert spread <= found.spread_reached == pytest.approx(2 * found.max_change, abs=1e-6)
    assert spread / 2 <= found.max_change <= 1.021 * spread / 2


@pytest.mark.parametrize("spread", [0.01, 0.1, 0.3, 0.9])
def test_the_smallest_ball_of_a_segment(spread):
    # Corners at a distance of r to both sides are r sqrt(2) apart, root mean square.
    found = near(SEGMENT, MIDDLE, ALONG, spread=spread, within="ball")
    assert found.status == "optimal" and found.max_change is None
    assert spread <= found.spread_reached == pytest.approx(2**0.5 * found.max_total, abs=1e-5)
    assert spread / 2**0.5 <= found.max_total <= 1.021 * spread / 2**0.5 + 1e-6
    assert near(SEGMENT, MIDDLE, ALONG, spread=1.5, within="ball").spread_reached == pytest.approx(1.0)
    assert near(EMPTY, MIDDLE, ALONG, spread=spread, within="ball").status == "infeasible"


@pytest.mark.parametrize("seed", range(3))
def test_the_smallest_ball_is_none_larger_than_the_ball_of_the_smallest_box(seed):
    shape, source, objectives = random_shape(seed, size=12)
    box, ball = (near(shape, source, objectives, spread=0.05, within=within) for within in ("box", "ball"))
    assert ball.status == "optimal" and ball.spread_reached >= 0.05
    assert nearest(shape, source).distance <= ball.max_total
    assert ball.max_total <= 1.1 * np.linalg.norm(box.corners.points - source, axis=1).max()
    again = near(shape, source, objectives, spread=0.05, max_total=ball.max_total)
    np.testing.assert_array_equal(again.corners.points, ball.corners.points)


def test_a_spread_that_no_box_gives_is_told_with_the_largest():
    found = near(SEGMENT, MIDDLE, ALONG, spread=1.5)
    assert found.status == "too close"
    assert found.spread_reached == pytest.approx(1.0)
    np.testing.assert_allclose(found.corners.points, [[0, 1], [1, 0]], atol=1e-12)
    assert near(SEGMENT, MIDDLE, np.stack([ALONG[0]] * 2), spread=0.0).status == "too close"
    assert near(SEGMENT, MIDDLE, ALONG, spread=0.5, max_change=0.1).status == "too close"


def test_no_collision_at_all_is_a_status():
    found = near(EMPTY, MIDDLE, ALONG, spread=0.1)
    assert found.status == "infeasible" and found.least_change == INF
    assert found.corners.status == ("infeasible",) * 2
    assert near(EMPTY, MIDDLE, ALONG[:1], spread=0.1).status == "infeasible"
    for status in ("optimal", "infeasible", "too close", "failed: iteration limit"):
        assert len(explain_near(status)) > 10


def test_one_corner_lies_in_a_box_hardly_wider_than_the_least():
    found = near(SEGMENT, np.array([1.0, 0.5]), ALONG[:1], spread=0.1)
    assert found.status == "optimal" and found.spread_reached == INF
    assert found.least_change == pytest.approx(0.25)
    assert 0.25 <= found.max_change <= 0.256


@pytest.mark.parametrize("direction", ["units", "random", "diverse"])
@pytest.mark.parametrize("seed", range(4))
def test_a_larger_spread_never_gives_a_smaller_box(seed, direction):
    shape, source, objectives = random_shape(seed, size=12)
    found = [near(shape, source, objectives, direction=direction, spread=s) for s in (0.0, 0.02, 0.05, 0.1, 0.9)]
    widths = [one.max_change for one in found if one.status == "optimal"]
    assert widths == sorted(widths) and widths
    assert found[-1].status == "too close"
    for one in found:
        assert one.max_change >= one.least_change
        assert np.abs(one.corners.points - source).max() <= one.max_change
        assert one.spread_reached == smallest_distance(one.corners.points)


def test_the_box_that_was_found_gives_the_same_corners_when_asked_for():
    shape, source, objectives = random_shape(1)
    found = near(shape, source, objectives, spread=0.05)
    again = near(shape, source, objectives, spread=0.05, max_change=found.max_change)
    np.testing.assert_array_equal(again.corners.points, found.corners.points)


@pytest.mark.parametrize("seed", range(4))
def test_box_and_ball_together(seed):
    shape, source, objectives = random_shape(seed)
    width = 1.2 * least_change(shape, source) + 0.05
    radius = 1.05 * nearest(shape, source, max_change=width).distance + 0.02
    for direction in ("units", "random", "diverse"):
        found = near(shape, source, objectives, direction=direction, spread=0.0, max_change=width, max_total=radius)
        assert found.corners.status == ("optimal",) * 3
        assert np.linalg.norm(found.corners.points - source, axis=1).max() <= radius
        assert np.abs(found.corners.points - source).max() <= width
        assert shape.contains(found.corners.points, tolerance=1e-8).all()
        assert (found.max_change, found.max_total) == (width, radius)
    far = near(shape, source, objectives, spread=0.0, max_total=0.5 * nearest(shape, source).distance)
    assert far.status in ("infeasible", "optimal") and (far.status == "optimal") == (far.least_change < 1e-8)


@pytest.fixture(scope="module")
def collision():
    """36-20-3 with unit-normal weights, as the paper's: its map, a polytope, source, target and groups of units."""
    images = keras.Input((6, 6, 1))
    hidden = keras.layers.Dense(20, name="first")
    x = keras.layers.ReLU(name="tap")(hidden(keras.layers.Flatten()(images)))
    model = keras.Model(images, keras.layers.Dense(3, name="logits")(x))
    rng = np.random.default_rng(0)
    hidden.set_weights([rng.normal(size=[36, 20]).astype(np.float32), rng.normal(size=20).astype(np.float32)])
    net = Classifier(model, name="net", bounds=Bounds(0.0, 1.0), class_names=("a", "b", "c"))
    affine = affine_map(net, "tap")
    source, target = rng.random([2, 36], np.float32).astype(np.float64)
    shape = collision_polytope(affine, target, net.bounds, float32_safe=True)
    return affine, shape, source, target, [(int(u),) for u in np.flatnonzero(affine(target) <= 0)[:4]]


def test_published_corners_stay_with_a_box_or_ball_as_wide_as_the_range(collision):
    affine, shape, source, _, groups = collision
    published = {
        "units": exact_corners(shape, unit_objectives(affine, groups)),
        "random": exact_corners(shape, random_objectives(len(groups), 36, seed=3)),
        "diverse": diverse_corners(shape, len(groups), seed=3),
    }
    for direction, corners in published.items():
        found = corners_near(affine, shape, source, groups, direction=direction, spread=0.0, max_change=1.0, seed=3)
        np.testing.assert_array_equal(found.corners.points, corners.points)
        assert found.corners.iterations.tolist() == corners.iterations.tolist()
    for direction in ("units", "random"):
        found = corners_near(affine, shape, source, groups, direction=direction, spread=0.0, max_total=7.0, seed=3)
        np.testing.assert_array_equal(found.corners.points, published[direction].points)


@pytest.mark.parametrize("direction", [None, "random", "diverse"])
def test_saved_corners_near_the_source_collide_and_stay_within(collision, direction):
    affine, shape, source, target, groups = collision
    found = corners_near(affine, shape, source, groups, direction=direction, spread=0.05)
    assert found.status == "optimal" and found.spread_reached >= 0.05
    assert found.least_change <= found.max_change < 0.9
    total = np.linalg.norm(found.corners.points - source, axis=1).min()
    ball = corners_near(affine, shape, source, groups, direction=direction, spread=0.0, max_total=total)
    for one in (found, ball):
        kept = saved_corners(affine, target, shape, one.corners.points)
        assert (kept.inactive_bound <= 0).all()
        assert kept.feature_residual_float64.max() < 1e-9
        change = kept.points.astype(np.float64) - source
        assert np.abs(change).max() <= found.max_change or one is ball
        assert np.linalg.norm(change, axis=1).max() <= total or one is found


def test_what_makes_no_sense_is_refused():
    for options, words in (
        ({"direction": "up"}, "direction up: expected one of units, random, diverse"),
        ({"within": "cone"}, "within cone: expected one of box, ball"),
        ({"spread": -1.0}, "spread=-1.0"),
        ({"max_change": np.nan}, "max_change=nan"),
        ({"max_total": -0.1}, "max_total=-0.1"),
    ):
        with pytest.raises(RequestError, match=words):
            near(SEGMENT, MIDDLE, ALONG, **({"spread": 0.1} | options))
    with pytest.raises(RequestError, match="a source of shape"):
        near(SEGMENT, np.zeros(3), ALONG, spread=0.1)
    with pytest.raises(RequestError, match="bounds without an end"):
        near(LINE, MIDDLE, ALONG, spread=0.1)
