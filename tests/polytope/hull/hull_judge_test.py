import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcollide.images import from_uint8, to_uint8
from tfcollide.models.classifier import Classifier
from tfcollide.objectives.terms import make_goal
from tfcollide.polytope.hull.hull_judge import HullJudge, corner_terms, target_of
from tfcollide.shapes import Bounds

BOUNDS = Bounds(0.0, 1.0)

# Images (a, b). Tap: f = (4a, 4b, 2 - 4a). Logits: (f1, f2) after the ReLU, so "left" wins where a > b,
# with probability 1 / (1 + exp(4b - 4a)).


def classifier(kernel, bias, logits):
    images = keras.Input((1, 2, 1))
    x = keras.layers.Flatten()(images)
    x = keras.layers.ReLU(name="hidden_1")(keras.layers.Dense(len(bias), name="first")(x))
    model = keras.Model(images, keras.layers.Dense(2, name="logits")(x))
    model.get_layer("first").set_weights([np.array(kernel, np.float32), np.array(bias, np.float32)])
    model.get_layer("logits").set_weights([np.array(logits[0], np.float32), np.array(logits[1], np.float32)])
    return Classifier(model, name="by hand", bounds=BOUNDS, class_names=("left", "right"))


def judging(network, tap, target):
    return HullJudge(network, tap, make_goal(target.pre_activation, ((), ())), target)


def image(a, b):
    return np.array([a, b], np.float32).reshape(1, 2, 1)


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, np.float64)))


@pytest.fixture(scope="module")
def network():
    return classifier([[4, 0, -4], [0, 4, 0]], [0, 0, 2], ([[1, 0], [0, 1], [0, 0]], [0, 0]))


@pytest.fixture(scope="module")
def tap(network):
    return network.tap("hidden_1")


@pytest.fixture(scope="module")
def target(network, tap):
    return target_of(network, tap, image(1.0, 0.25))  # f = (4, 1, -2)


def test_target_by_hand(target):
    assert target.pre_activation.tolist() == [4.0, 1.0, -2.0]
    assert target.predicted == 0
    assert target.probability == pytest.approx(sigmoid(3.0), rel=1e-6)


CORNERS = np.stack([image(1.0, 0.0), image(0.25, 0.5)])  # f = (4, 0, -2) and (1, 2, 1)
EXPECTED_TERMS = {
    "active_match": [1.0, 9.0 + 1.0],
    "corner_push": [-2.0, 0.0],
    "inactive_magnitude": [0.0, 1.0],
    "feature_distance": [1.0, 11.0],
    "inactive_violation": [0.0, 1.0],
    "boundary_gap": [2.0, 1.0],
}


def test_corner_terms_by_hand(tap, target):
    found = corner_terms(tap, CORNERS, make_goal(target.pre_activation, ((2,), ())))
    assert {name: values.tolist() for name, values in found.items()} == EXPECTED_TERMS


def test_judge_corners_by_hand(network, tap, target):
    judge = HullJudge(network, tap, make_goal(target.pre_activation, ((2,), ())), target)
    records = judge.corners(
        CORNERS,
        units=((2,), ()),
        converged=np.array([True, False]),
        failed_at=np.array([-1, 0]),
    )
    assert [record.units for record in records] == [(2,), ()]
    assert [record.predicted for record in records] == ["left", "right"]
    # of the target's class, whatever is on top
    assert [record.probability for record in records] == pytest.approx([sigmoid(4.0), sigmoid(-1.0)], rel=1e-6)
    assert [record.converged for record in records] == [True, False]
    assert [record.diverged_at for record in records] == [None, 0]
    for name, values in EXPECTED_TERMS.items():
        assert [getattr(record, name) for record in records] == values, name


# Mixtures of (1, 0) and (0, 1) with weight w on the first are (w, 1 - w): "left" where w > 1/2, f = (4w, 4 - 4w, 2 - 4w).
# The count is beyond one batch of 500, and the smallest w is in the second batch.

ENDS = np.stack([image(1.0, 0.0), image(0.0, 1.0)])


