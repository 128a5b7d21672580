"""The mathematics of composites written down literally: loops over candidates and pixels, float64."""

import numpy as np

from tfcollide.parameterizations.composite.blend_weights import candidates_at_pixels


def windows(height, width, window, stride):
    """Row and column of the first pixel of every window, row by row."""
    return [(y, x) for y in range(0, height - window + 1, stride) for x in range(0, width - window + 1, stride)]


def covering_factor(height, width, window, stride, surround):
    """d_k(i,j) `[K, H, W]`: the product of the distances to the nearer end of the pasted area, on both axes."""
    h = (window + 2 * surround) / 2
    d = np.zeros([len(windows(height, width, window, stride)), height, width])
    for k, (top, left) in enumerate(windows(height, width, window, stride)):
        cy, cx = top + window / 2, left + window / 2
        for i in range(height):
            for j in range(width):
                down, across = h - abs(i + 0.5 - cy), h - abs(j + 0.5 - cx)
                if down > 0 and across > 0:
                    d[k, i, j] = down * across
    return d


def candidates(patches, height, width, window, stride, surround):
    """Every patch pasted on an image of its own: `[K, H, W, C]`, zero where it does not reach."""
    size = window + 2 * surround
    pasted = np.zeros([len(patches), height, width, patches.shape[-1]])
    for k, (top, left) in enumerate(windows(height, width, window, stride)):
        for y in range(size):
            for x in range(size):
                i, j = top - surround + y, left - surround + x
                if 0 <= i < height and 0 <= j < width:
                    pasted[k, i, j] = patches[k, y, x]
    return pasted


def eq5(patches, height, width, window, stride, surround):
    """Eq. 5: the composite `[H, W, C]` that linear interpolation makes."""
    d = covering_factor(height, width, window, stride, surround)
    weights = d / d.sum(axis=0)
    return (weights[..., None] * candidates(patches, height, width, window, stride, surround)).sum(axis=0)


def softmax_over_covering(controls, covered):
    """P `[K, H, W]` of control parameters `[K, H, W]`, only over the candidates that cover a pixel."""
    weights = np.where(covered, np.exp(np.where(covered, controls, 0)), 0)
    return weights / weights.sum(axis=0)


def total_variation(weights):
    """Eq. 7 of `[K, H, W]`, pixel by pixel."""
    total = 0.0
    count, height, width = weights.shape
    for k in range(count):
        for i in range(height):
            for j in range(width):
                if j + 1 < width:
                    total += abs(weights[k, i, j] - weights[k, i, j + 1])
                if i + 1 < height:
                    total += abs(weights[k, i, j] - weights[k, i + 1, j])
    return total


def by_candidate(layout, values):
    """`[H, W, slots down, slots across]` as `[K, H, W]`; zero where a candidate does not reach."""
    names = candidates_at_pixels(layout)
    found = np.zeros([layout.num_candidates, *names.shape[:2]])
    i, j, a, b = np.nonzero(names >= 0)
    found[names[i, j, a, b], i, j] = values[i, j, a, b]
    return found
