"""crowding = mean over pairs of corners of max(0, 1 - |x_i - x_j| / spread)^2."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tfcollide.optimize.hull_terms import HullsAtStep

if TYPE_CHECKING:
    import tensorflow as tf

__all__ = ["VARIANT", "Crowding", "crowding"]


def crowding(corners: tf.Tensor, spread: float | tf.Tensor) -> tf.Tensor:
    """How far corners `[..., N, D]`, flat, fall short of being `spread` apart; `[...]`, 0 where all N are.

    The root is taken of the squared distance plus a speck, so that the gradient of
    two equal images is zero rather than undefined.
    """
    import tensorflow as tf

    first, second = np.triu_indices(corners.shape[-2], 1)
    squares = tf.reduce_sum(tf.square(tf.gather(corners, first, axis=-2) - tf.gather(corners, second, axis=-2)), axis=-1)
    distance = tf.sqrt(squares + (1e-3 * spread) ** 2)
    return tf.reduce_mean(tf.square(tf.nn.relu(1.0 - distance / spread)), axis=-1)


class Crowding:
    """By how much corners are too near to one another."""

    weight = 1.0
    matches = False
    unit_free = True
    limit = 0.01  # a spread that falls short by a tenth at every pair is near enough
    words = "by how much corners are too near to one another"

    @staticmethod
    def value(hull: HullsAtStep) -> tf.Tensor:
        """`[P]`."""
        return crowding(hull.corners, hull.spread)


VARIANT = Crowding
