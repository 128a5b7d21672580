"""What a data set tells of a network: how far apart features and images usually are, and who says what they show."""

import functools
import math
from collections.abc import Callable, Mapping
from typing import cast

import numpy as np

from tfcollide.data.labeled import GIVEN, LabeledImages, Split
from tfcollide.data.select import PredictedClasses
from tfcollide.errors import RequestError
from tfcollide.files.facts import Facts
from tfcollide.images import from_uint8, to_uint8
from tfcollide.measure.null_distribution import NullDistribution, null_distribution
from tfcollide.measure.reader import Reader, nearest_neighbors, network_reader
from tfcollide.models.classifier import Classifier, Tap
from tfcollide.models.predictions import Predictions, evenly
from tfcollide.polytope.hull.mixing import mean_distance
from tfcollide.runtime.progress import stage

__all__ = ["Yardstick"]

_DISTANCE_SAMPLE, _DISTANCE_VALUES = 5000, 2**26
_LOOKED_AT = 2**24  # values compared at once
_NOBODY = -1.0  # the accuracy of no reader


class Yardstick:
    """What a data set tells, each thing found out when it is first asked for.

    Args:
        network: the network under test.
        tap: where features are compared.
        data: images of the network's shape; None: there are none, and nothing can be told.
        predicted: `[test_size]`, the network's class of each test image, an array or looked up on demand.
        labeled: whether the data set's classes are the network's.
        other_reader: another network that reads corners; None: the nearest neighbors among the training images.
        facts: what is known already of this network and this data; None: nothing.
    """

    def __init__(
        self,
        network: Classifier,
        tap: Tap,
        data: LabeledImages | None = None,
        *,
        predicted: PredictedClasses | None = None,
        labeled: bool = True,
        other_reader: Classifier | None = None,
        facts: Facts | None = None,
    ):
        self.network, self.tap, self.data = network, tap, data
        self.predicted, self.labeled, self.other_reader = predicted, labeled, other_reader
        self._facts = facts or Facts()

    @classmethod
    def of_images(cls, network: Classifier, tap: Tap, images: np.ndarray, labels: np.ndarray) -> "Yardstick":
        """Of images `[n, H, W, C]` uint8 and their classes `[n]`, -1: not known; every other one is known to the reader."""
        splits = {"train": Split(images[1::2], labels[1::2]), "test": Split(images[::2], labels[::2])}
        data = LabeledImages(
            GIVEN,
            class_names=network.class_names,
            shape=network.image_shape,
            test_size=len(images[::2]),
            read=splits.__getitem__,
        )
        predicted = Predictions(network, splits["test"].images)
        return cls(network, tap, data, predicted=predicted, labeled=bool((labels >= 0).all()))

    def label_of(self, image: np.ndarray) -> str | None:
        """The class of an image `[H, W, C]` float32 that is one of the data set's own, to 8 bits; None of any other."""
        pixels, names = to_uint8(image, self.network.bounds), self.data.class_names if self.data else ()
        step = max(1, _LOOKED_AT // pixels.size)
        for split in (self.data.train, self.data.test) if self.data else ():
            for first in range(0, len(split.labels), step):
                same = (split.images[first : first + step] == pixels).all(axis=(1, 2, 3))
                codes = split.labels[first : first + step][same]
                if len(codes) and 0 <= codes[0] < len(names):
                    return names[codes[0]]
        return None

    @property
    def test_size(self) -> int:
        """How many test images there are."""
        return self.data.test_size if self.data else 0

    @functools.cached_property
    def test_accuracy(self) -> float | None:
        """Share of the test images that the network gets right; of photographs, of an even sample.

        None where the data set's classes are not the network's.
        """
        if not self.labeled or self.data is None:
            return None
        return self._number("test-accuracy", self._accuracy)

    @functools.cached_property
    def dataset_mean(self) -> float | None:
        """Mean distance between two test images, over all pairs of the first 5,000, or as many as 256 MiB hold."""
        if self.data is None:
            return None
        return self._number("mean-distance", self._distance)

    @functools.cached_property
    def null(self) -> NullDistribution | None:
        """Feature distances at the tap between images of one class; None where no data set has them."""
        if self.data is None or not self.test_size:
            return None
        kept = self._facts.find("null-distribution", self._null, _is_null, tap=self.tap.name)
        return NullDistribution.from_arrays(kept)

    @functools.cached_property
    def reader(self) -> Reader | None:
        """Who says what a corner shows; None where the data set has nothing to learn from.

        Raises:
            RequestError: the other network has other classes than the data set.
        """
        if self.data is None or not self.test_size:
            return None
        with stage("learning to read images"):
            if self.other_reader is None:
                return self._neighbors(self.data)
            found = network_reader(self.other_reader, self.data, self.network.bounds)
            if found.accuracy is None:
                raise RequestError(f"--reader={found.name}: {found.reason}", "a network of the data set's classes")
            return found

    def _number(self, name: str, work: Callable[[], float | None]) -> float | None:
        """A number, NaN in its file where there is none."""
        value = self._facts.find(name, lambda: _packed(work()), _is_number)["value"].item()
        return None if math.isnan(value) else value

    def _neighbors(self, data: LabeledImages) -> Reader | None:
        """The nearest neighbors; where their accuracy is known already, the images are not read before they are asked."""
        made: list[Reader | None] = []

        def measure() -> dict[str, np.ndarray]:
            made.append(nearest_neighbors(data, self.network.bounds))
            return _packed(_NOBODY if made[0] is None else made[0].accuracy)

        accuracy = self._facts.find("reader", measure, _is_number)["value"].item()
        if made or accuracy == _NOBODY:
            return made[0] if made else None
        return nearest_neighbors(data, self.network.bounds, known_accuracy=accuracy)

    def _accuracy(self) -> float:
        data, chosen = cast(LabeledImages, self.data), np.arange(self.test_size)
        if isinstance(self.predicted, Predictions):
            chosen = evenly(self.test_size, math.prod(data.shape))
        return float(np.mean(np.asarray(cast(PredictedClasses, self.predicted)[chosen]) == data.test.labels[chosen]))

    def _distance(self) -> float | None:
        data = cast(LabeledImages, self.data)
        count = min(_DISTANCE_SAMPLE, _DISTANCE_VALUES // math.prod(data.shape))
        return mean_distance(from_uint8(data.test.images[:count], self.network.bounds))

    def _null(self) -> dict[str, np.ndarray]:
        data = cast(LabeledImages, self.data)
        splits = (split for split in (data.test, data.train) if len(split.labels))
        with stage(f"comparing features of images of one class at {self.tap.name}"):
            found = null_distribution(
                self.tap.pre_activation,
                self.tap.rectifier,
                splits,
                self.network.bounds,
                batch_size=self.network.batch_size,
            )
        return NullDistribution.to_arrays(found)


def _packed(value: float | None) -> dict[str, np.ndarray]:
    return {"value": np.array(np.nan if value is None else value, np.float64)}


def _is_number(kept: Mapping[str, np.ndarray]) -> bool:
    return set(kept) == {"value"} and kept["value"].shape == () and kept["value"].dtype == np.float64


def _is_null(kept: Mapping[str, np.ndarray]) -> bool:
    kinds = {"same": (1, "f8"), "different": (1, "f8"), "images": (0, "i8"), "note": (1, "u1")}
    return set(kept) == set(kinds) and all((v.ndim, v.dtype.str[1:]) == kinds[name] for name, v in kept.items())
