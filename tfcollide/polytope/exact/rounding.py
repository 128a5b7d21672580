"""What float32 can do to a pre-activation, bounded for every order of summation.

The bounds hold for float32 products and sums, fused or not; TensorFloat-32 and
bfloat16 round earlier and are outside the claim, and so is underflow (below 1e-38).
"""

import numpy as np

from tfcollide.models.affine import AffineMap
from tfcollide.polytope.proof.float_error import gamma

__all__ = ["inward", "network_upper_bound", "tightening"]


def inward(lower: np.ndarray, upper: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The widest bounds inside `lower` and `upper` `[D]` that float32 represents, so that rounding cannot leave them."""
    low, high = lower.astype(np.float32), upper.astype(np.float32)
    low = np.where(low < lower, np.nextafter(low, np.float32(np.inf)), low)
    high = np.where(high > upper, np.nextafter(high, np.float32(-np.inf)), high)
    return low.astype(np.float64), high.astype(np.float64)


def tightening(affine: AffineMap, lower: np.ndarray, upper: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A linear function of x that bounds the error of float32 at x, with x itself rounded to float32 first.

    The error of unit u is at most gamma (sum_j magnitude[j,u] |x_j| + magnitude_bias[u]).
    Where the bounds fix the sign of x_j that is linear in x_j; where they do not,
    |x_j| is taken at its largest.

    Args:
        affine: the pre-activation as a function of the image.
        lower: `[D]` bounds of x; finite unless of one sign.
        upper: `[D]`, likewise.

    Returns:
        weights `[D, U]` and offset `[U]`: the error is at most x weights + offset.
    """
    # One rounding more for the image, two for this float64 arithmetic and its solver.
    factor = gamma(affine.roundings + 3)
    sign = np.where(lower >= 0.0, 1.0, np.where(upper <= 0.0, -1.0, 0.0))
    largest = np.where(sign == 0.0, np.maximum(np.abs(lower), np.abs(upper)), 0.0)
    weights = factor * affine.magnitude * sign[:, None]
    return weights, factor * (largest @ affine.magnitude + affine.magnitude_bias)


def network_upper_bound(affine: AffineMap, images: np.ndarray) -> np.ndarray:
    """The largest pre-activations `[N, U]` that a float32 network can compute for float32 images `[N, D]`."""
    images = np.asarray(images, np.float64)
    slack = gamma(affine.roundings + 1) * (np.abs(images) @ affine.magnitude + affine.magnitude_bias)
    return affine(images) + slack
