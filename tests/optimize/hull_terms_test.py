import numpy as np
import pytest
import tensorflow as tf

from tfcollide.optimize.hull_terms.crowding import crowding
from tfcollide.optimize.loss import draw_convex_weights


def test_weights_are_convex_and_a_function_of_step_and_seed():
    weights = draw_convex_weights(tf.constant(3), 500, 4, seed=1).numpy()
    assert weights.shape == (500, 4) and (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, rtol=1e-5)
    np.testing.assert_array_equal(weights, draw_convex_weights(tf.constant(3), 500, 4, seed=1))
    assert not np.array_equal(weights, draw_convex_weights(tf.constant(4), 500, 4, seed=1))
    assert not np.array_equal(weights, draw_convex_weights(tf.constant(3), 500, 4, seed=2))


def test_weights_are_uniform_on_the_simplex():
    # Dirichlet(1) of N weights: P(w_1 > c) = (1 - c)^(N - 1), and a variance of (N - 1) / (N^2 (N + 1)).
    weights = draw_convex_weights(tf.constant(0), 20_000, 3, seed=0).numpy()
    assert (weights[:, 0] > 0.5).mean() == pytest.approx(0.25, abs=0.015)
    assert weights.var(axis=0) == pytest.approx(np.full(3, 2 / 36), rel=0.05)


def test_crowding_by_hand():
    # Distances 3, 4 and 5; wanted 6: (1 - 3/6)^2, (1 - 4/6)^2, (1 - 5/6)^2.
    images = tf.constant([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]])
    assert float(crowding(images, 6.0)) == pytest.approx((0.25 + 1 / 9 + 1 / 36) / 3, rel=1e-3)
    assert float(crowding(images, 2.5)) == 0.0


def test_crowding_pushes_corners_apart_and_is_defined_where_they_coincide():
    images = tf.Variable([[1.0, 1.0], [2.0, 1.0]])
    with tf.GradientTape() as tape:
        value = crowding(images, 5.0)
    gradient = tape.gradient(value, images).numpy()
    assert gradient[0, 0] > 0 > gradient[1, 0]  # descending moves the left one left
    images.assign([[1.0, 1.0], [1.0, 1.0]])
    with tf.GradientTape() as tape:
        value = crowding(images, 5.0)
    np.testing.assert_array_equal(tape.gradient(value, images), 0.0)


def test_gradient_of_crowding_against_finite_differences():
    rng = np.random.default_rng(0)
    point = rng.normal(size=(3, 4)).astype(np.float64)

    def value(x):
        return float(crowding(tf.constant(x), 4.0))

    x = tf.constant(point)
    with tf.GradientTape() as tape:
        tape.watch(x)
        found = crowding(x, 4.0)
    gradient = tape.gradient(found, x).numpy()
    for index in np.ndindex(point.shape):
        step = np.zeros_like(point)
        step[index] = 1e-5
        assert gradient[index] == pytest.approx((value(point + step) - value(point - step)) / 2e-5, rel=1e-4, abs=1e-8)
