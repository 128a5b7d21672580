"""A labeled data set, whose metadata is known before its images are read."""

import functools
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from tfcollide.data.images_on_demand import ImagesOnDemand
from tfcollide.images import scale_and_crop
from tfcollide.shapes import ImageShape

__all__ = ["ANY_SIZE", "GIVEN", "LabeledImages", "Split"]

ANY_SIZE: ImageShape = (0, 0, 3)
"""The shape of images that differ in size, until they are fitted to a model."""
GIVEN = "images"
"""The name of images that were given from Python: every other one stands for the test split."""


class Split(NamedTuple):
    """Images and their classes.

    Attributes:
        images: `[n, H, W, C]` uint8, or read on demand.
        labels: `[n]` int64, indices into the data set's class names.
    """

    images: np.ndarray | ImagesOnDemand
    labels: np.ndarray


class LabeledImages:
    """Images of one shape with one label each, in a training and a test split.

    Args:
        name: the data set and its version ("mnist:3.0.1"); part of a model's recipe.
        class_names: one per label.
        shape: `(H, W, C)` of every image, or `ANY_SIZE`.
        test_size: how many test images there are; None where only reading tells.
        read: reads the split "train" or "test".
        splits: what the parts of the data set are called, where it has others than these two.
        listed_in: where all class names can be seen.
        fits: whether images of another size are brought to `shape`, rather than refused.
        without_label: tells how many rows of each split were left out, as they have no label.
        state: what tells, without reading an image, that its images and labels are the same as before, as JSON can hold it;
            None where nothing does.
    """

    def __init__(
        self,
        name: str,
        *,
        class_names: tuple[str, ...],
        shape: ImageShape,
        test_size: int | None,
        read: Callable[[str], Split],
        splits: tuple[str, ...] = (),
        listed_in: str = "",
        fits: bool = False,
        without_label: Callable[[], Mapping[str, int]] = dict,
        state: Callable[[], object] = lambda: None,
    ):
        self.name = name
        self.class_names = class_names
        self.shape = shape
        self._test_size = test_size
        self.splits = splits
        self.listed_in = listed_in
        self.fits = fits
        self._read = read
        self._without_label = without_label
        self.state = state

    def fitted(self, shape: ImageShape) -> "LabeledImages":
        """The same with every image, and every file beside it, brought to `shape` as `images.scale_and_crop` does."""

        def read(split: str) -> Split:
            images, labels = getattr(self, split)
            if self.shape == shape:
                return Split(images, labels)
            return Split(
                ImagesOnDemand(len(images), shape, lambda chosen: [scale_and_crop(images[i], shape) for i in chosen]), labels
            )

        return LabeledImages(
            self.name,
            class_names=self.class_names,
            shape=shape,
            test_size=self._test_size,
            read=read,
            splits=self.splits,
            listed_in=self.listed_in,
            fits=True,
            without_label=self._without_label,
            state=self.state,
        )

    @property
    def test_size(self) -> int:
        """How many test images there are."""
        return len(self.test.labels) if self._test_size is None else self._test_size

    @functools.cached_property
    def rows_without_label(self) -> Mapping[str, int]:
        """Split -> how many of its rows were left out, as they have no label; splits of which none was are not named."""
        return self._without_label()

    @functools.cached_property
    def train(self) -> Split:
        """The training split, read on first use."""
        return self._read("train")

    @functools.cached_property
    def test(self) -> Split:
        """The test split, read on first use."""
        return self._read("test")
