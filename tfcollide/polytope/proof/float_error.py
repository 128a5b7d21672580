"""How far float32 arithmetic may stray, and the float64 that bounds it.

A sum of n products is computed as sum_i w_i x_i (1 + theta_i) with |theta_i| <=
gamma(n), whatever the order of the additions and with or without fused
multiply-add (Higham, Accuracy and Stability of Numerical Algorithms, 3.1):

    gamma(n) = n u / (1 - n u),   u = 2^-24 in float32, 2^-53 in float64

Numbers below 2^-126 may be flushed to zero, on reading or on writing, as
TensorFlow does on CPUs: `flushed` bounds what that adds.
"""

import numpy as np

__all__ = ["FLOAT32_MAX", "flushed", "gamma", "mixture_error"]

FLOAT32_MAX = float(np.finfo(np.float32).max)
_UNIT = 2.0**-24
_UNIT_DOUBLE = 2.0**-53
_TINY = 2.0**-126
# gamma is itself computed in float64, and so is what it multiplies.
_UP = 1.0 + 2.0**-20


def gamma(roundings: np.ndarray | int, *, double: bool = False) -> np.ndarray:
    """The relative error n u / (1 - n u) of n `roundings`, rounded up."""
    unit = _UNIT_DOUBLE if double else _UNIT
    n = np.asarray(roundings, np.float64)
    return n * unit / (1.0 - n * unit) * _UP


def flushed(weight_sum: np.ndarray, input_sum: np.ndarray, roundings: np.ndarray) -> np.ndarray:
    """What flushing to zero may add to a sum of products.

    A weight or an input that is read as zero costs 2^-126 times its partner; a
    product or a sum that is written as zero costs 2^-126.

    Args:
        weight_sum: sum_j |w_j|.
        input_sum: sum_j |x_j|.
        roundings: of the sum.
    """
    return 2.0 * _TINY * (weight_sum + input_sum + 3.0 * roundings + 3.0)


def mixture_error(corners: int) -> float:
    """How far a float32 mixture is from an exact one, relative to sum_n w_n |corner_n|.

    The N weights are float32, not negative, and sum to one up to N 2^-23, which
    covers weights that were rounded from exact ones and a last weight computed as
    one minus the others. Dividing them by their sum gives the exact mixture that
    stands for them. Clipping to the range of the corners, as `hull.mix` does,
    brings a mixture no further from one that lies within that range.
    """
    off_one = corners * 2.0**-23
    return float((off_one + gamma(corners) * (1.0 + off_one)) * _UP)
