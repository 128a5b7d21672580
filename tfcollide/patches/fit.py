"""From a photograph of any size to a square of pixels.

`crop`: the shorter side is resized and the middle is kept. `stretch`: both sides
are resized, and nothing is lost but the proportions.
"""

import numpy as np
from PIL import Image

from tfcollide.images import scale_and_crop

__all__ = ["RULES", "fit_square"]

RULES = ("crop", "stretch")
"""The resize rules by name."""


def fit_square(pixels: np.ndarray, size: int, rule: str = "crop") -> np.ndarray:
    """Resizes with Pillow's bicubic filter, which averages where it makes smaller.

    Args:
        pixels: `[H, W, C]` uint8, C being 1 or 3.
        size: side of the result.
        rule: one of `RULES`.

    Returns:
        `[size, size, 3]` uint8.
    """
    if rule == "crop":
        return scale_and_crop(pixels, (size, size, 3))
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).convert("RGB")
    return np.asarray(image.resize((size, size), Image.Resampling.BICUBIC))
