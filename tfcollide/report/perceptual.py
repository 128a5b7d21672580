"""How different corners look: numbers for what an L2 distance does not tell.

Speckle and a changed object may lie equally far apart. Structural similarity falls
where a person sees another image; and the Fourier transform of a difference tells
how much of it is coarse ("macro") and how much fine ("micro").
"""

import itertools

import numpy as np

from tfcollide.measure.similarity import pairwise, scales_that_fit
from tfcollide.records import Perceptual
from tfcollide.shapes import Bounds

__all__ = ["low_frequency_share", "perceptual", "total_variation"]

_NYQUIST = 0.5


def perceptual(images: np.ndarray, bounds: Bounds) -> Perceptual | None:
    """The measures of images `[N, H, W, C]` float32 in bounds, as means over all pairs; None of a single image."""
    pairs = np.array(list(itertools.combinations(range(len(images)), 2)))
    if not len(pairs):
        return None
    one, other = images[pairs[:, 0]], images[pairs[:, 1]]
    fits = scales_that_fit(images.shape[1:]) > 0
    ssim, multi_scale = (float(found.mean()) for found in pairwise(one, other, bounds)) if fits else (None, None)
    return Perceptual(
        ssim=ssim,
        ms_ssim=multi_scale,
        low_frequency_share=float(np.mean([low_frequency_share(a - b) for a, b in zip(one, other, strict=True)])),
        total_variation=float(np.mean([total_variation(image) for image in images]) / bounds.range),
    )


def low_frequency_share(difference: np.ndarray, *, below: float = 0.25) -> float:
    """The share of a difference's energy at spatial frequencies below a share of Nyquist's.

    Frequencies are those of the discrete Fourier transform, their size the Euclidean
    one, so that white noise has a share of pi below^2 / 4 (0.049) and an even shift 1.

    Args:
        difference: `[H, W, C]`.
        below: the frequency, as a share of half a cycle per pixel.
    """
    energy = np.square(np.abs(np.fft.fft2(difference.astype(np.float64), axes=(0, 1)))).sum(axis=2)
    size = np.hypot(*np.meshgrid(*(np.fft.fftfreq(length) for length in energy.shape), indexing="ij"))
    total = energy.sum()
    return float(energy[size < below * _NYQUIST].sum() / total) if total else 0.0


def total_variation(image: np.ndarray) -> float:
    """Mean |difference| between neighboring values of `[H, W, C]`, down and across together."""
    down, across = (np.abs(np.diff(image.astype(np.float64), axis=axis)) for axis in (0, 1))
    return float((down.sum() + across.sum()) / image.size)
