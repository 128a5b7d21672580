"""The learning rate at a step, from a schedule."""

import math
from collections.abc import Callable

import tensorflow as tf

from tfcollide.optimize.schedules import Schedule

__all__ = ["Rate", "rate_of"]

Rate = Callable[[tf.Tensor], tf.Tensor]
"""From the step, an int32 scalar, to the learning rate, a float32 scalar."""


def rate_of(schedule: Schedule, max_steps: int) -> Rate:
    """The learning rate as a function of the step; a cosine ends at `max_steps`."""
    if schedule.half_life:
        return lambda step: schedule.rates[0] * tf.pow(0.5, tf.cast(step, tf.float32) / schedule.half_life)
    if schedule.cosine:
        peak = schedule.rates[0]
        return lambda step: peak * 0.5 * (1.0 + tf.cos(math.pi * tf.cast(step, tf.float32) / max_steps))
    starts, rates = tf.constant(schedule.starts), tf.constant(schedule.rates, tf.float32)
    return lambda step: tf.gather(rates, tf.reduce_sum(tf.cast(step >= starts, tf.int32)) - 1)
