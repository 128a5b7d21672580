import numpy as np
import pytest
import scipy.optimize

from tfcollide.polytope.exact.ball import ball_solver
from tfcollide.polytope.exact.halfspaces import Polytope
from tfcollide.polytope.exact.nearest import nearest
from tfcollide.polytope.exact.vertices import vertex_solver

INF = np.inf


def polytope(size, *, equalities=(), values=(), inequalities=(), limits=(), lower=-INF, upper=INF):
    rows = [np.array(block, float).reshape(-1, size) for block in (equalities, inequalities)]
    sides = [np.broadcast_to(np.array(side, float), size).copy() for side in (lower, upper)]
    return Polytope(rows[0], np.array(values, float), rows[1], np.array(limits, float), *sides)


def random_shape(seed, size=8):
    rng = np.random.default_rng(seed)
    inside, rows = rng.random(size), rng.normal(size=[7, size])
    limits = rows[3:] @ inside + 0.05
    shape = polytope(
        size, equalities=rows[:3], values=rows[:3] @ inside, inequalities=rows[3:], limits=limits, lower=0, upper=1
    )
    return shape, rng.random(size), rng.normal(size=size)


@pytest.mark.parametrize(
    ("shape", "source", "radius", "cost", "point"),
    [
        (polytope(2), [1, 2], 5.0, [3, 4], [-2, -2]),
        (polytope(2, equalities=[[3, 4]], values=[10]), [0, 0], np.sqrt(5.0), [4, -3], [0.4, 2.2]),
        (polytope(2, inequalities=[[-1, 0]], limits=[0]), [0, 0], 1.0, [1, 0], None),  # a face of equals
        (polytope(3, equalities=[[1, 1, 1], [2, 2, 2]], values=[1, 2], lower=0), [0, 0, 0], 9.0, [3, 1, 2], [0, 1, 0]),
    ],
)
def test_extreme_points_that_are_known(shape, source, radius, cost, point):
    source, cost = np.array(source, float), np.array(cost, float)
    found = ball_solver(shape, source, radius)(cost)
    assert found.status == "optimal"
    assert shape.contains(found.x, tolerance=1e-9)
    assert np.linalg.norm(found.x - source) <= radius
    if point is not None:
        np.testing.assert_allclose(found.x, point, atol=1e-5)
    assert found.value == pytest.approx(cost @ found.x)


@pytest.mark.parametrize("seed", range(8))
def test_random_polytopes_against_another_solver(seed):
    shape, source, cost = random_shape(seed)
    radius = 1.1 * nearest(shape, source).distance + 0.01
    found = ball_solver(shape, source, radius)(cost)
    constraints = [
        {"type": "eq", "fun": lambda x: shape.equalities @ x - shape.values},
        {"type": "ineq", "fun": lambda x: shape.limits - shape.inequalities @ x},
        {"type": "ineq", "fun": lambda x: radius**2 - ((x - source) ** 2).sum(), "jac": lambda x: -2 * (x - source)},
    ]
    slsqp = scipy.optimize.minimize(
        lambda x: cost @ x,
        nearest(shape, source).point,
        jac=lambda x: cost,
        bounds=[(0, 1)] * source.size,
        constraints=constraints,
        options={"ftol": 1e-13, "maxiter": 500},
    )
    assert found.status == "optimal"
    assert found.value == pytest.approx(slsqp.fun, abs=2e-5)
    assert shape.contains(found.x, tolerance=1e-9)
    assert np.linalg.norm(found.x - source) <= radius
    assert np.linalg.norm(np.float32(found.x) - source) <= radius


def test_a_vertex_that_lies_in_the_ball_keeps_its_digits():
    shape, source, cost = random_shape(0)
    np.testing.assert_array_equal(ball_solver(shape, source, 3.0)(cost).x, vertex_solver(shape)(cost).x)


@pytest.mark.parametrize("seed", range(4))
def test_a_ball_that_touches_no_collision_is_a_status(seed):
    shape, source, cost = random_shape(seed)
    for share in (0.0, 0.5, 0.99):
        found = ball_solver(shape, source, share * nearest(shape, source).distance)(cost)
        assert found.status == "infeasible" and np.isnan(found.x).all()
