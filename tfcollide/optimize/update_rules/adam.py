"""Adam, whose steps have the size of the learning rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcollide.optimize.update_rules import UpdateRule

if TYPE_CHECKING:
    import tensorflow as tf

__all__ = ["VARIANT", "Adam", "adam"]

_LED_BETA = 0.95  # its memory of squared gradients, short where the loss changes along the way


def adam(beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7) -> UpdateRule:
    """Adam (Kingma and Ba, algorithm 1), with Keras's defaults."""
    import tensorflow as tf

    def update(gradient: tf.Tensor, slots: tuple[tf.Tensor, ...], step: tf.Tensor) -> tuple[tf.Tensor, tuple[tf.Tensor, ...]]:
        t = tf.cast(step + 1, gradient.dtype)
        mean = beta_1 * slots[0] + (1.0 - beta_1) * gradient
        square = beta_2 * slots[1] + (1.0 - beta_2) * tf.square(gradient)
        direction = mean / (1.0 - beta_1**t) / (tf.sqrt(square / (1.0 - beta_2**t)) + epsilon)
        return direction, (mean, square)

    return UpdateRule(lambda x: (tf.zeros_like(x), tf.zeros_like(x)), update)


class Adam:
    """`--optimizer=adam`."""

    rate = None

    @staticmethod
    def build(*, led: bool = False) -> UpdateRule:
        """With Keras's defaults; with a shorter memory where a continuation leads the search."""
        return adam(beta_2=_LED_BETA) if led else adam()


VARIANT = Adam
