"""The front of one corner at the first layer of the paper's network, against the exact nearest collision; and its end."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from tests.report.summaries import corner
from tfcollide.data.from_tfds import load_tfds
from tfcollide.data.select import draw_pairs
from tfcollide.files.checkpoint import Ledger
from tfcollide.images import from_uint8
from tfcollide.library.fronts import at_most, front_of
from tfcollide.measure.front import Front, FrontPoint, FrontSearch
from tfcollide.measure.matching import Match
from tfcollide.measure.null_distribution import NullDistribution
from tfcollide.measure.reader import Qualified, Reader
from tfcollide.models.affine import affine_map
from tfcollide.models.classifier import Classifier
from tfcollide.models.predictions import Predictions
from tfcollide.models.training import TrainingRecipe, train
from tfcollide.objectives.terms import make_goal
from tfcollide.polytope.exact.halfspaces import collision_polytope
from tfcollide.polytope.exact.nearest import nearest
from tfcollide.polytope.hull.hull_judge import target_of
from tfcollide.records import FrontEnd, FrontRecord
from tfcollide.shapes import Bounds

# MNIST


@pytest.fixture(scope="module")
def mnist(shared_path):
    """Of two pairs: the front down to a feature distance of 1e-6 of its start, that start, and the nearest collision.

    The network has learned from the test images, which are read in a sixth of the time.
    """
    data = load_tfds("mnist", str(shared_path("tfds/mnist").parent))
    recipe = TrainingRecipe(dataset="mnist", epochs=12)
    classifier = Classifier(train(recipe, data.test, data.shape, 10), name="mlp", bounds=Bounds(0.0, 1.0))
    search = FrontSearch(classifier.tap("hidden_1").pre_activation, classifier.bounds)
    pairs = draw_pairs(data, Predictions(classifier, data.test.images), 2, 0)
    ends = [[data.test.images[int(end.removeprefix("test:"))] for end in pair] for pair in pairs]
    return [_front_and_nearest(classifier, search, *from_uint8(np.stack(pair), classifier.bounds)) for pair in ends]


def _front_and_nearest(classifier, search, source, target):
    tap = classifier.tap("hidden_1")
    goal = make_goal(target_of(classifier, tap, target).pre_activation, ((),))
    seen = tap.pre_activation(source[None]).numpy()[0]
    start = float(np.square(np.maximum(seen, 0) - goal.post_activation).sum())
    front = search(source, target, goal, matches_at=1e-6 * start, iterations=200)
    flat = [image.astype(np.float64).ravel() for image in (source, target)]
    closest = nearest(collision_polytope(affine_map(classifier, tap.name), flat[1], classifier.bounds), flat[0])
    assert closest.status == "optimal"
    return front, start, closest.distance / np.linalg.norm(flat[0] - flat[1])


def test_no_point_is_longer_than_the_nearest_collision(mnist):
    for front, _, closest in mnist:
        assert max(point.change for point in front.points) <= closest * (1 + 1e-3)
        assert front.points[0].change < 0.5 * closest  # the curve begins near the source


def test_continued_far_enough_it_is_nearly_as_long(mnist):
    for front, start, closest in mnist:
        assert front.end is not None and front.end.feature_distance <= 1e-6 * start
        assert 0.99 * closest <= front.end.change <= 1.1 * closest


# What is said of its end

SOURCE, TARGET = np.zeros([2, 2, 1], np.float32), np.array([[[1.0], [0.0]], [[0.0], [0.0]]], np.float32)
NULL = NullDistribution(same=np.arange(1.0, 101.0), different=np.zeros(0), images=15)
POINTS = (FrontPoint(100.0, 0.1, 90.0), FrontPoint(10.0, 0.25, 20.0), FrontPoint(1.0, 0.5, 0.5))


def image(along, across):
    return np.array([[[along], [across]], [[0.0], [0.0]]], np.float32)


def told(*images, reached=True, reads=None, null=NULL, ledger=None, start=200.0):
    """The record of a front whose end, or last point, is at `images`."""
    reader = (
        None if reads is None else Reader("a child", 1.0, ("three", "seven", "shoe"), lambda many: np.full(len(many), reads))
    )
    own = {"active_match": 1.0, "feature_distance": start, "inactive_violation": 1.0}
    problem = SimpleNamespace(
        start=SOURCE,
        goal_image=TARGET,
        goal=None,
        match=Match(null, 0.01, 0.05, own),
        reader=Qualified(reader, None),
        labels=("three", "seven"),
        network=SimpleNamespace(bounds=Bounds(0.0, 1.0)),
    )
    asked = []

    def search(source, target, goal, *, matches_at, on_point):
        asked.append(matches_at)
        on_point(POINTS[0])
        return Front(POINTS, POINTS[-1] if reached else None, np.stack(images))

    return front_of(problem, search, ledger or Ledger(), name="front"), asked


def test_an_end_that_is_still_the_source():
    found, asked = told(image(0.3, 0.4), reads=0)
    assert asked == [1.0]  # the hundredth part of the null distribution
    assert found.points == ((0.1, 0.9), (0.25, 0.2), (0.5, 0.0))
    assert (found.end.change, found.end.censored) == (0.5, None)
    assert (found.end.last_change, found.end.last_quantile, found.end.reader) == (0.5, 0.0, "three")
    assert found.end.target_share == pytest.approx(0.65**0.5)


@pytest.mark.parametrize(
    ("images", "options", "why"),
    [
        ([image(0.75, 0.0)], {}, "trivial: nearer to the target (0.25 of source-to-target) than to the source (0.75)"),
        ([image(0.1, 0.0)], {"reads": 1}, "trivial: read as seven, the target's class, by a child"),
        ([image(0.25, 1.0)], {}, "lost: farther from the source (1.03 of source-to-target) than the target is"),
        ([image(0.1, 0.0)], {"reads": 2}, "lost: read as shoe, the class of neither source nor target, by a child"),
        (
            [image(0.1, 0.0), image(0.75, 0.0)],
            {},
            "trivial: nearer to the target (0.25 of source-to-target) than to the source (0.75)",
        ),
        (
            [image(0.25, 1.0), image(0.75, 0.0)],
            {},
            "trivial: nearer to the target (0.25 of source-to-target) than to the source (0.75)",
        ),
        ([image(0.1, 0.0)], {"reached": False}, "not reached: the nearest features stand at 0"),
        ([image(0.75, 0.0)], {"reached": False}, "not reached: the nearest features stand at 0"),
    ],
)
def test_an_end_that_is_none_is_censored_with_its_reason(images, options, why):
    found, _ = told(*images, **options)
    assert found.end.change is None and found.end.censored == why
    assert found.end.last_change == 0.5 and len(found.points) == 3  # the curve is kept


def test_without_a_null_distribution_shares_of_the_start_count():
    found, asked = told(image(0.3, 0.4), null=None)
    assert asked == [pytest.approx(0.05 * 200.0)]
    assert found.points == ((0.1, 0.45), (0.25, 0.1), (0.5, 0.0025))


def test_a_source_that_has_the_features_already_is_no_division_by_zero():
    """Nor is a data set in which a hundredth of the pairs have the same features."""
    found, asked = told(image(0.0, 0.0), null=None, start=0.0)
    assert 0 < asked[0] < 1e-30 and np.isfinite(found.points).all()
    same = NullDistribution(same=np.array([0.0, 0.0, 1.0]), different=np.zeros(0), images=3)
    found, asked = told(image(0.0, 0.0), null=same)
    assert 0 < asked[0] < 1e-30 and found.end.change == 0.5


@pytest.mark.parametrize("reached", [True, False])
def test_a_front_that_is_in_the_ledger_is_not_sought_again(tmp_path, reached):
    path = tmp_path / "ledger.npz"
    whole, asked = told(image(0.3, 0.4), reached=reached, ledger=Ledger(path, 0.0))
    again, asked_again = told(image(0.3, 0.4), reached=reached, ledger=Ledger(path, 0.0))
    assert asked and not asked_again and again == whole


def test_a_front_is_no_longer_than_what_the_run_has_found():
    front = FrontRecord(((0.2, 0.5), (0.6, 0.005)), FrontEnd(0.6, None, 0.6, 0.005, 0.9, "3"))
    seen = corner(source_share=0.5, target_share=0.8, reader="3")
    shorter = at_most(front, [seen], 0.5, 0.004)
    assert shorter.points == (*front.points, (0.5, 0.004))
    assert shorter.end == FrontEnd(0.5, None, 0.5, 0.004, 0.8, "3")
    assert at_most(front, [seen], 0.7, 0.004) is front
    assert at_most(front, [dataclasses.replace(seen, trivial=True)], 0.5, 0.004) is front
    censored = FrontRecord(front.points, FrontEnd(None, "not reached: ...", 0.6, 0.2, 0.9, "3"))
    assert at_most(censored, [seen], 0.5, None).end.change == 0.5
