"""Networks that lead a verifier astray: what they answer hangs on the order in which float32 adds up.

In the manner of Szasz, Banhelyi and Jelasity, No Soundness in the Real World: On the Challenges of the
Verification of Deployed Neural Networks (arXiv 2506.01054); built here. Large terms cancel, and what is
left is near what their rounding leaves.
"""

import numpy as np

from tests.polytope.proof.network_bounds_test import convolved


def trap(rng, *, deep):
    """A classifier behind one ReLU, corners and its maps `(weights, bias)`; the margin in real numbers is positive everywhere.

    Args:
        rng: what is drawn with.
        deep: whether rounding may eat up the margin, or is far from it.
    """
    pairs = rng.integers(10, 40)
    sizes = 10.0 ** rng.uniform(1, 6, pairs)
    rounding = 2.0**-24 * sizes.sum()
    rest = rounding * 10.0 ** (rng.uniform(-2, 0) if deep else rng.uniform(2.3, 3))
    row = rng.permutation(np.concatenate([sizes, -sizes]).astype(np.float32)).astype(np.float64)
    shift = 4.0 * rounding  # so that the ReLU is active whatever the order
    maps = (np.stack([row, 0.0 * row]), np.array([shift + rest, shift])), (np.eye(2), np.zeros(2))
    classifier = convolved(*((weights, bias, k == 0) for k, (weights, bias) in enumerate(maps)))
    corners = np.repeat(rng.uniform(0.5, 1.0, (2, 1)), 2 * pairs, axis=1).astype(np.float32)
    return classifier, corners.reshape(2, -1, 1, 1), maps


def margins_in_orders(maps, images, rng, orders=20):
    """`[orders, n]`: logit 0 less logit 1 as float32 sums find it, one term at a time, in several orders."""
    found = []
    for k in range(orders):
        values = images.reshape(len(images), -1).astype(np.float32)
        for layer, (weights, bias) in enumerate(maps):
            places = np.arange(weights.shape[1])
            first = weights[0].argsort()
            order = [places, places[::-1], first, first[::-1]][k] if k < 4 else rng.permutation(places)
            total = np.zeros((len(values), len(bias)), np.float32)
            for j in order:
                total = total + values[:, j, None] * weights[:, j].astype(np.float32)
            values = total + bias.astype(np.float32)
            values = np.maximum(values, 0) if layer == 0 else values
        found.append(values[:, 0].astype(np.float64) - values[:, 1])
    return np.array(found)
