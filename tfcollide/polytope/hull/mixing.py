"""The hull of the corners: convex weights, mixtures, distances."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

__all__ = ["SAMPLINGS", "convex_weights", "mean_distance", "mix", "mixed", "stick_breaking", "uniform"]


def uniform(rng: np.random.Generator, samples: int, corners: int) -> np.ndarray:
    """`[S, N]` uniform on the simplex: Dirichlet(1, ..., 1)."""
    return rng.dirichlet(np.ones(corners), samples)


def stick_breaking(rng: np.random.Generator, samples: int, corners: int) -> np.ndarray:
    """`[S, N]` as the paper's authors draw: w1 = u1, w2 = u2 (1 - w1), ..., the last takes the rest.

    Not uniform: the first corner gets half of the weight on average, the second a
    quarter.
    """
    shares = rng.random([samples, corners])
    shares[:, -1] = 1.0
    left = np.cumprod(1.0 - shares[:, :-1], axis=1)
    return shares * np.concatenate([np.ones([samples, 1]), left], axis=1)


SAMPLINGS: dict[str, Callable[[np.random.Generator, int, int], np.ndarray]] = {
    "uniform": uniform,
    "stick_breaking": stick_breaking,
}


def convex_weights(samples: int, corners: int, *, sampling: str = "uniform", seed: int = 0) -> np.ndarray:
    """`[S, N]` float32 weights of mixtures, non-negative, each row summing to one.

    Args:
        samples: S.
        corners: N.
        sampling: a name in `SAMPLINGS`.
        seed: of the draw.
    """
    return SAMPLINGS[sampling](np.random.default_rng(seed), samples, corners).astype(np.float32)


def mix(weights: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """The mixtures `[S, H, W, C]` of corners `[N, H, W, C]` with `weights` `[S, N]`, in float32."""
    flat = weights.astype(np.float32) @ corners.reshape(len(corners), -1).astype(np.float32)
    # Weights sum to one only up to rounding, so a mixture may leave the corners' range by an ulp.
    flat = np.clip(flat, corners.min(), corners.max())
    return flat.reshape(len(weights), *corners.shape[1:])


def mixed(weights: tf.Tensor, corners: tf.Tensor) -> tf.Tensor:
    """As `mix`, in a compiled function, so that it is done where the network computes."""
    flat = tf.matmul(weights, tf.reshape(corners, [tf.shape(corners)[0], -1]))
    low, high = tf.reduce_min(corners), tf.reduce_max(corners)
    flat = tf.raw_ops.ClipByValue(t=flat, clip_value_min=low, clip_value_max=high)  # once over memory, not twice
    return tf.reshape(flat, [-1, *corners.shape[1:]])


def mean_distance(images: np.ndarray) -> float | None:
    """Mean L2 distance over all pairs of images `[n, ...]`; None for fewer than two.

    Memory is bounded by blocks of 1,000 rows of the distance matrix.
    """
    count = len(images)
    if count < 2:
        return None
    flat = images.reshape(count, -1).astype(np.float64)
    flat -= flat.mean(axis=0)  # distances are the same, and less cancels
    norms = np.einsum("ij,ij->i", flat, flat)
    total = 0.0
    for i in range(0, count, 1000):
        rows = slice(i, i + 1000)
        squares = norms[rows, None] + norms - 2.0 * (flat[rows] @ flat.T)
        block = np.sqrt(np.maximum(squares, 0.0))
        block[np.arange(len(block)), np.arange(i, i + len(block))] = 0.0
        total += float(block.sum())
    return total / (count * (count - 1))
