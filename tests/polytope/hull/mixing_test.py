import itertools

import numpy as np
import pytest
import tensorflow as tf

from tfcollide.polytope.hull.mixing import SAMPLINGS, convex_weights, mean_distance, mix, mixed


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("corners", [1, 2, 5])
def test_weights_are_convex(sampling, corners):
    weights = convex_weights(1000, corners, sampling=sampling, seed=3)
    assert weights.shape == (1000, corners) and weights.dtype == np.float32
    assert weights.min() >= 0
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_the_seed_decides(sampling):
    one, same, other = (convex_weights(10, 3, sampling=sampling, seed=seed) for seed in (1, 1, 2))
    assert one.tobytes() == same.tobytes() != other.tobytes()


def test_uniform_has_the_moments_of_a_flat_dirichlet():
    # Dirichlet(1) of n: mean 1/n, variance (n - 1) / (n^2 (n + 1)), covariance -1 / (n^2 (n + 1))
    weights = convex_weights(200_000, 4).astype(np.float64)
    np.testing.assert_allclose(weights.mean(axis=0), 1 / 4, atol=3e-3)
    expected = (4 * np.eye(4) - 1) / (4**2 * 5)
    np.testing.assert_allclose(np.cov(weights.T), expected, atol=1e-3)


def test_uniform_is_uniform_for_two_corners():
    first = np.sort(convex_weights(100_000, 2)[:, 0])
    assert np.abs(first - np.linspace(0, 1, len(first))).max() < 0.01  # Kolmogorov-Smirnov


def test_stick_breaking_halves_what_is_left():
    # w1 = u1: mean 1/2, variance 1/12. E[w2] = E[u2] E[1 - u1] = 1/4, E[w2^2] = 1/9; the last has what w3 has.
    weights = convex_weights(200_000, 4, sampling="stick_breaking").astype(np.float64)
    np.testing.assert_allclose(weights.mean(axis=0), [1 / 2, 1 / 4, 1 / 8, 1 / 8], atol=3e-3)
    np.testing.assert_allclose((weights**2).mean(axis=0), [1 / 3, 1 / 9, 1 / 27, 1 / 27], atol=3e-3)


def test_mix_by_hand():
    corners = np.array([[0, 8, 4, 1], [8, 0, 4, 3]], np.float32).reshape(2, 2, 2, 1)
    mixtures = mix(np.array([[0.25, 0.75], [1.0, 0.0], [0.5, 0.5]]), corners)
    assert mixtures.dtype == np.float32
    assert mixtures.tolist() == np.reshape([[6, 2, 4, 2.5], [0, 8, 4, 1], [4, 4, 4, 2]], [3, 2, 2, 1]).tolist()


def test_mixtures_stay_in_the_range_of_the_corners():
    corners = np.ones([5, 2, 2, 1], np.float32)
    weights = convex_weights(20_000, 5)
    assert (weights.sum(axis=1) > 1).any()
    assert mix(weights, corners).max() == 1.0


def brute_force(images):
    flat = images.reshape(len(images), -1).astype(np.float64)
    return np.mean([np.linalg.norm(a - b) for a, b in itertools.combinations(flat, 2)])


def test_mean_distance_by_hand():
    # 3, 4 and 5 between the corners of a right triangle
    assert mean_distance(np.array([[[0.0, 0.0]], [[3.0, 0.0]], [[0.0, 4.0]]])) == pytest.approx(4.0)


@pytest.mark.parametrize("offset", [0.0, 1e6])
@pytest.mark.parametrize("count", [2, 37])
def test_mean_distance_equals_brute_force(count, offset):
    images = np.random.default_rng(0).normal(offset, 1.0, [count, 3, 2, 1])
    assert mean_distance(images) == pytest.approx(brute_force(images), rel=1e-8)


def test_mean_distance_over_several_blocks():
    # 2,100 points on a line: every distance is a difference, the mean of i - j over i > j is (n + 1) / 3
    count = 2100
    images = np.random.default_rng(0).permutation(count).reshape(count, 1, 1, 1).astype(np.float32)
    assert mean_distance(images) == pytest.approx((count + 1) / 3, rel=1e-9)


def test_the_distance_of_equal_images_is_zero():
    assert mean_distance(np.full([5, 2, 2, 1], 0.1, np.float32)) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_images_have_no_distance(count):
    assert mean_distance(np.zeros([count, 2, 2, 1])) is None


def test_mixing_on_the_device_is_mixing():
    corners = np.random.default_rng(0).uniform(-1, 1, [3, 4, 5, 2]).astype(np.float32)
    weights = convex_weights(50, 3)
    found = tf.function(mixed)(tf.constant(weights), tf.constant(corners)).numpy()
    np.testing.assert_allclose(found, mix(weights, corners), rtol=0, atol=3e-7)
    assert found.min() >= corners.min() and found.max() <= corners.max()
    white = np.ones([3, 2, 2, 1], np.float32)
    assert (mixed(tf.constant(weights + 1e-6), tf.constant(white)).numpy() == 1).all()
