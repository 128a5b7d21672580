"""Descent rules as pure functions of gradients.

A rule turns a gradient into a direction; the loop multiplies it by the learning
rate and subtracts it. Its memory ("slots") is a tuple of tensors that the loop
carries along and a checkpoint can hold.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from tfcollide.optimize.schedules import Schedule

__all__ = ["RULES", "Rate", "UpdateRule", "adam", "ema", "gradient_descent", "rate_of"]

Slots = tuple[tf.Tensor, ...]
Rate = Callable[[tf.Tensor], tf.Tensor]
"""From the step, an int32 scalar, to the learning rate, a float32 scalar."""


class UpdateRule(NamedTuple):
    """A descent rule.

    Attributes:
        init: control parameters -> slots.
        update: (gradient, slots, step) -> (direction, slots).
    """

    init: Callable[[tf.Tensor], Slots]
    update: Callable[[tf.Tensor, Slots, tf.Tensor], tuple[tf.Tensor, Slots]]


def gradient_descent() -> UpdateRule:
    """The gradient itself, as in the paper's section 3.1."""
    return UpdateRule(lambda x: (), lambda gradient, slots, step: (gradient, slots))


def ema(decay: float = 0.99) -> UpdateRule:
    """Averages gradients: m <- decay m + (1 - decay) g, as in the authors' scripts; no bias correction."""

    def update(gradient: tf.Tensor, slots: Slots, step: tf.Tensor) -> tuple[tf.Tensor, Slots]:
        mean = decay * slots[0] + (1.0 - decay) * gradient
        return mean, (mean,)

    return UpdateRule(lambda x: (tf.zeros_like(x),), update)


def adam(beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7) -> UpdateRule:
    """Adam (Kingma and Ba, algorithm 1), with Keras's defaults."""

    def update(gradient: tf.Tensor, slots: Slots, step: tf.Tensor) -> tuple[tf.Tensor, Slots]:
        t = tf.cast(step + 1, gradient.dtype)
        mean = beta_1 * slots[0] + (1.0 - beta_1) * gradient
        square = beta_2 * slots[1] + (1.0 - beta_2) * tf.square(gradient)
        direction = mean / (1.0 - beta_1**t) / (tf.sqrt(square / (1.0 - beta_2**t)) + epsilon)
        return direction, (mean, square)

    return UpdateRule(lambda x: (tf.zeros_like(x), tf.zeros_like(x)), update)


RULES: dict[str, Callable[[], UpdateRule]] = {"gradient_descent": gradient_descent, "ema": ema, "adam": adam}


def rate_of(schedule: Schedule, max_steps: int) -> Rate:
    """The learning rate as a function of the step; a cosine ends at `max_steps`."""
    if schedule.half_life:
        return lambda step: schedule.rates[0] * tf.pow(0.5, tf.cast(step, tf.float32) / schedule.half_life)
    if schedule.cosine:
        peak = schedule.rates[0]
        return lambda step: peak * 0.5 * (1.0 + tf.cos(math.pi * tf.cast(step, tf.float32) / max_steps))
    starts, rates = tf.constant(schedule.starts), tf.constant(schedule.rates, tf.float32)
    return lambda step: tf.gather(rates, tf.reduce_sum(tf.cast(step >= starts, tf.int32)) - 1)