def test_mixtures_of_which_three_quarters_collide(network, tap, target):
    first = np.concatenate([np.full(450, 0.75), np.full(150, 0.25), np.full(200, 1.0)])
    first[510] = 0.0
    weights = np.stack([first, 1 - first], axis=1).astype(np.float32)
    found = judging(network, tap, target).mixtures(ENDS, weights).record("stick_breaking")
    probabilities = sigmoid(8 * first - 4)
    assert found.samples == 800 and found.sampling == "stick_breaking"
    assert found.accuracy == 650 / 800
    assert found.mean_probability == pytest.approx(probabilities.mean(), rel=1e-6)
    assert found.min_probability == pytest.approx(sigmoid(-4.0), rel=1e-5)
    # the farthest, at w = 0: f = (0, 4, 2) and the target's (4, 1, 0)
    assert found.max_feature_distance == pytest.approx(16 + 9 + 4)


def test_mixtures_are_judged_by_the_targets_class_not_its_label(network, tap):
    right = target_of(network, tap, image(0.25, 0.75))
    weights = np.array([[0.75, 0.25], [0.25, 0.75], [0.0, 1.0]], np.float32)
    assert right.predicted == 1
    assert judging(network, tap, right).mixtures(ENDS, weights).hit.tolist() == [False, True, True]


def test_margins_name_the_lowest_mixtures(network, tap, target):
    weights = np.array([[0.75, 0.25], [0.25, 0.75], [0.0, 1.0]], np.float32)
    found = judging(network, tap, target).mixtures(ENDS, weights)
    # the logit of the target is 8 w - 4 above the other
    np.testing.assert_allclose(found.margin, [2.0, -2.0, -4.0], atol=1e-5)
    assert found.lowest(2).tolist() == [2, 1]


# A steep network: f = 1000 (a - 1/2), "right" where f > 1. Saved in 8 bits, a = 0.5005 becomes 128 / 255 = 0.50196,
# which is f = 1.96 instead of 0.5.


@pytest.fixture(scope="module")
def steep():
    return classifier([[1000], [0]], [-500], ([[0, 1]], [1, 0]))


def test_eight_bits_destroy_a_collision(steep):
    tap = steep.tap("hidden_1")
    target = target_of(steep, tap, image(0.5005, 1.0))
    corners = np.stack([image(0.5005, 0.0), image(0.5005, 0.5)])
    goal = make_goal(target.pre_activation, ((), ()))
    weights = np.array([[1.0, 0.0], [0.5, 0.5], [0.25, 0.75]], np.float32)
    before = judging(steep, tap, target).mixtures(corners, weights).record("uniform")
    read_back = from_uint8(to_uint8(corners, BOUNDS), BOUNDS)
    after = HullJudge(steep, tap, goal, target).saved(read_back, weights)
    assert steep.class_names[target.predicted] == "left"
    assert before.accuracy == 1.0 and before.max_feature_distance < 1e-6
    assert after.accuracy == 0.0 and after.misread == 2
    moved = 1000 * (128 / 255 - 0.5)
    assert after.mean_probability == pytest.approx(sigmoid(1 - moved), rel=1e-3)
    assert after.max_active_match == pytest.approx((moved - 0.5) ** 2, rel=1e-3)
    assert after.max_feature_distance == pytest.approx((moved - 0.5) ** 2, rel=1e-3)


def test_a_png_check_tells_the_worst_corner_and_the_share_of_mixtures(network, tap, target):
    goal = make_goal(target.pre_activation, ((2,), ()))
    weights = np.array([[0.75, 0.25], [0.125, 0.875]], np.float32)
    found = HullJudge(network, tap, goal, target).saved(CORNERS, weights)
    # mixtures (13/16, 1/8) and (11/32, 7/16); the second corner itself is farther than both
    assert found.accuracy == 0.5
    assert found.mean_probability == pytest.approx(sigmoid([4 * 11 / 16, -4 * 3 / 32]).mean(), rel=1e-6)
    assert found.max_active_match == 10.0
    assert found.max_feature_distance == 11.0
    assert found.misread == 1  # the second


def test_one_image_alone_is_a_hull(network, tap, target):
    found = judging(network, tap, target).mixtures(ENDS[:1], np.ones([3, 1], np.float32)).record("uniform")
    assert (found.accuracy, found.samples) == (1.0, 3)
    features = tap.pre_activation(tf.constant(ENDS[:1])).numpy()[0]
    assert found.max_feature_distance == ((np.maximum(features, 0) - [4, 1, 0]) ** 2).sum()
