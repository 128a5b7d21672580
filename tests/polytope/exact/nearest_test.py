import numpy as np
import pytest
import scipy.optimize

from tfcollide.errors import RequestError
from tfcollide.polytope.exact.halfspaces import Polytope
from tfcollide.polytope.exact.nearest import nearest

INF = np.inf


def polytope(size, *, equalities=(), values=(), inequalities=(), limits=(), lower=-INF, upper=INF):
    rows = [np.array(block, float).reshape(-1, size) for block in (equalities, inequalities)]
    sides = [np.broadcast_to(np.array(side, float), size).copy() for side in (lower, upper)]
    return Polytope(rows[0], np.array(values, float), rows[1], np.array(limits, float), *sides)


BOX = polytope(3, lower=0, upper=1)
LINE = polytope(2, equalities=[[3, 4]], values=[10])
HALF_PLANE = polytope(2, inequalities=[[3, 4]], limits=[10])
SEGMENT = polytope(2, equalities=[[1, 1]], values=[1], lower=0, upper=1)
SIMPLEX = polytope(3, equalities=[[1, 1, 1]], values=[1], lower=0)
DOUBLED = polytope(2, equalities=[[3, 4], [6, 8], [0, 0]], values=[10, 20, 0], inequalities=[[0, 0], [3, 4]], limits=[0, 10])
EMPTY = polytope(2, inequalities=[[1, 1]], limits=[-1], lower=0, upper=1)

L2 = {
    "box": (BOX, [2, -1, 0.25], [1, 0, 0.25]),
    "line": (LINE, [0, 0], [1.2, 1.6]),  # 10 (3, 4) / 25
    "outside a half-plane": (HALF_PLANE, [6, 8], [1.2, 1.6]),
    "inside a half-plane": (HALF_PLANE, [-1, 1], [-1, 1]),
    "end of a segment": (SEGMENT, [3, 0], [1, 0]),
    "simplex": (SIMPLEX, [0.6, 0.6, -1], [0.5, 0.5, 0]),
    "rows that depend on each other": (DOUBLED, [0, 0], [1.2, 1.6]),
}


@pytest.mark.parametrize(("shape", "source", "point"), L2.values(), ids=L2)
def test_l2_projections_that_are_known(shape, source, point):
    found = nearest(shape, np.array(source, float), norm="l2")
    assert found.status == "optimal"
    np.testing.assert_allclose(found.point, point, atol=1e-9)
    assert found.distance == pytest.approx(np.linalg.norm(np.subtract(source, point)), abs=1e-9)
    assert abs(found.duality_gap) < 1e-8


L1 = {
    "box": (BOX, [2, -1, 0.25], 2.0),
    "line": (LINE, [0, 0], 2.5),  # all of it in the steeper coordinate
    "inside a half-plane": (HALF_PLANE, [-1, 1], 0.0),
    "outside a half-plane": (HALF_PLANE, [6, 8], 10.0),
    "end of a segment": (SEGMENT, [3, 0], 2.0),
    "simplex": (SIMPLEX, [0.6, 0.6, -1], 1.2),
    "rows that depend on each other": (DOUBLED, [0, 0], 2.5),
}


@pytest.mark.parametrize(("shape", "source", "distance"), L1.values(), ids=L1)
def test_l1_distances_that_are_known(shape, source, distance):
    found = nearest(shape, np.array(source, float), norm="l1")
    assert found.status == "optimal"
    assert shape.contains(found.point)
    assert found.distance == pytest.approx(distance, abs=1e-9)
    assert np.abs(found.point - source).sum() == pytest.approx(distance, abs=1e-9)
    assert abs(found.duality_gap) < 1e-9


def random_shape(seed, size=8):
    rng = np.random.default_rng(seed)
    inside, rows = rng.random(size), rng.normal(size=[7, size])
    return polytope(
        size,
        equalities=rows[:3],
        values=rows[:3] @ inside,
        inequalities=rows[3:],
        limits=rows[3:] @ inside + 0.05,
        lower=0,
        upper=1,
    ), rng.random(size)


