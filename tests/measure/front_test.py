"""The front against what is known: the nearest collision of an affine tap, and a network of one unit by hand."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tfcollide.measure.front import FrontSearch
from tfcollide.models.affine import AffineMap
from tfcollide.objectives import terms
from tfcollide.polytope.exact.halfspaces import collision_polytope
from tfcollide.polytope.exact.nearest import nearest
from tfcollide.shapes import Bounds

UNIT, SHAPE = Bounds(0.0, 1.0), (4, 5, 1)


class Pair:
    """A random layer of 20 inputs and a pair of images; in other units of the pixels, if asked for."""

    def __init__(self, seed, units=14, scale=1.0):
        rng = np.random.default_rng(seed)
        self.kernel = (rng.normal(size=[20, units]) / scale).astype(np.float32)
        self.bias = (0.3 * rng.normal(size=units)).astype(np.float32)
        self.source, self.target = (scale * rng.random([2, *SHAPE])).astype(np.float32)
        self.bounds, self.span = Bounds(0.0, scale), np.linalg.norm(self.source - self.target)
        self.goal = terms.make_goal(self.look(self.target[None]).numpy()[0], ((),))

    def look(self, images):
        return tf.reshape(images, [-1, 20]) @ self.kernel + self.bias

    def distance(self, images):
        return terms.feature_distance(self.look(images), self.goal.post_activation).numpy()

    def nearest(self):
        wide, one = self.kernel.astype(np.float64), self.bias.astype(np.float64)
        affine = AffineMap(wide, one, np.abs(wide), np.abs(one), 1)
        polytope = collision_polytope(affine, self.target.astype(np.float64).ravel(), self.bounds)
        found = nearest(polytope, self.source.astype(np.float64).ravel())
        assert found.status == "optimal"
        return found.distance / self.span

    def front(self, share, corners=1, spread=0.0, **options):
        search = FrontSearch(self.look, self.bounds, corners, spread)
        start = float(self.distance(self.source[None])[0])
        return search(self.source, self.target, self.goal, matches_at=share * start, **options)


@pytest.mark.parametrize("scale", [1.0, 255.0])
@pytest.mark.parametrize("seed", range(4))
def test_no_point_is_longer_than_the_nearest_collision_and_the_last_is_nearly_as_long(seed, scale):
    """Continued to a feature distance of 1e-6 of its start."""
    pair = Pair(seed, scale=scale)
    front, closest = pair.front(1e-6), pair.nearest()
    assert front.end is not None and 0.1 < closest < 1.0
    assert max(point.change for point in front.points) <= closest * (1 + 1e-4)
    assert 0.99 * closest <= front.end.change <= 1.1 * closest
    assert front.end.feature_distance <= 1e-6 * pair.distance(pair.source[None])[0]
    assert pair.distance(front.images).max() == pytest.approx(front.end.feature_distance, rel=1e-3, abs=1e-9)
    assert np.linalg.norm(front.images[0] - pair.source) / pair.span == pytest.approx(front.end.change, rel=1e-5)
    assert front.images.min() >= 0.0 and front.images.max() <= scale


def test_the_curve_falls_as_the_change_grows():
    pair = Pair(5)
    front = pair.front(1e-4)
    pulls, changes, distances = zip(*((p.pull, p.change, p.feature_distance) for p in front.points), strict=True)
    assert list(pulls) == sorted(pulls, reverse=True)
    assert all(b >= a - 1e-4 for a, b in itertools.pairwise(changes))
    assert all(b <= a * (1 + 1e-3) + 1e-6 for a, b in itertools.pairwise(distances))
    assert changes[0] < 0.1 and distances[0] > 0.5 * pair.distance(pair.source[None])[0]  # it begins near the source


def test_a_looser_match_needs_less_change_and_the_end_is_the_least_of_those_that_match():
    pair, ends = Pair(6), []
    for share in (0.3, 0.1, 0.01, 1e-4):
        front = pair.front(share)
        matched = [p for p in front.points if p.feature_distance <= share * pair.distance(pair.source[None])[0]]
        assert front.end.change == min(p.change for p in matched)
        ends.append(front.end.change)
    assert ends == sorted(ends) and ends[0] < ends[-1]


def test_by_hand():
    """One unit, x + y, of which 1 is asked, from (0, 0): (x + y - 1)^2 + pull |x|^2 / 1 is least at x = y = 1 / (2 + pull).

    |t - s|^2 is 1, so the change is sqrt(2) / (2 + pull) and the feature distance (pull / (2 + pull))^2.
    """
    source, target = np.zeros([1, 2, 1], np.float32), np.array([[[1.0], [0.0]]], np.float32)
    search = FrontSearch(lambda images: tf.reduce_sum(tf.reshape(images, [-1, 2]), 1, keepdims=True), UNIT)
    front = search(source, target, terms.make_goal(np.array([1.0], np.float32), ((),)), matches_at=0.25)
    for point in front.points:
        assert point.change == pytest.approx(2**0.5 / (2 + point.pull), rel=1e-3)
        assert point.feature_distance == pytest.approx((point.pull / (2 + point.pull)) ** 2, rel=2e-3)
    # It matches from a pull of 2 on, where the change is sqrt(2) / 4, to a sixteenth of a factor of ten... of the pull.
    assert 2**0.5 / 4 * (1 - 1e-3) <= front.end.change <= 2**0.5 / (2 + 2 / 10**0.04)
    assert len(front.points) == 8 + 3  # 100, ..., 1.78, and three between that and 3.16


def test_where_nothing_matches_there_is_no_end():
    """The features of the target are beyond what images reach."""
    source, target = np.zeros([1, 2, 1], np.float32), np.ones([1, 2, 1], np.float32)
    search, told = FrontSearch(lambda images: tf.reduce_sum(tf.reshape(images, [-1, 2]), 1, keepdims=True), UNIT), []
    goal = terms.make_goal(np.array([5.0], np.float32), ((),))
    front = search(source, target, goal, matches_at=1.0, on_point=told.append)
    assert front.end is None and sorted(told, key=lambda point: -point.pull) == list(front.points)
    np.testing.assert_allclose(front.images, target[None], atol=1e-3)  # as near as it gets
    assert front.points[-1].pull < 2e-9


def test_a_source_that_matches_already_need_not_change():
    pair = Pair(7)
    front = pair.front(1.0)
    assert front.end.change <= 0.1 and front.points[0].feature_distance <= pair.distance(pair.source[None])[0]


def test_a_hull_matches_at_its_mixtures_and_keeps_its_distance():
    """Its change is no less than that of one corner, and the matches hold for the middles of its edges, too."""
    pair, spread = Pair(8, units=6), 0.25 * 20**0.5
    one, hull = pair.front(0.05), pair.front(0.05, corners=3, spread=spread)
    assert hull.end is not None and hull.end.change >= one.end.change * 0.99
    images, limit = hull.images, 0.05 * pair.distance(pair.source[None])[0]
    middles = np.stack([(images[i] + images[j]) / 2 for i, j in [(0, 1), (0, 2), (1, 2)]] + [images.mean(axis=0)])
    assert pair.distance(np.concatenate([images, middles])).max() <= limit * (1 + 1e-4)
    apart = [np.linalg.norm(images[i] - images[j]) for i, j in [(0, 1), (0, 2), (1, 2)]]
    assert min(apart) > 0.85 * spread  # a tenth less is near enough


def test_the_noise_that_parts_corners_depends_on_its_seed_alone():
    pair, options = Pair(8, units=3), {"corners": 2, "spread": 1.0, "iterations": 20}
    one, same, other = (pair.front(0.5, **options, seed=seed).images for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 0.01


def test_units_at_a_ceiling_match_wherever_they_are_above_it():
    """ReLU6: the target is at 6; the image need not go further than 6, though the target's own sum is 8."""
    source, target = np.zeros([1, 2, 1], np.float32), np.array([[[8.0], [0.0]]], np.float32)
    search = FrontSearch(lambda images: tf.reduce_sum(tf.reshape(images, [-1, 2]), 1, keepdims=True), Bounds(0.0, 8.0))
    front = search(source, target, terms.make_goal(np.array([8.0], np.float32), ((),), ceiling=6.0), matches_at=1e-4)
    assert front.end.change == pytest.approx(3 * 2**0.5 / 8, rel=0.02)
