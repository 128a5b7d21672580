import numpy as np
import pytest
import tensorflow as tf

from tfcollide.polytope.hull.mixing import convex_weights, mix
from tfcollide.polytope.hull.simplex import apart, bisect, coarse, project, project_compiled, starts
from tfcollide.polytope.hull.worst_mixture import MixtureSearch, clopper_pearson

NAMES = ("target", "other", "third")


def valley(center, depth):
    """Margin |w - center|^2 - depth where corners are unit vectors; class "other" wins inside."""

    def logits(images):
        flat = tf.reshape(images, [tf.shape(images)[0], -1])
        margin = tf.reduce_sum(tf.square(flat - center), axis=1) - depth
        return tf.stack([margin, tf.zeros_like(margin), tf.zeros_like(margin) - 5.0], axis=1)

    return logits


def unit_corners(count):
    return np.eye(count, dtype=np.float32).reshape(count, count, 1, 1)


@pytest.mark.parametrize(
    "center, lowest",
    [
        ([0.2, 0.3, 0.5], [0.2, 0.3, 0.5]),  # inside
        ([0.9, 0.3, -0.2], [0.8, 0.2, 0.0]),  # beyond an edge
        ([3.0, 0.0, 0.0], [1.0, 0.0, 0.0]),  # beyond a vertex
    ],
)
def test_a_known_minimum_is_found(center, lowest):
    found = MixtureSearch(valley(np.float32(center), 0.01), (3, 1, 1), NAMES)(unit_corners(3), 0, random_starts=8)
    np.testing.assert_allclose(found.convex_weights, lowest, atol=2e-3)
    expected = np.sum((np.array(lowest) - center) ** 2) - 0.01
    assert found.margin == pytest.approx(expected, abs=1e-4)
    assert found.predicted == ("other" if expected < 0 else "target")


def test_a_pit_that_two_thousand_samples_miss_is_found():
    center = np.float32([0.96, 0.01, 0.01, 0.01, 0.01])
    logits, corners = valley(center, 4e-4), unit_corners(5)
    sampled = convex_weights(2000, 5)
    values = logits(tf.constant(mix(sampled, corners))).numpy()
    assert (values.argmax(axis=1) == 0).all()
    found = MixtureSearch(logits, (5, 1, 1), NAMES)(corners, 0, known=sampled)
    assert found.predicted == "other" and found.margin < 0


def test_the_answer_is_what_the_saved_weights_give_and_no_better_than_a_known_mixture():
    rng = np.random.default_rng(0)
    weight = tf.constant(rng.normal(size=(12, 3)), tf.float32)

    def logits(images):
        return tf.sin(tf.reshape(images, [-1, 12]) @ weight * 3.0)

    corners = rng.normal(size=(4, 2, 3, 2)).astype(np.float32)
    sampled = convex_weights(500, 4)
    found = MixtureSearch(logits, (2, 3, 2), NAMES)(corners, 1, known=sampled, random_starts=3, batch_size=7)
    weights = np.float32([found.convex_weights])
    assert weights.min() >= 0 and weights.sum() == pytest.approx(1, abs=1e-6)
    value = logits(mix(weights, corners)).numpy()[0].astype(float)
    assert found.margin == pytest.approx(value[1] - max(value[0], value[2]), abs=1e-6)
    values = logits(mix(sampled, corners)).numpy()
    assert found.margin <= (values[:, 1] - np.maximum(values[:, 0], values[:, 2])).min() + 1e-6


def test_five_corners_take_no_more_than_a_quarter_of_the_passes_of_thirty_steps_from_every_start():
    search = MixtureSearch(valley(np.full(5, 0.2, np.float32), 1.0), (5, 1, 1), NAMES)
    search(unit_corners(5), 0, known=convex_weights(8, 5), random_starts=8)
    everywhere = (5 + 10 + 1 + 8 + 8) * (3 * 30 + 2)
    assert 0 < search.passes <= everywhere / 4


def test_one_of_two_pits_that_is_flat_from_afar_is_found():
    """The lower pit lies near an edge, the higher one draws from most places."""

    def logits(images):
        flat = tf.reshape(images, [tf.shape(images)[0], -1])
        wide = tf.reduce_sum(tf.square(flat - np.float32([0.1, 0.2, 0.2, 0.4, 0.1])), axis=1)
        deep = 4.0 * tf.reduce_sum(tf.square(flat - np.float32([0.72, 0.28, 0.0, 0.0, 0.0])), axis=1) - 0.1
        margin = tf.minimum(wide, deep)
        return tf.stack([margin, tf.zeros_like(margin), tf.zeros_like(margin) - 5.0], axis=1)

    found = MixtureSearch(logits, (5, 1, 1), NAMES)(unit_corners(5), 0, random_starts=8)
    assert found.margin == pytest.approx(-0.1, abs=1e-3)


