import numpy as np
import pytest
import scipy.sparse

from tfcollide.polytope.exact.change import Change, solve_conic
from tfcollide.polytope.exact.halfspaces import Polytope

TRIANGLE = Polytope(
    np.zeros([0, 2]), np.zeros(0), np.array([[3.0, 4.0], [-2.0, 0.0]]), np.array([10.0, 0.0]), np.full(2, -9.0), np.full(2, 9.0)
)
SOURCE = np.array([1.0, 1.0])


def test_a_change_is_measured_from_the_source_in_rows_of_length_one():
    change = Change.of(TRIANGLE, SOURCE, 4.0)
    np.testing.assert_allclose(change.rows, [[0.6, 0.8], [-1, 0]])
    np.testing.assert_allclose(change.limits, [0.6, 1.0])
    assert change.least.tolist() == [-4, -4] and change.most.tolist() == [4, 4]
    assert change.miss(np.array([1.0, 1.0])) == pytest.approx(0.8)
    assert change.miss(np.zeros(2)) == 0.0
    assert Change.of(TRIANGLE, SOURCE).most.tolist() == [8, 8]


def test_rows_join_once_they_are_violated():
    none, eye = (scipy.sparse.csc_array(m) for m in (np.zeros([2, 2]), np.eye(2)))
    change = Change.of(TRIANGLE, SOURCE)
    status, z, dual = solve_conic(change, none, np.array([-3.0, -4.0]), radius=2.0)
    assert status == "optimal" and change.rows[0] @ z == pytest.approx(0.6)
    assert dual[0] < 0 and dual[1] == pytest.approx(0.0, abs=1e-6)
    status, z, _ = solve_conic(change, eye, np.array([0.0, -1.0]))  # (z - (0, 1))^2 / 2 but for a constant
    np.testing.assert_allclose(z, [-0.12, 0.84], atol=1e-8)


def test_nothing_in_reach_is_a_status():
    change = Change.of(TRIANGLE, np.array([9.0, 9.0]))
    assert solve_conic(change, scipy.sparse.csc_array((2, 2)), np.ones(2), radius=1.0) == ("infeasible", None, None)
