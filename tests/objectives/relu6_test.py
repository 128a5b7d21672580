"""ReLU6 by hand: units of the target at the floor, in the middle and at the ceiling."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tfcollide.models.rectifier import Rectifier
from tfcollide.objectives import terms
from tfcollide.objectives.units import choose_units

# floor, floor, middle, middle, ceiling, ceiling (6 itself counts), above
TARGET = np.array([-1.0, -2.0, 0.0, 4.0, 6.0, 7.0, 9.0], np.float32)
GOAL = terms.make_goal(TARGET, ((0,), (4,), (5, 1)), ceiling=6.0)


def active_match(x):
    return terms.active_match(x, GOAL.post_activation, GOAL.active, GOAL.ceiling)


def test_sets():
    np.testing.assert_array_equal(GOAL.post_activation, [0, 0, 0, 4, 6, 6, 6])
    np.testing.assert_array_equal(GOAL.active, [0, 0, 1, 1, 1, 1, 1])
    np.testing.assert_array_equal(GOAL.pushed, [[1, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, -1, 0, 0], [0, 1, 0, 0, 0, -1, 0]])
    np.testing.assert_array_equal(GOAL.idle, [[0, 1, 0, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0]])


def test_terms():
    # middle: (1-0)^2 + (6.5-4)^2 = 7.25; ceiling: (6-5)^2 + 0 + 0; the floor is not looked at
    x = tf.constant([[3.0, -9.0, 1.0, 6.5, 5.0, 6.0, 100.0]])
    assert active_match(x).numpy() == pytest.approx([8.25])
    # post of x: 3, 0, 1, 6, 5, 6, 6 against 0, 0, 0, 4, 6, 6, 6
    assert terms.feature_distance(x, GOAL.post_activation, GOAL.ceiling).numpy() == pytest.approx([9 + 1 + 4 + 1])
    assert terms.corner_push(tf.repeat(x, 3, 0), GOAL.pushed).numpy() == pytest.approx([3.0, -5.0, -15.0])
    assert terms.inactive_violation(x, GOAL.active).numpy() == pytest.approx([3.0])


def test_units_at_the_ceiling_pull_only_from_below():
    x = tf.Variable([[0.0, 0.0, 0.0, 4.0, 5.0, 6.0, 20.0]])
    with tf.GradientTape() as tape:
        loss = active_match(x)
    np.testing.assert_allclose(tape.gradient(loss, x), [[0, 0, 0, 0, -2.0, 0, 0]])


def test_an_image_with_the_same_features_has_no_distance():
    x = tf.constant([[-7.0, -0.5, 0.0, 4.0, 8.0, 6.0, 6.5]])
    assert active_match(x).numpy() == terms.feature_distance(x, GOAL.post_activation, GOAL.ceiling).numpy() == [0.0]
    np.testing.assert_array_equal(Rectifier(6.0)(x), Rectifier(6.0)(tf.constant(TARGET[None])))


def test_units_at_the_ceiling_may_be_pushed():
    matched = (TARGET >= 0) & (TARGET < 6)
    assert choose_units(matched, 5) == ((0,), (1,), (4,), (5,), (6,))


def test_a_plain_relu_has_no_ceiling():
    plain = terms.make_goal(TARGET, ((0,),))
    assert plain.ceiling is None and math.isinf(Rectifier().ceiling)
    np.testing.assert_array_equal(plain.post_activation, np.maximum(TARGET, 0))
