"""Emptiness, proven by a combination of the constraints that anybody can multiply out."""

import numpy as np
import pytest

from tfcollide.polytope.exact.emptiness import Farkas, farkas_vector, some_point
from tfcollide.polytope.exact.halfspaces import Polytope
from tfcollide.polytope.exact.relative_interior import is_empty

INF = np.inf


def polytope(size, *, equalities=(), values=(), inequalities=(), limits=(), lower=-INF, upper=INF):
    rows = [np.array(block, float).reshape(-1, size) for block in (equalities, inequalities)]
    sides = [np.broadcast_to(np.array(side, float), size).copy() for side in (lower, upper)]
    return Polytope(rows[0], np.array(values, float), rows[1], np.array(limits, float), *sides)


EMPTY = polytope(2, inequalities=[[1, 1]], limits=[-1], lower=0, upper=1)
SQUARE = polytope(2, lower=-1, upper=1)
SEGMENT = polytope(2, equalities=[[1, 1]], values=[1], lower=0, upper=1)


def multiplied(shape, proof):
    """What the combination says of x, which must be nothing, and its right-hand side."""
    rows = proof.equalities @ shape.equalities + proof.inequalities @ shape.inequalities - proof.below + proof.above
    lower, upper = (np.where(np.isfinite(side), side, 0) for side in (shape.lower, shape.upper))
    levels = proof.equalities @ shape.values + proof.inequalities @ shape.limits - proof.below @ lower + proof.above @ upper
    return rows, levels


def unbounded(rng):
    """Equations and inequalities, no bounds: x = e, and a sum of inequalities that says otherwise."""
    rows, at, share = rng.standard_normal([4, 6]), rng.standard_normal(6), rng.random(4)
    inequality = -(share @ rows)
    return polytope(
        6, equalities=3 * rows, values=3 * rows @ at, inequalities=[inequality, rows[0]], limits=[inequality @ at - 0.1, 99]
    )


EMPTIES = {
    "rows against bounds": EMPTY,
    "barely": polytope(1, inequalities=[[1], [-1]], limits=[0.5, -0.50001], lower=0, upper=1),
    "a dead unit": polytope(2, inequalities=[[0, 0]], limits=[-1], lower=0, upper=1),
    "bounds alone": polytope(2, lower=[0, 2], upper=[1, 1.5]),
    "two equations": polytope(2, equalities=[[1, 1], [2, 2]], values=[1, 3]),
    "x >= 0": polytope(2, equalities=[[1, 1]], values=[-1], lower=0),
    "without bounds": unbounded(np.random.default_rng(0)),
}


@pytest.mark.parametrize("shape", EMPTIES.values(), ids=EMPTIES)
def test_a_combination_reads_0_is_at_most_minus_1(shape):
    proof = farkas_vector(shape)
    rows, level = multiplied(shape, proof)
    assert level == pytest.approx(-1, abs=1e-9) and np.abs(rows).max() <= max(proof.residual, 1e-9)
    assert proof.residual < 1e-9
    assert min(part.min(initial=0) for part in proof[1:4]) >= 0  # inequalities and bounds may only be added
    assert not proof.below[np.isinf(shape.lower)].any() and not proof.above[np.isinf(shape.upper)].any()
    assert is_empty(shape)


def test_a_hand_solved_proof():
    """x + y <= -1 with x, y >= 0: the row plus both bounds."""
    proof = farkas_vector(EMPTY)
    np.testing.assert_allclose(proof.inequalities, [1])
    np.testing.assert_allclose(proof.below, [1, 1])


@pytest.mark.parametrize("shape", [SQUARE, SEGMENT])
def test_where_there_is_a_point_there_is_no_proof(shape):
    assert farkas_vector(shape) is None
    assert shape.contains(some_point(shape))


def test_the_slow_way_says_the_same(monkeypatch):
    """HiGHS does not always have a ray to show."""
    from tfcollide.polytope.exact import emptiness

    whole = emptiness.solve_program

    def without_ray(program):
        found = whole(program)
        return found if found.status == "optimal" else found._replace(status="failed: Unknown", row_dual=0 * found.row_dual)

    monkeypatch.setattr(emptiness, "solve_program", without_ray)
    proof = some_point(EMPTIES["without bounds"])
    assert isinstance(proof, Farkas)
    rows, level = multiplied(EMPTIES["without bounds"], proof)
    assert level == pytest.approx(-1) and np.abs(rows).max() < 1e-9
    assert SEGMENT.contains(some_point(SEGMENT))
