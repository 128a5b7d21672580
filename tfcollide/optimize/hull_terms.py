"""Terms that hold a hull together: its mixtures match the target, its corners keep apart.

Far-apart corners of a deep network need not have a good hull between them: there
the collision set is not convex in the image. So at each step some random mixtures
have to match the target's features too, and corners closer than they should be are
pushed apart:

    hull_match = mean over random mixtures m of feature_distance(m)
    crowding   = mean over pairs of corners of max(0, 1 - |x_i - x_j| / spread)^2

Both are properties of all corners together; every corner carries the same value.
"""

import numpy as np
import tensorflow as tf

__all__ = ["crowding", "draw_weights"]


def draw_weights(step: tf.Tensor, samples: int, corners: int, seed: int) -> tf.Tensor:
    """`[samples, corners]` convex weights, uniform on the simplex; a function of `step` and `seed` alone.

    Normalised exponential variates are Dirichlet(1).
    """
    uniform = tf.random.stateless_uniform([samples, corners], [seed % 2**31, step], minval=np.finfo(np.float32).tiny)
    exponential = -tf.math.log(uniform)
    return exponential / tf.reduce_sum(exponential, axis=1, keepdims=True)


def crowding(corners: tf.Tensor, spread: float | tf.Tensor) -> tf.Tensor:
    """How far corners `[..., N, D]`, flat, fall short of being `spread` apart; `[...]`, 0 where all N are.

    The root is taken of the squared distance plus a speck, so that the gradient of
    two equal images is zero rather than undefined.
    """
    first, second = np.triu_indices(corners.shape[-2], 1)
    squares = tf.reduce_sum(tf.square(tf.gather(corners, first, axis=-2) - tf.gather(corners, second, axis=-2)), axis=-1)
    distance = tf.sqrt(squares + (1e-3 * spread) ** 2)
    return tf.reduce_mean(tf.square(tf.nn.relu(1.0 - distance / spread)), axis=-1)
