import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcollide.optimize.rates import rate_of
from tfcollide.optimize.schedules import Schedule, parse_schedule
from tfcollide.optimize.update_rules.adam import adam
from tfcollide.optimize.update_rules.ema import ema
from tfcollide.optimize.update_rules.gradient_descent import gradient_descent
from tfcollide.registry import UPDATE_RULES

GRADIENTS = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)


def directions(rule):
    slots = rule.init(tf.zeros([3]))
    for step, gradient in enumerate(GRADIENTS):
        direction, slots = rule.update(tf.constant(gradient), slots, tf.constant(step))
        yield direction.numpy()


def test_gradient_descent_is_the_gradient():
    np.testing.assert_array_equal(list(directions(gradient_descent())), GRADIENTS)


def test_ema_equals_its_closed_form():
    # m_k = (1 - d) sum_{i <= k} d^(k - i) g_i
    for k, found in enumerate(directions(ema(0.9))):
        powers = 0.9 ** np.arange(k, -1, -1)
        np.testing.assert_allclose(found, 0.1 * powers @ GRADIENTS[: k + 1].astype(np.float64), rtol=1e-5, atol=1e-6)


def test_ema_forgets_one_hundredth_a_step_and_corrects_no_bias():
    np.testing.assert_allclose(next(directions(UPDATE_RULES.load("ema").build())), 0.01 * GRADIENTS[0], rtol=1e-5)


@pytest.mark.parametrize("settings", [{}, {"beta_1": 0.5, "beta_2": 0.9}])
def test_adam_equals_keras(settings):
    # (x - c)^T diag(1, 10, 100) (x - c) / 2
    scale, center = tf.constant([1.0, 10.0, 100.0]), tf.constant([1.0, -2.0, 0.5])
    theirs = keras.Variable(np.zeros(3, np.float32))
    optimizer = keras.optimizers.Adam(0.1, **settings)
    rule, ours = adam(**settings), tf.zeros([3])
    slots = rule.init(ours)
    for step in range(50):
        direction, slots = rule.update(scale * (ours - center), slots, tf.constant(step))
        ours = ours - 0.1 * direction
        optimizer.apply([scale * (theirs.value - center)], [theirs])
        np.testing.assert_allclose(ours, theirs.value, rtol=1e-4, atol=1e-5)
    assert np.abs(ours.numpy()).min() > 0.1


def test_adams_slots_have_the_shape_of_the_controls():
    assert [slot.shape for slot in adam().init(tf.zeros([5, 2, 2, 1]))] == [[5, 2, 2, 1]] * 2


def test_rule_names():
    assert set(UPDATE_RULES.names()) == {"gradient_descent", "ema", "adam"}
    for variant in UPDATE_RULES.all().values():
        rule = variant.build(led=True)
        rule.update(tf.zeros([2]), rule.init(tf.zeros([2])), tf.constant(0))


def test_a_fixed_rate():
    rate = rate_of(parse_schedule("1e-4"), 100)
    assert [float(rate(tf.constant(step))) for step in (0, 99, 10_000)] == pytest.approx([1e-4] * 3)


def test_a_piecewise_rate_changes_with_its_step():
    rate = rate_of(parse_schedule("0:0.001,2200:0.01,14000:0.5"), 20_000)
    found = [float(rate(tf.constant(step))) for step in (0, 2199, 2200, 13_999, 14_000, 30_000)]
    assert found == pytest.approx([0.001, 0.001, 0.01, 0.01, 0.5, 0.5])


def test_a_cosine_falls_from_its_peak_to_zero():
    rate = rate_of(Schedule((0,), (0.2,), cosine=True), 100)
    found = [float(rate(tf.constant(step))) for step in (0, 25, 50, 75, 100)]
    expected = [0.2, 0.1 * (1 + 0.5**0.5), 0.1, 0.1 * (1 - 0.5**0.5), 0.0]
    assert found == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("text", ["0:1,3:5", "cosine:2.0"])
def test_rates_can_be_compiled(text):
    rate = rate_of(parse_schedule(text), 10)
    compiled = tf.function(rate)
    for step in range(6):
        assert float(compiled(tf.constant(step))) == pytest.approx(float(rate(tf.constant(step))))


def test_a_rate_that_halves():
    rate = rate_of(Schedule((0,), (0.8,), half_life=50.0), 10)
    assert [float(rate(tf.constant(step))) for step in (0, 50, 100)] == pytest.approx([0.8, 0.4, 0.2])


def rates_by_hand(schedule, steps):
    """As earlier versions computed them."""
    first, starts, rates = schedule.rates[0], tf.constant(schedule.starts), tf.constant(schedule.rates)
    if schedule.half_life:
        return lambda step: first * tf.pow(0.5, tf.cast(step, tf.float32) / schedule.half_life)
    if schedule.cosine:
        return lambda step: first * 0.5 * (1.0 + tf.cos(math.pi * tf.cast(step, tf.float32) / steps))
    return lambda step: tf.gather(rates, tf.reduce_sum(tf.cast(step >= starts, tf.int32)) - 1)


@pytest.mark.parametrize("text", ["0:0.001,220:0.01,320:0.02", "cosine:0.03", "halving:0.03:33.3", "2.0"])
def test_rates_of_keras_are_those_of_earlier_versions_to_the_bit(text):
    schedule, steps = parse_schedule(text), 400

    @tf.function
    def along(rate):  # step by step: many cosines at once are rounded otherwise than one
        return tf.map_fn(rate, tf.range(steps), fn_output_signature=tf.float32)

    np.testing.assert_array_equal(along(rate_of(schedule, steps)), along(rates_by_hand(schedule, steps)))