def test_a_margin_that_is_no_number_is_the_worst():
    def logits(images):
        flat = tf.reshape(images, [tf.shape(images)[0], -1])
        margin = tf.where(flat[:, 0] > 0.9, np.nan, flat[:, 0] + 1.0)
        return tf.stack([margin, tf.zeros_like(margin), tf.zeros_like(margin)], axis=1)

    assert np.isnan(MixtureSearch(logits, (3, 1, 1), NAMES)(unit_corners(3), 0).margin)


def test_one_corner_and_flat_margins():
    flat = MixtureSearch(lambda x: tf.zeros([tf.shape(x)[0], 2]), (2, 1, 1), NAMES[:2])(unit_corners(2), 0, random_starts=2)
    assert flat.margin == 0.0
    assert MixtureSearch(valley(np.float32([1.0]), 2.0), (1, 1, 1), NAMES)(unit_corners(1), 0).convex_weights == (1.0,)


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
@pytest.mark.parametrize("samples", [1, 10, 2000])
def test_clopper_pearson_without_failures_has_a_closed_form(samples, confidence):
    bound = clopper_pearson(0, samples, confidence)
    assert bound.confidence == confidence
    assert bound.share == pytest.approx(1 - (1 - confidence) ** (1 / samples), rel=1e-9)


# One-sided 97.5 % bounds are the upper ends of the tabulated two-sided 95 % intervals.
@pytest.mark.parametrize(
    "failures, samples, confidence, share",
    [(1, 10, 0.975, 0.4450), (5, 10, 0.975, 0.8129), (10, 100, 0.975, 0.1762), (0, 2000, 0.95, 0.00150), (10, 10, 0.95, 1.0)],
)
def test_clopper_pearson_matches_tables(failures, samples, confidence, share):
    assert clopper_pearson(failures, samples, confidence).share == pytest.approx(share, abs=5e-5)


def test_clopper_pearson_is_the_binomial_tail():
    from scipy.stats import binom

    assert binom.cdf(7, 300, clopper_pearson(7, 300).share) == pytest.approx(0.05)


def test_starts_lie_on_the_simplex():
    points = starts(np.random.default_rng(0), 5, 40)
    assert len(points) == 5 + 10 + 1 + 40
    assert points.min() >= 0 and np.abs(points.sum(axis=1) - 1).max() < 1e-12
    assert len(starts(np.random.default_rng(0), 30, 0)) == 30 + 200 + 1
    np.testing.assert_array_equal(starts(np.random.default_rng(0), 1, 2), np.ones((4, 1)))


def test_coarse_points_lie_on_the_simplex():
    points = coarse(np.random.default_rng(0), 5, 7)
    assert len(points) == 5 + 9 * 10 + 10 + 1 + 7
    assert points.min() >= 0 and np.abs(points.sum(axis=1) - 1).max() < 1e-12
    assert len(coarse(np.random.default_rng(0), 30, 0)) == 30 + 9 * 200 + 200 + 1
    assert len(coarse(np.random.default_rng(0), 2, 1)) == 2 + 9 + 1 + 1


def test_points_apart_are_the_lowest_ones_of_their_neighborhoods():
    points, values = np.array([[0.0], [0.1], [1.0], [0.05], [2.0]]), np.array([3.0, 1.0, 2.0, 0.0, 9.0])
    assert apart(points, values, 3, 0.5).tolist() == [3, 2, 4]
    assert apart(points, values, 4, 0.5).tolist() == [3, 2, 4, 1]


def test_projection_gives_the_nearest_point():
    rng = np.random.default_rng(0)
    points, others = rng.normal(size=(50, 4)), rng.dirichlet(np.full(4, 0.5), 5000)
    nearest = project(points)
    np.testing.assert_allclose(project_compiled(tf.constant(points)), nearest, rtol=0, atol=1e-15)
    assert nearest.min() >= 0 and np.abs(nearest.sum(axis=1) - 1).max() < 1e-12
    gaps = np.linalg.norm(points[:, None] - others, axis=2).min(axis=1) - np.linalg.norm(points - nearest, axis=1)
    assert gaps.min() >= -1e-12


def test_halves_fill_the_whole():
    whole = np.eye(3)[None]
    halves = bisect(whole, np.array([[0, 2]]))
    assert np.abs(np.linalg.det(halves)).tolist() == [0.5, 0.5]
    np.testing.assert_array_equal(halves[0][0], [0.5, 0, 0.5])
    np.testing.assert_array_equal(halves[1][2], [0.5, 0, 0.5])
