import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcollide.errors import RequestError
from tfcollide.models.affine import affine_map
from tfcollide.models.classifier import Classifier
from tfcollide.polytope.exact.halfspaces import Polytope, collision_polytope
from tfcollide.polytope.exact.vertices import (
    SavedCorners,
    diverse_corners,
    exact_corners,
    explain,
    random_objectives,
    saved_corners,
    unit_objectives,
)
from tfcollide.polytope.hull.mixing import mean_distance
from tfcollide.shapes import Bounds

INF = np.inf


def polytope(size, *, equalities=(), values=(), inequalities=(), limits=(), lower=-INF, upper=INF):
    rows = [np.array(block, float).reshape(-1, size) for block in (equalities, inequalities)]
    sides = [np.broadcast_to(np.array(side, float), size).copy() for side in (lower, upper)]
    return Polytope(rows[0], np.array(values, float), rows[1], np.array(limits, float), *sides)


SQUARE = polytope(2, lower=-1, upper=1)
TRIANGLE = polytope(2, inequalities=[[-1, 0], [0, -1], [3, 4]], limits=[0, 0, 12])
SIMPLEX = polytope(3, equalities=[[1, 1, 1]], values=[1], lower=0)
POINT = polytope(2, equalities=[[1, 1], [1, -1]], values=[1, 0], lower=0, upper=1)
WEDGE = polytope(2, inequalities=[[-1, 1], [-1, -1]], limits=[0, 0])
EMPTY = polytope(2, inequalities=[[1, 1]], limits=[-1], lower=0, upper=1)
PYRAMID = polytope(3, inequalities=[[1, 0, 1], [-1, 0, 1], [0, 1, 1], [0, -1, 1], [0, 0, -1]], limits=[1, 1, 1, 1, 0])
REPEATED = polytope(
    2, equalities=[[1, 1], [2, 2], [0, 0]], values=[1, 2, 0], inequalities=[[1, 0]] * 3, limits=[0.3] * 3, lower=0
)
FIXED = polytope(3, equalities=[[1, 1, 1]], values=[3], lower=[0, 2, 0], upper=[1, 2, 1])


@pytest.mark.parametrize(
    ("shape", "objective", "corner"),
    [
        (SQUARE, [1, 2], [-1, -1]),
        (SQUARE, [-1, 2], [1, -1]),
        (TRIANGLE, [-1, -1], [4, 0]),
        (TRIANGLE, [-1, -2], [0, 3]),
        (SIMPLEX, [3, 1, 2], [0, 1, 0]),
        (POINT, [5, -3], [0.5, 0.5]),
        (WEDGE, [1, 0], [0, 0]),
        (PYRAMID, [0.1, 0, -1], [0, 0, 1]),  # four planes meet there
        (REPEATED, [-1, 0], [0.3, 0.7]),
        (FIXED, [1, 0, 0], [0, 2, 1]),
    ],
)
def test_known_corners(shape, objective, corner):
    found = exact_corners(shape, np.array([objective], float))
    assert found.status == ("optimal",)
    np.testing.assert_allclose(found.points[0], corner, atol=1e-12)
    assert found.values[0] == pytest.approx(np.dot(objective, corner))


def test_failures_are_words():
    assert exact_corners(EMPTY, np.eye(2)).status == ("infeasible", "infeasible")
    found = exact_corners(WEDGE, np.array([[1.0, 0.0], [-1.0, 0.0]]))
    assert found.status == ("optimal", "unbounded")
    assert np.isnan(found.points[1]).all() and np.isnan(found.values[1])
    assert exact_corners(polytope(2), np.eye(2)).status[0] == "unbounded"
    assert "no point in common" in explain("infeasible")
    assert "no end" in explain("unbounded")
    assert "iteration limit" in explain("failed: iteration limit")


def brute_force(shape, objective):
    """The least value over all vertices: every choice of D tight constraints, equalities included."""
    size = shape.lower.size
    rows = np.concatenate([shape.inequalities, -np.eye(size), np.eye(size)])
    limits = np.concatenate([shape.limits, -shape.lower, shape.upper])
    best = INF
    for chosen in itertools.combinations(range(len(rows)), size - len(shape.values)):
        matrix = np.concatenate([shape.equalities, rows[list(chosen)]])
        if abs(np.linalg.det(matrix)) > 1e-9:
            x = np.linalg.solve(matrix, np.concatenate([shape.values, limits[list(chosen)]]))
            if shape.contains(x, tolerance=1e-8):
                best = min(best, float(objective @ x))
    return best


@pytest.mark.parametrize("seed", range(12))
def test_random_polytopes_against_every_vertex(seed):
    rng = np.random.default_rng(seed)
    size, inside = 4, rng.random(4)
    equalities, inequalities = rng.normal(size=[seed % 3, size]), rng.normal(size=[5, size])
    shape = polytope(
        size,
        equalities=equalities,
        values=equalities @ inside,
        inequalities=inequalities,
        limits=inequalities @ inside + 0.2 * rng.random(5),
        lower=0,
        upper=1,
    )
    objectives = rng.normal(size=[3, size])
    found = exact_corners(shape, objectives)
    assert shape.contains(found.points, tolerance=1e-12).all()
    np.testing.assert_allclose(found.values, [brute_force(shape, o) for o in objectives], atol=1e-9)


