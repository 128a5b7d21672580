"""A labelled data set, whose metadata is known before its images are read."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tfcollide.images import fit
from tfcollide.shapes import ImageShape

__all__ = ["LabelledImages", "Split"]


class Split(NamedTuple):
    """Images and their classes.

    Attributes:
        images: `[n, H, W, C]` uint8.
        labels: `[n]` int64, indices into the data set's class names.
    """

    images: np.ndarray
    labels: np.ndarray


class LabelledImages:
    """Images of one shape with one label each, in a training and a test split.

    Args:
        name: the data set and its version ("mnist:3.0.1"); part of a model's recipe.
        class_names: one a label.
        shape: `(H, W, C)` of every image.
        test_size: how many test images there are.
        read: reads the split "train" or "test".
        fits: whether images of another size are brought to `shape`, rather than refused.
    """

    def __init__(
        self,
        name: str,
        *,
        class_names: tuple[str, ...],
        shape: ImageShape,
        test_size: int,
        read: Callable[[str], Split],
        fits: bool = False,
    ):
        self.name = name
        self.class_names = class_names
        self.shape = shape
        self.test_size = test_size
        self.fits = fits
        self._read = read

    def fitted(self, shape: ImageShape) -> "LabelledImages":
        """The same with every image of `shape`, resized and cropped as `images.fit` does."""
        if shape == self.shape:
            return self
        read = self._read

        def resize(split: str) -> Split:
            images, labels = read(split)
            return Split(np.stack([fit(image, shape) for image in images]), labels)

        return LabelledImages(
            self.name, class_names=self.class_names, shape=shape, test_size=self.test_size, read=resize, fits=True
        )

    @functools.cached_property
    def train(self) -> Split:
        """The training split, read on first use."""
        return self._read("train")

    @functools.cached_property
    def test(self) -> Split:
        """The test split, read on first use."""
        return self._read("test")
