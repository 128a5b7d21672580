"""Structural similarity of images, at one scale and at several.

SSIM (Wang, Bovik, Sheikh and Simoncelli, 2004) compares means, variances and covariances under a
Gaussian window; multi-scale SSIM (Wang, Simoncelli and Bovik, 2003) does so again on halved images.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from tfcollide.runtime.compiled import compiled
from tfcollide.shapes import Bounds

__all__ = ["Similarity", "pairwise", "scales_that_fit", "similarity"]

_WINDOW = 11
_SIGMA = 1.5
_SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_BATCH_VALUES = 2**22


@dataclasses.dataclass(frozen=True)
class Similarity:
    """How similar an image is to a reference: 1 for the same image.

    Attributes:
        ssim: mean over all places of the window, and over channels; None where it cannot be computed.
        ms_ssim: the same over `scales` scales, their weights normalized; 0 where it would be negative.
        scales: how many of the five scales fit, each half as large as the one before.
        reason: why there is no number, in one line; None where there is one.
    """

    ssim: float | None
    ms_ssim: float | None
    scales: int
    reason: str | None = None


def similarity(images: np.ndarray, reference: np.ndarray, bounds: Bounds) -> tuple[Similarity, ...]:
    """How similar each image is to a reference.

    The window is a Gaussian of 11x11 pixels with sigma 1.5, laid where all of it fits; the data range L is
    that of `bounds`, the constants (0.01 L)^2 and (0.03 L)^2, and pixel values count from black as 0.

    Args:
        images: `[N, H, W, C]` float32 in `bounds`.
        reference: `[H, W, C]` float32 in `bounds`.
        bounds: the values of black and white.

    Returns:
        One record per image.
    """
    scales = scales_that_fit(reference.shape)
    if not scales:
        height, width = reference.shape[:2]
        reason = f"images of {width}x{height} pixels are smaller than SSIM's window of {_WINDOW}x{_WINDOW}"
        return (Similarity(None, None, 0, reason),) * len(images)
    ssim, multi_scale = pairwise(images, np.broadcast_to(reference, images.shape), bounds)
    return tuple(_record(float(one), float(several), scales) for one, several in zip(ssim, multi_scale, strict=True))


def _record(ssim: float, multi_scale: float, scales: int) -> Similarity:
    if not np.isfinite([ssim, multi_scale]).all():
        return Similarity(None, None, scales, "the image has values that are not finite")
    return Similarity(ssim, multi_scale, scales)


def scales_that_fit(shape: tuple[int, ...]) -> int:
    """How many of the five scales of images `(H, W, C)` are at least as large as the window."""
    size, scales = min(shape[:2]), 0
    while size >= _WINDOW and scales < len(_SCALE_WEIGHTS):
        size, scales = size // 2, scales + 1
    return scales


def pairwise(one: np.ndarray, other: np.ndarray, bounds: Bounds) -> tuple[np.ndarray, np.ndarray]:
    """SSIM and multi-scale SSIM, `[n]` float32 each, of pairs of images of which one scale fits at least.

    Args:
        one: `[n, H, W, C]` in `bounds`.
        other: `[n, H, W, C]` in `bounds`.
        bounds: the values of black and white.
    """
    size = max(1, _BATCH_VALUES // max(1, one[:1].size))
    parts = [_of_batch(one[i : i + size], other[i : i + size], bounds) for i in range(0, len(one), size)]
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def _of_batch(one: np.ndarray, other: np.ndarray, bounds: Bounds) -> tuple[np.ndarray, np.ndarray]:
    both = _compiled(one.shape[1:])
    simple, multi_scale = both(*(((images - bounds.lower) / bounds.range).astype(np.float32) for images in (one, other)))
    return simple.numpy(), multi_scale.numpy()


@functools.lru_cache(maxsize=8)
def _compiled(shape: tuple[int, ...]) -> Callable[..., tuple[Any, Any]]:
    """Pairs of images of a shape, black being 0 and white 1, -> both similarities, which no range of values changes."""
    import tensorflow as tf  # whoever only reads a record's names needs none

    weights = np.array(_SCALE_WEIGHTS[: scales_that_fit(shape)])
    window = {"filter_size": _WINDOW, "filter_sigma": _SIGMA}

    def both(one: tf.Tensor, other: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        multi_scale = tf.image.ssim_multiscale(one, other, 1.0, tuple(weights / weights.sum()), **window)
        return tf.image.ssim(one, other, 1.0, **window), multi_scale

    spec = tf.TensorSpec([None, *shape], tf.float32)
    return compiled(both, input_signature=[spec, spec])
