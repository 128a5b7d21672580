"""The class that a network gives each image of a data set, found out when it is asked for.

Of a network of labels it is the class whose label an image has and no other; L where there is none.
"""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from tfcollide.data.images_on_demand import ImagesOnDemand
from tfcollide.images import from_uint8
from tfcollide.models.classifier import Classifier
from tfcollide.runtime.progress import progress

__all__ = ["Predictions", "evenly", "evenly_spread"]

_MAX_VALUES = 2**24


class Predictions:
    """Stands for an array `[n]` of classes; photographs are judged as they are looked at, and once.

    Args:
        classifier: the network.
        images: `[n, H, W, C]` uint8, an array or read on demand.
        known: the classes of some, -1 for the others; None: of none.
    """

    def __init__(self, classifier: Classifier, images: np.ndarray | ImagesOnDemand, known: np.ndarray | None = None):
        self._classifier = classifier
        self._images = images
        self._found = np.full(len(images), -1) if known is None else known.copy()

    def __len__(self) -> int:
        return len(self._found)

    def __getitem__(self, key: int | np.integer | slice | np.ndarray) -> Any:
        """The class of one image, or of those that a slice or an array of numbers names."""
        chosen = np.atleast_1d(np.arange(len(self))[key])
        missing = chosen[self._found[chosen] < 0]
        size = self._classifier.batch_size
        for i in progress(range(0, len(missing), size), desc="judging test images", leave=False, disable=len(missing) <= size):
            part = missing[i : i + size]
            judged = self._classifier.judge(from_uint8(self._images[part], self._classifier.bounds))
            self._found[part] = self._classifier.reading.one_class(judged.predicted)
        return self._found[key]

    def of_sample(self, chosen: np.ndarray) -> np.ndarray:
        """`[n]` int64, with the classes of the chosen images, and -1 for each of the others."""
        found = np.full(len(self), -1)
        found[chosen] = self[chosen]
        return found

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self[:], dtype)


def evenly(count: int, values: int) -> np.ndarray:
    """Numbers of images, evenly spread, that stand for `count` of them: all, or as many as have 2^24 values.

    Args:
        count: how many images there are.
        values: of one image, H W C.
    """
    return evenly_spread(count, max(1, _MAX_VALUES // values))


def evenly_spread(count: int, most: int) -> np.ndarray:
    """At most `most` of the numbers from 0 to `count` - 1, evenly spread and growing; all of them where they are no more."""
    kept = min(count, most)
    return np.arange(kept) * count // max(1, kept)
