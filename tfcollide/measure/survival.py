"""What may happen to an image between whoever makes it and the network: one small function each.

Each takes images `[S, H, W, C]` as shares of the pixel range and gives them back changed. A new one is a new entry of
`TREATMENTS`.
"""

import functools
import io
from collections.abc import Callable

import numpy as np
from PIL import Image

__all__ = ["TREATMENTS", "Treatment", "eight_bit", "jpeg", "noisy", "resized", "shifted", "untouched"]

Treatment = Callable[[np.ndarray], np.ndarray]

_SEED = 0x5EED


def untouched(images: np.ndarray) -> np.ndarray:
    """Nothing."""
    return images


def eight_bit(images: np.ndarray) -> np.ndarray:
    """What a PNG file keeps."""
    return (_bytes(images) / 255.0).astype(np.float32)


def jpeg(images: np.ndarray, quality: int) -> np.ndarray:
    """A JPEG file, written and read by Pillow."""
    return _each(images, lambda picture: _through_jpeg(picture, quality))


def resized(images: np.ndarray) -> np.ndarray:
    """To half the height and width, and back, bicubic with antialiasing."""

    def there_and_back(picture: Image.Image) -> Image.Image:
        small = max(1, picture.width // 2), max(1, picture.height // 2)
        return picture.resize(small, Image.Resampling.BICUBIC).resize(picture.size, Image.Resampling.BICUBIC)

    return _each(images, there_and_back)


def shifted(images: np.ndarray) -> np.ndarray:
    """By one pixel to the right; the first column is repeated."""
    return np.concatenate([images[:, :, :1], images[:, :, :-1]], axis=2)


def noisy(images: np.ndarray, deviation: float) -> np.ndarray:
    """Gaussian noise on every value, cut off at black and white; the same at every call."""
    noise = np.random.default_rng(_SEED).standard_normal(images.shape, np.float32)
    return np.clip(images + np.float32(deviation) * noise, 0.0, 1.0)


TREATMENTS: dict[str, Treatment] = {
    "none": untouched,
    "PNG": eight_bit,
    **{f"JPEG of quality {quality}": functools.partial(jpeg, quality=quality) for quality in (95, 75, 50)},
    "half the size and back": resized,
    "shift by one pixel": shifted,
    **{f"noise of {share:g} of the range": functools.partial(noisy, deviation=share) for share in (0.01, 0.03, 0.1)},
}
"""What is done to images, in words -> how."""


def _bytes(images: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(255.0 * images), 0, 255).astype(np.uint8)


def _each(images: np.ndarray, change: Callable[[Image.Image], Image.Image]) -> np.ndarray:
    """One picture after the other through Pillow, gray or RGB."""
    gray = images.shape[-1] == 1
    pictures = [Image.fromarray(one[..., 0] if gray else one) for one in _bytes(images)]
    changed = np.stack([np.asarray(change(one)) for one in pictures])
    return (changed.reshape(images.shape) / 255.0).astype(np.float32)


def _through_jpeg(picture: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return Image.open(file)
