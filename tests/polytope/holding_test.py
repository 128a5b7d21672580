import keras
import numpy as np
import pytest

from tfcollide.models.classifier import Classifier
from tfcollide.polytope.holding import HullJudge
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


def test_a_hull_on_one_side_holds_and_one_across_does_not(peaked):
    judge = HullJudge(peaked, corners([3.0, 0.0])[0], 1, 2)
    assert judge(corners([3.0, 0.0], [3.0, 1.0]))
    assert not judge(corners([3.0, 0.0], [-3.0, 0.0]))  # its middle is of class 0


def test_corners_must_keep_a_share_of_the_targets_margin(peaked):
    """The target's margin is 2, two fifths of it 0.8; the corners' are 0.9 and 0.7."""
    judge = HullJudge(peaked, corners([3.0, 0.0])[0], 1, 2)
    assert judge(corners([1.9, 0.0], [1.9, 0.0]))
    assert not judge(corners([1.9, 0.0], [1.7, 0.0]))
