"""The learning rate at a step, from a schedule: Keras's schedules behind our syntax."""

from collections.abc import Callable

import keras
import tensorflow as tf

from tfcollide.optimize.schedules import Schedule

__all__ = ["Rate", "rate_of"]

Rate = Callable[[tf.Tensor], tf.Tensor]
"""From the step, an int32 scalar, to the learning rate, a float32 scalar."""


def rate_of(schedule: Schedule, max_steps: int) -> Rate:
    """The learning rate as a function of the step; a cosine ends at `max_steps`."""
    known, first = keras.optimizers.schedules, schedule.rates[0]
    if schedule.half_life:
        return known.ExponentialDecay(first, decay_steps=schedule.half_life, decay_rate=0.5)
    if schedule.cosine:
        return known.CosineDecay(first, decay_steps=max_steps)
    if len(schedule.rates) == 1:
        return lambda step: tf.constant(first, tf.float32)
    # A rate of ours holds from its step on, one of Keras's after the step before.
    return known.PiecewiseConstantDecay([start - 1 for start in schedule.starts[1:]], list(schedule.rates))
