import keras
import numpy as np
import pytest

from tfcollide.models.classifier import Classifier
from tfcollide.objectives.terms import make_goal
from tfcollide.polytope.hull.hull_judge import HullJudge, Probe, target_of
from tfcollide.shapes import Bounds


@pytest.fixture(scope="module")
def peaked():
    """Two inputs; class 1 where |x| + |y| > 1, so that the middle of two far corners may be of class 0."""
    inputs = keras.Input([1, 2, 1])
    flat = keras.layers.Flatten()(inputs)
    sides = keras.layers.Dense(4)
    hidden = keras.layers.ReLU(name="relu")(sides(flat))
    top = keras.layers.Dense(2)
    model = keras.Model(inputs, top(hidden))
    sides.set_weights([np.array([[1.0, -1.0, 0.0, 0.0], [0.0, 0.0, 1.0, -1.0]]), np.zeros(4)])
    top.set_weights([np.array([[0.0, 1.0]] * 4), np.array([1.0, 0.0])])
    return Classifier(model, name="peaked", bounds=Bounds(-4.0, 4.0), class_names=("low", "high"))


def corners(*points):
    return np.array(points, np.float32).reshape(-1, 1, 2, 1)


TARGET = corners([3.0, 0.0])[0]


def judge_of(peaked, excess=lambda terms: 0.0):
    tap = peaked.tap("relu")
    seen = target_of(peaked, tap, TARGET)
    judge = HullJudge(peaked, tap, make_goal(seen.pre_activation, ((), ())), seen)
    return lambda images: judge.probe(images, judge.own_margin(TARGET), excess)


def test_a_hull_on_one_side_holds_and_one_across_does_not(peaked):
    """The target's margin is 2. The middle of (3, 0) and (-3, 0) has one of -1: half of the target's, the other way."""
    good, bad = judge_of(peaked)(corners([3.0, 0.0], [3.0, 1.0])), judge_of(peaked)(corners([3.0, 0.0], [-3.0, 0.0]))
    assert good.margin_share == 1.0 and good.score == 1.0  # min(1 / 0.4, features that match)
    assert bad.margin_share == pytest.approx(-0.5) and bad.score == pytest.approx(-1.25)


def test_corners_must_keep_a_share_of_the_targets_margin(peaked):
    """The target's margin is 2, two fifths of it 0.8; the corners' are 0.9 and 0.7."""
    assert judge_of(peaked)(corners([1.9, 0.0], [1.9, 0.0])).score == 1.0
    short = judge_of(peaked)(corners([1.9, 0.0], [1.7, 0.0]))
    assert short.margin_share == pytest.approx(0.35) and short.score == pytest.approx(0.875)


def test_the_margin_of_every_probe_counts_and_so_do_its_features(peaked):
    """Corners, the middle of their edge and 200 mixtures are looked at; the worst decides."""
    seen = []

    def excess(terms):
        seen.append({name: len(values) for name, values in terms.items()})
        return float(terms["feature_distance"].max() / 4.0)

    judge = judge_of(peaked, excess)
    found = judge(corners([3.0, 0.0], [3.0, 3.0]))
    assert seen == [dict.fromkeys(("active_match", "feature_distance", "inactive_violation"), 203)]
    assert found.excess == pytest.approx(9.0 / 4.0) and found.margin_share == 1.0
    assert found.score == pytest.approx(4.0 / 9.0)
    assert str(found) == "worst probe 1.00 of the target's margin, asked 0.40; its features 2.25 of what matches"
    assert judge(corners([3.0, 0.0], [3.0, 2.0])).score == 1.0  # 4 is just what matches


@pytest.mark.parametrize(
    ("share", "excess", "score"),
    [
        (0.4, 1.0, 1.0),
        (1.0, 0.0, 1.0),  # no more than holding
        (0.2, 0.5, 0.5),
        (1.0, 4.0, 0.25),
        (0.1, 2.0, 0.25),  # the worse of the two
        (-2.0, 8.0, -5.0),
        (1.0, float("inf"), 0.0),
    ],
)
def test_the_score_of_a_hull(share, excess, score):
    assert Probe(share, excess).score == pytest.approx(score)


def test_a_target_that_the_network_takes_for_another_class_has_no_margin_to_share(peaked):
    """As one of its own class without any margin: a hull that has some holds."""
    tap, low = peaked.tap("relu"), corners([0.5, 0.0])[0]  # of class 0
    seen = target_of(peaked, tap, low)._replace(predicted=1)
    judge = HullJudge(peaked, tap, make_goal(seen.pre_activation, ((), ())), seen)
    own = judge.own_margin(low)
    assert judge.probe(corners([3.0, 0.0], [3.0, 1.0]), own, lambda terms: 0.0).score == 1.0
    assert judge.probe(corners([0.5, 0.0], [0.5, 0.0]), own, lambda terms: 0.0).score < 0


def test_without_a_class_features_alone_decide(peaked):
    tap = peaked.tap("relu")
    seen = target_of(peaked, tap, TARGET)._replace(predicted=None)
    judge = HullJudge(peaked, tap, make_goal(seen.pre_activation, ((), ())), seen)
    images = corners([3.0, 0.0], [-3.0, 0.0])
    assert judge.probe(images, 1.0, lambda terms: 0.5).score == 1.0
    assert judge.probe(images, 1.0, lambda terms: 2.0).score == 0.5
    found = judge.mixtures(images, np.eye(2, dtype=np.float32))
    assert found.hit.size == found.margin.size == 0 and found.distance.tolist() == [0.0, 18.0]
