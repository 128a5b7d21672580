"""Newton's method on the multipliers finds what Clarabel finds, and says where it does not."""

import numpy as np
import pytest
import scipy.sparse

from tfcollide.polytope.exact import dual_newton
from tfcollide.polytope.exact.change import Change, solve_conic
from tfcollide.polytope.exact.dual_newton import lower_bound, smallest_change
from tfcollide.polytope.exact.halfspaces import Polytope
from tfcollide.polytope.exact.nearest import nearest


def drawn(seed, *, size=12, equations=5, inequalities=20, least=0.0, most=np.inf):
    """Around a point of it that lies on the bounds in half of its coordinates, and a source elsewhere."""
    rng = np.random.default_rng(seed)
    point = np.maximum(rng.standard_normal(size), 0.0)
    rows = rng.standard_normal([equations + inequalities, size])
    levels = rows @ point + np.append(np.zeros(equations), rng.uniform(0.0, 0.1, inequalities))
    sides = np.full(size, least), np.full(size, most)
    return Polytope(rows[:equations], levels[:equations], rows[equations:], levels[equations:], *sides), rng.standard_normal(
        size
    )


# With 11 equations and x >= 0 the set is mostly a point, and multipliers are not unique.
@pytest.mark.parametrize("equations", [0, 5, 11])
@pytest.mark.parametrize("least", [0.0, -np.inf])
def test_the_same_as_clarabel(equations, least):
    for seed in range(5):
        change = Change.of(*drawn(seed, equations=equations, least=least))
        status, z, dual = smallest_change(change)
        expected = solve_conic(change, scipy.sparse.eye_array(len(z), format="csc"), np.zeros(len(z)))[1]
        assert status == "optimal" and change.miss(z) < 1e-10
        np.testing.assert_allclose(z, expected, atol=1e-6)
        signed = np.where(change.equation, dual, np.minimum(dual, 0.0))
        assert abs(np.linalg.norm(z) - lower_bound(change, signed)) < 1e-9


def test_empty_sets_within_bounds_are_told():
    polytope, source = drawn(0, most=3.0)
    apart = np.concatenate([polytope.inequalities, -polytope.inequalities[:1]])
    limits = np.append(polytope.limits, -polytope.limits[0] - 1.0)
    empty = Polytope(polytope.equalities, polytope.values, apart, limits, polytope.lower, polytope.upper)
    assert smallest_change(Change.of(empty, source)) == ("infeasible", None, None)


def test_clarabel_is_asked_where_there_is_no_end(monkeypatch):
    polytope, source = drawn(0)
    expected = nearest(polytope, source)
    monkeypatch.setattr(dual_newton, "_STEPS", 1)
    assert smallest_change(Change.of(polytope, source)) is None
    np.testing.assert_allclose(nearest(polytope, source).point, expected.point, atol=1e-9)
