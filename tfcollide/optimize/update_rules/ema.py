"""An average of gradients, as in the authors' scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcollide.optimize.update_rules import UpdateRule

if TYPE_CHECKING:
    import tensorflow as tf

__all__ = ["VARIANT", "Ema", "ema"]


def ema(decay: float = 0.99) -> UpdateRule:
    """Averages gradients: m <- decay m + (1 - decay) g, as in the authors' scripts; no bias correction."""
    import tensorflow as tf

    def update(gradient: tf.Tensor, slots: tuple[tf.Tensor, ...], step: tf.Tensor) -> tuple[tf.Tensor, tuple[tf.Tensor, ...]]:
        mean = decay * slots[0] + (1.0 - decay) * gradient
        return mean, (mean,)

    return UpdateRule(lambda x: (tf.zeros_like(x),), update)


class Ema:
    """`--optimizer=ema`."""

    rate = "0.01"

    @staticmethod
    def build(*, led: bool = False) -> UpdateRule:
        """The same however the search is led."""
        return ema()


VARIANT = Ema
