"""The embedded default: the UCI handwritten digits that scikit-learn carries.

1,797 images of 8x8 pixels with 17 gray levels, enlarged to MNIST's 28x28. The
last fifth is the test split; the writers there are others than in the rest.
"""

from importlib.metadata import version

import numpy as np
from PIL import Image

from tfcollide.data.labeled import LabeledImages, Split

__all__ = ["VARIANT", "load_digits"]

_SIZE = 28
_TRAIN_SIZE, _TEST_SIZE = 1437, 360


def load_digits() -> LabeledImages:
    """The digits, 28x28x1, gray levels 0..255."""
    return LabeledImages(
        "digits",
        class_names=tuple("0123456789"),
        shape=(_SIZE, _SIZE, 1),
        test_size=_TEST_SIZE,
        read=_read,
        state=lambda: f"scikit-learn {version('scikit-learn')}",
    )


def _read(split: str) -> Split:
    from sklearn import datasets  # a second to import, and not needed for the metadata

    digits = datasets.load_digits()
    part = slice(None, _TRAIN_SIZE) if split == "train" else slice(_TRAIN_SIZE, None)
    images = np.stack([_enlarge(image) for image in digits.images[part]])
    return Split(images[..., None], digits.target[part].astype(np.int64))


def _enlarge(image: np.ndarray) -> np.ndarray:
    levels = np.rint(image * (255 / 16)).astype(np.uint8)
    return np.asarray(Image.fromarray(levels).resize((_SIZE, _SIZE), Image.Resampling.BICUBIC))


VARIANT = load_digits
