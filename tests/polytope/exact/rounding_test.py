import numpy as np
import pytest

from tfcollide.models.affine import AffineMap
from tfcollide.polytope.exact.rounding import inward, network_upper_bound, tightening
from tfcollide.polytope.proof.float_error import gamma


def affine_of(rng, size, units):
    weights, bias = (rng.normal(size=s).astype(np.float32).astype(float) for s in ([size, units], units))
    return AffineMap(weights, bias, np.abs(weights), np.abs(bias), size + 1)


def summed(affine, x, order):
    """Pre-activations in float32, one addition after the other in the given order."""
    terms = x[order].astype(np.float32)[:, None] * affine.weights[order].astype(np.float32)
    total = affine.bias.astype(np.float32)
    for term in terms:
        total = total + term
    assert total.dtype == np.float32
    return total


def test_gamma_is_a_little_more_than_n_u():
    assert gamma(1) == pytest.approx(2.0**-24, rel=1e-6)
    assert gamma(785) > 785 * 2.0**-24


def test_bounds_move_inward_to_float32():
    lower, upper = inward(np.array([0.0, 0.1, -0.1]), np.array([1.0, 0.3, 0.3]))
    assert (lower >= [0.0, 0.1, -0.1]).all() and (upper <= [1.0, 0.3, 0.3]).all()
    assert lower[0] == 0.0 and upper[0] == 1.0
    np.testing.assert_allclose(lower, [0.0, 0.1, -0.1], atol=1e-8)
    assert (lower.astype(np.float32) == lower).all() and (upper.astype(np.float32) == upper).all()


@pytest.mark.parametrize("bounds", [(0.0, 1.0), (-1.0, 0.0), (-0.5, 1.0)])
@pytest.mark.parametrize("seed", range(3))
def test_no_order_of_summation_exceeds_the_bounds(seed, bounds):
    rng = np.random.default_rng(seed)
    affine = affine_of(rng, 300, 5)
    x = rng.uniform(*bounds, 300)
    weights, offset = tightening(affine, np.full(300, bounds[0]), np.full(300, bounds[1]))
    rising = np.argsort(x * affine.weights[:, 0])  # all negative terms first: the partial sums are longest
    for order in (rising, rising[::-1], rng.permutation(300)):
        computed = summed(affine, x.astype(np.float32), order)
        assert (computed <= affine(x) + x @ weights + offset).all()
        assert (computed <= network_upper_bound(affine, x.astype(np.float32)[None])[0]).all()
    assert (x @ weights + offset > 0).all()


def test_a_dead_unit_without_bias_is_exactly_zero():
    affine = AffineMap(np.zeros([3, 1]), np.zeros(1), np.zeros([3, 1]), np.zeros(1), 4)
    weights, offset = tightening(affine, np.zeros(3), np.ones(3))
    assert not weights.any() and not offset.any()
    assert network_upper_bound(affine, np.ones([1, 3], np.float32)) == 0.0
