"""Descent rules as pure functions of gradients: one file each, whose `VARIANT` says of itself what `Variant` asks.

A rule turns a gradient into a direction; the loop multiplies it by the learning
rate and subtracts it. Its memory ("slots") is a tuple of tensors that the loop
carries along and a checkpoint can hold.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import tensorflow as tf

    Slots = tuple[tf.Tensor, ...]

__all__ = ["UpdateRule", "Variant"]


class UpdateRule(NamedTuple):
    """A descent rule.

    Attributes:
        init: control parameters -> slots.
        update: (gradient, slots, step) -> (direction, slots).
    """

    init: Callable[[tf.Tensor], Slots]
    update: Callable[[tf.Tensor, Slots, tf.Tensor], tuple[tf.Tensor, Slots]]


class Variant(Protocol):
    """What a file of this package has as its `VARIANT`.

    Attributes:
        rate: a learning rate, as the user would write it; None: its steps have the size of the rate whatever the
            gradients', so that the parameterization knows one.
    """

    rate: str | None

    @staticmethod
    def build(*, led: bool = False) -> UpdateRule:
        """The rule; `led` by a continuation, the loss changes along the way."""