def test_the_solution_is_a_vertex_on_a_face_of_equals():
    x = exact_corners(SIMPLEX, np.array([[1.0, 1.0, 5.0]])).points[0]
    assert sorted(x.round(12)) == [0, 0, 1]


def test_workers_do_not_change_a_bit():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=[20, 40])
    shape = polytope(40, equalities=rows[:8], values=rows[:8] @ np.full(40, 0.5), lower=0, upper=1)
    objectives = random_objectives(6, 40, seed=1)
    one, two = (exact_corners(shape, objectives, workers=w).points for w in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_objectives_of_another_size_are_refused():
    with pytest.raises(RequestError, match=r"expected \(N, 2\)"):
        exact_corners(SQUARE, np.eye(3))


def test_diverse_corners_of_a_square_are_all_four():
    found = diverse_corners(SQUARE, 4, seed=0)
    assert {tuple(p) for p in found.points} == set(itertools.product((-1.0, 1.0), repeat=2))
    np.testing.assert_array_equal(found.points[1], -found.points[0])  # the furthest from the first
    assert diverse_corners(EMPTY, 3, seed=0).status == ("infeasible",) * 3


def test_diverse_corners_are_further_apart_than_random_ones():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=[10, 60])
    shape = polytope(60, equalities=rows, values=rows @ rng.random(60), lower=0, upper=1)
    diverse, drawn = (
        mean_distance(f.points)
        for f in (diverse_corners(shape, 5, seed=0), exact_corners(shape, random_objectives(5, 60, seed=0)))
    )
    assert diverse > 1.05 * drawn


@pytest.fixture(scope="module")
def net():
    """36-20-3 with unit-normal weights, as the paper's; the third unit is dead."""
    images = keras.Input((6, 6, 1))
    hidden = keras.layers.Dense(20, name="first")
    x = keras.layers.ReLU(name="tap")(hidden(keras.layers.Flatten()(images)))
    model = keras.Model(images, keras.layers.Dense(3, name="logits")(x))
    rng = np.random.default_rng(0)
    kernel, bias = rng.normal(size=[36, 20]), rng.normal(size=20)
    kernel[:, 2], bias[2] = 0.0, -1.0
    hidden.set_weights([kernel.astype(np.float32), bias.astype(np.float32)])
    return Classifier(model, name="net", bounds=Bounds(0.0, 1.0), class_names=("a", "b", "c"))


def saved(net, target, *, float32_safe):
    affine = affine_map(net, "tap")
    shape = collision_polytope(affine, target, net.bounds, float32_safe=float32_safe)
    inactive = np.flatnonzero(affine(target) <= 0)
    groups = [(int(u),) for u in inactive if u != 2] + [tuple(int(u) for u in inactive[:2])]
    found = exact_corners(shape, unit_objectives(affine, groups))
    assert set(found.status) == {"optimal"}
    return affine, groups, found, saved_corners(affine, target, shape, found.points)


@pytest.mark.parametrize("seed", range(5))
def test_saved_corners_switch_no_inactive_unit_on(net, seed):
    target = np.random.default_rng(seed).random(36, np.float32)
    affine, _, found, kept = saved(net, target, float32_safe=True)
    assert isinstance(kept, SavedCorners) and kept.points.dtype == np.float32
    assert kept.points.min() >= 0 and kept.points.max() <= 1
    assert kept.feature_residual_float64.max() < 1e-12
    assert kept.feature_residual_float32.max() < 1e-5
    assert (kept.inactive_bound <= 0).all()
    computed = net.tap("tap").pre_activation(tf.constant(kept.points.reshape(-1, 6, 6, 1))).numpy()
    goal = net.tap("tap").pre_activation(tf.constant(target.reshape(1, 6, 6, 1))).numpy()[0]
    active = affine(target) > 0
    assert computed[:, ~active].max() <= 0
    assert ((computed - goal)[:, active] ** 2).sum(axis=1).max() < 1e-6
    # The bound is one: the float32 network stays below it.
    assert (computed[:, ~active].max(axis=1) <= kept.inactive_bound).all()
    assert np.ptp(found.points) == 1.0


def test_without_tightening_there_is_no_proof(net):
    target = np.random.default_rng(0).random(36, np.float32)
    kept = saved(net, target, float32_safe=False)[3]
    assert kept.inactive_bound.max() > 0
    assert kept.feature_residual_float64.max() < 1e-12


def test_a_group_pushes_the_sum_of_its_units(net):
    target = np.random.default_rng(0).random(36, np.float32)
    affine, groups, found, _ = saved(net, target, float32_safe=False)
    sums = [affine(x)[list(group)].sum() for x, group in zip(found.points, groups, strict=True)]
    np.testing.assert_allclose(found.values, sums - np.array([affine.bias[list(group)].sum() for group in groups]))
    a, b = groups[-1]
    assert sums[-1] <= sums[groups.index((a,))] + affine(found.points[groups.index((a,))])[b] + 1e-9


def test_rows_that_join_late_are_minded():
    # Unbounded without its inequalities, so that all of them have to join.
    shape = polytope(2, inequalities=[[-1, 0], [0, -1], [-1, -1]], limits=[0, 0, -3])
    assert exact_corners(shape, np.array([[1.0, 2.0]])).points[0] == pytest.approx([3, 0])