@pytest.mark.parametrize("seed", range(8))
def test_random_polytopes_against_other_solvers(seed):
    shape, source = random_shape(seed)
    constraints = [
        {"type": "eq", "fun": lambda x: shape.equalities @ x - shape.values},
        {"type": "ineq", "fun": lambda x: shape.limits - shape.inequalities @ x},
    ]
    slsqp = scipy.optimize.minimize(
        lambda x: ((x - source) ** 2).sum(),
        source,
        jac=lambda x: 2 * (x - source),
        bounds=[(0, 1)] * source.size,
        constraints=constraints,
        options={"ftol": 1e-14, "maxiter": 500},
    )
    l2, l1 = nearest(shape, source, norm="l2"), nearest(shape, source, norm="l1")
    np.testing.assert_allclose(l2.point, slsqp.x, atol=1e-5)
    eye = np.eye(source.size)
    linprog = scipy.optimize.linprog(
        np.repeat([0.0, 1.0], source.size),
        np.block([[eye, -eye], [-eye, -eye], [shape.inequalities, 0 * shape.inequalities]]),
        np.concatenate([source, -source, shape.limits]),
        np.hstack([shape.equalities, 0 * shape.equalities]),
        shape.values,
        bounds=[(0, 1)] * source.size + [(0, None)] * source.size,
    )
    assert l1.distance == pytest.approx(linprog.fun, abs=1e-7)
    for found in (l1, l2):
        assert shape.violation(found.point).worst < 1e-10
        assert -1e-12 < found.duality_gap < 1e-8
    assert np.linalg.norm(l1.point - source) >= l2.distance - 1e-9
    assert l1.distance <= np.abs(l2.point - source).sum() + 1e-9


@pytest.mark.parametrize("norm", ["l1", "l2"])
def test_no_collision_within_the_bounds_is_a_status(norm):
    assert nearest(EMPTY, np.zeros(2), norm=norm).status == "infeasible"
    far = nearest(LINE, np.zeros(2), norm=norm, max_change=1.0)  # 3 x + 4 y <= 7 there
    assert far.status == "infeasible"
    assert np.isnan(far.point).all() and np.isnan(far.distance)
    assert nearest(SEGMENT, np.array([9.0, 9.0]), norm=norm, max_change=1.0).status == "infeasible"


@pytest.mark.parametrize("norm", ["l1", "l2"])
def test_the_change_of_each_coordinate_can_be_limited(norm):
    found = nearest(LINE, np.zeros(2), norm=norm, max_change=1.5)
    assert found.status == "optimal"
    assert np.abs(found.point).max() <= 1.5
    np.testing.assert_allclose(found.point, [4 / 3, 1.5], atol=1e-9)  # 10 = 3 x + 4 y, y at its limit
    assert abs(found.duality_gap) < 1e-8


@pytest.mark.parametrize(("norm", "distance"), [("l1", 2.5), ("l2", 2.0)])
def test_the_change_in_all_can_be_limited(norm, distance):
    assert nearest(LINE, np.zeros(2), norm=norm, max_total=distance + 1e-6).status == "optimal"
    far = nearest(LINE, np.zeros(2), norm=norm, max_total=distance - 1e-6)
    assert far.status == "too far" and np.isnan(far.point).all()
    assert far.distance == pytest.approx(distance)


def test_a_member_is_its_own_nearest():
    shape, _ = random_shape(0)
    member = nearest(shape, np.full(8, 0.5), norm="l2").point
    for norm in ("l1", "l2"):
        again = nearest(shape, member, norm=norm)
        np.testing.assert_allclose(again.point, member, atol=1e-9)
        assert again.distance < 1e-9 and again.duality_gap < 1e-7


def test_requests_that_make_no_sense():
    with pytest.raises(RequestError, match="norm max: expected one of l1, l2"):
        nearest(BOX, np.zeros(3), norm="max")
    with pytest.raises(RequestError, match="max_change=-1"):
        nearest(BOX, np.zeros(3), max_change=-1)
    with pytest.raises(RequestError, match=r"source of shape \(2,\)"):
        nearest(BOX, np.zeros(2))
