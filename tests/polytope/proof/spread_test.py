"""How single steps hold values, against brute force."""

import numpy as np
import pytest
import tensorflow as tf

from tfcollide.polytope.proof.spread import LOWEST, Arithmetic, HeldPool, Spread, through
from tfcollide.polytope.proof.steps import Hinge, MaxPool, windows

STEPS = {
    "relu": Hinge(),
    "leaky": Hinge(0.3),
    "ceiling": Hinge(0.0, 0.7),
    "both": Hinge(0.1, 0.7),
    "max": MaxPool((2, 2), (2, 2), ((0, 0), (0, 0))),
    "overlapping": MaxPool((3, 3), (1, 1), ((1, 1), (1, 1))),
}


def drawn(rng, count=4, shape=(6, 6, 2)):
    center, reach = rng.normal(size=(40, 1, *shape)), 10.0 ** rng.uniform(-3, 0.5, (40, 1, *shape))
    vertices = center + reach * rng.normal(size=(40, count, *shape))
    return Spread(
        tf.constant(vertices), tf.constant(10.0 ** rng.uniform(-3, 0.5, (40, *shape)) * rng.integers(0, 2, (40, *shape)))
    )


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("double", [False, True])
def test_what_a_step_gives_stays_within_its_radius(name, double):
    rng, step, arithmetic = np.random.default_rng(0), STEPS[name], Arithmetic(True, double)
    exact = drawn(rng)
    read = Spread(*(tf.cast(part, arithmetic.dtype) for part in exact))
    exact = Spread(*(tf.cast(part, tf.float64) for part in read))
    found, held = through(step, (read,), arithmetic)
    for k in range(30):
        weights = rng.dirichlet(np.full(4, 0.5)) if k > 3 else np.eye(4)[k]
        signs = np.sign(rng.normal(size=exact.radius.shape)) if k % 2 else rng.choice([-1.0, 1.0])
        value = np.tensordot(weights, exact.vertices, [[0], [1]]) + signs * np.asarray(exact.radius)
        out = np.asarray(step(tf.constant(value)))
        middle = np.tensordot(weights, np.float64(found.vertices), [[0], [1]])
        slack = 1e-13 * float(tf.reduce_max(exact.size))  # this test rounds, too
        assert (np.abs(out - middle) <= np.float64(found.radius) + slack).all()
        if isinstance(held, HeldPool):
            members = [np.asarray(part) for part in windows(step, tf.constant(value), border=LOWEST)]
            mean = sum(np.float64(share) * part for share, part in zip(held.shares, members, strict=True))
            high, error = np.float64(held.high), np.float64(held.error) + slack
            assert (mean - error <= out).all() and (out <= mean + high + error).all()
            continue
        slope, low, high, error = (np.float64(part) for part in (held.slope, held.low, held.high, held.error + slack))
        assert (slope * value + low - error <= out).all() and (out <= slope * value + high + error).all()


def test_a_radius_goes_through_once():
    """Of members that are all alike and of a ReLU at its bend, a radius leaves no more than what is true."""
    flat = Spread(tf.zeros([1, 3, 2, 2, 1]), tf.ones([1, 2, 2, 1]))
    pooled, _ = through(STEPS["max"], (flat,), Arithmetic(True, False))
    np.testing.assert_allclose(pooled.radius, 1.0, rtol=1e-3)
    rectified, _ = through(STEPS["relu"], (flat,), Arithmetic(True, False))
    np.testing.assert_allclose(rectified.radius, 0.5, rtol=1e-3)


def test_of_two_members_that_take_turns_the_mean_is_the_chord():
    """max(a, b) with b - a from -1 to 1 lies within 0 and 1/2 above (a + b) / 2."""
    vertices = tf.constant([[0.0, 1.0], [0.0, -1.0]], shape=[1, 2, 1, 2, 1])
    pool = MaxPool((1, 2), (1, 2), ((0, 0), (0, 0)))
    found, held = through(pool, (Spread(vertices, tf.zeros([1, 1, 2, 1])),), Arithmetic(True, False))
    np.testing.assert_allclose([share[0, 0, 0, 0] for share in held.shares], 0.5, rtol=1e-6)
    np.testing.assert_allclose([held.high[0, 0, 0, 0], found.radius[0, 0, 0, 0]], [0.5, 0.25], rtol=1e-3)
