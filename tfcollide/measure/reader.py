"""Independent readers: what somebody who is not the network under test takes an image for."""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tfcollide.data.labeled import LabeledImages, Split
from tfcollide.images import from_uint8, scale_and_crop, to_uint8
from tfcollide.measure.wording import percents
from tfcollide.models.classifier import Classifier
from tfcollide.models.predictions import evenly_spread
from tfcollide.shapes import Bounds

__all__ = ["Qualified", "Reader", "nearest_neighbors", "network_reader", "qualify"]

_CELLS = 32
_MOST_TEST = 1_000
_BATCH_VALUES = 2**24


@dataclasses.dataclass(frozen=True)
class Reader:
    """Somebody who says which class of a data set an image shows.

    Attributes:
        name: what tables call it.
        accuracy: the share of labeled test images that it reads right; None where that is not known.
        classes: the data set's class names.
        read: images `[n, H, W, C]` float32, in the bounds that it was made for, -> `[n]` int64, indices into `classes`.
        reason: why the accuracy is not known, in one line.
    """

    name: str
    accuracy: float | None
    classes: tuple[str, ...]
    read: Callable[[np.ndarray], np.ndarray]
    reason: str | None = None


@dataclasses.dataclass(frozen=True)
class Qualified:
    """Whether a reader votes on a pair.

    Attributes:
        reader: it, where it votes.
        reason: why nobody votes, in one line; None where the reader does.
    """

    reader: Reader | None
    reason: str | None


def nearest_neighbors(
    data: LabeledImages,
    bounds: Bounds,
    *,
    neighbors: int = 5,
    most_training: int = 10_000,
    most_test: int = _MOST_TEST,
    known_accuracy: float | None = None,
) -> Reader | None:
    """The most frequent class among the nearest training images.

    Images are compared by L2 distance of their pixels, averaged over at most 32x32 cells of equal size.
    The k-NN classifier is scikit-learn's, by brute force.

    Args:
        data: its training split is what is known, evenly spread images of it; accuracy is measured on its test split.
        bounds: of the images that will be read.
        neighbors: how many neighbors vote.
        most_training: how many training images are known at most.
        most_test: how many test images are read at most.
        known_accuracy: where it was measured before; NaN where there were no labeled test images. No image is read then
            before the reader is asked.

    Returns:
        The reader; None where the data set has no labeled training image.
    """
    if known_accuracy is None and not len(_labeled(data.train, most_training)):
        return None

    @functools.cache
    def model() -> Any:
        from sklearn.neighbors import KNeighborsClassifier  # a second to import

        known = _labeled(data.train, most_training)
        found = KNeighborsClassifier(min(neighbors, len(known)), algorithm="brute")
        cells = _in_batches(data.train, known, bounds, lambda images: _cells(images, bounds))
        return found.fit(cells, data.train.labels[known])

    def read(images: np.ndarray) -> np.ndarray:
        return model().predict(_cells(images, bounds))

    return _measured("k nearest neighbors", data, bounds, read, most_test, known_accuracy)


def network_reader(classifier: Classifier, data: LabeledImages, bounds: Bounds) -> Reader:
    """Another network as reader.

    Images of another size or number of channels than it reads are rounded to 8 bits and brought to its
    shape as `images.scale_and_crop` does; others only change their range. Where the network's class names are
    the data set's in another order, they are matched by name, else by their place.

    Args:
        classifier: the other network.
        data: its test split measures the accuracy.
        bounds: of the images that will be read.

    Returns:
        The reader, without an accuracy where the network's classes are not as many as the data set's.
    """
    place = _places(classifier.class_names, data.class_names)

    def read(images: np.ndarray) -> np.ndarray:
        return place[classifier.judge(_as_it_reads(classifier, images, bounds)).predicted]

    if classifier.num_classes != len(data.class_names):
        reason = f"{classifier.name} has {classifier.num_classes} classes, and {data.name} has {len(data.class_names)}"
        return Reader(classifier.name, None, data.class_names, read, reason)
    return _measured(classifier.name, data, bounds, read, _MOST_TEST)


def qualify(
    reader: Reader | None,
    *,
    least_accuracy: float = 0.8,
    source: np.ndarray,
    target: np.ndarray,
    source_label: str | None,
    target_label: str | None,
) -> Qualified:
    """Lets a reader vote only where it can be trusted.

    It votes where its test accuracy is at least `least_accuracy` and it reads the unchanged source and
    target as what they are labeled.

    Args:
        reader: who would vote; None where there are no training images to make one from.
        least_accuracy: between 0 and 1.
        source: `[H, W, C]` float32.
        target: `[H, W, C]` float32.
        source_label: its class name; None for an image that nobody labeled.
        target_label: its class name, or None.
    """
    if reader is None:
        return Qualified(None, "there are no training images to compare with")
    named = {"source": source_label, "target": target_label}
    reason = _distrust(reader, least_accuracy) or _unlabeled(reader, named)
    if reason is None:
        read = (reader.classes[i] if i >= 0 else "no class" for i in reader.read(np.stack([source, target])))
        wrong = [
            f"{reader.name} reads the unchanged {which} ({label}) as {found}"
            for (which, label), found in zip(named.items(), read, strict=True)
            if found != label
        ]
        reason = wrong[0] if wrong else None
    return Qualified(None if reason else reader, reason)


def _distrust(reader: Reader, least_accuracy: float) -> str | None:
    if reader.accuracy is None:
        return f"the accuracy of {reader.name} is not known: {reader.reason or 'it was not measured'}"
    if reader.accuracy >= least_accuracy:
        return None
    right, asked = percents(reader.accuracy, least_accuracy)
    return f"{reader.name} is right on {right} of test images; at least {asked} is asked (--reader_accuracy)"


def _unlabeled(reader: Reader, named: dict[str, str | None]) -> str | None:
    for which, label in named.items():
        if label is None:
            return f"the {which} has no label by which to see whether {reader.name} reads it right"
        if label not in reader.classes:
            return f"the {which} is labeled {label}, which is no class that {reader.name} knows"
    if named["source"] == named["target"]:
        return f"source and target are both labeled {named['source']}, so that reading a corner does not tell them apart"
    return None


def _measured(
    name: str,
    data: LabeledImages,
    bounds: Bounds,
    read: Callable[[np.ndarray], np.ndarray],
    most_test: int,
    known: float | None = None,
) -> Reader:
    """A reader with its accuracy on evenly spread test images, unless that is known."""
    if known is not None and not math.isnan(known):
        return Reader(name, known, data.class_names, read)
    chosen = _labeled(data.test, most_test)
    if not len(chosen):
        return Reader(name, None, data.class_names, read, f"{data.name} has no labeled test images")
    right = _in_batches(data.test, chosen, bounds, read) == data.test.labels[chosen]
    return Reader(name, float(right.mean()), data.class_names, read)


def _labeled(split: Split, most: int) -> np.ndarray:
    """At most `most` numbers of labeled images, evenly spread; a label below 0 is none."""
    labeled = np.flatnonzero(np.asarray(split.labels) >= 0)
    return labeled[evenly_spread(len(labeled), most)]


def _in_batches(split: Split, chosen: np.ndarray, bounds: Bounds, look: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """What `look` says of the chosen images; no more of them at once than 2^24 values."""
    size = max(1, _BATCH_VALUES // max(1, int(np.prod(split.images.shape[1:]))))
    parts = (chosen[i : i + size] for i in range(0, len(chosen), size))
    return np.concatenate([look(from_uint8(split.images[part], bounds)) for part in parts])


def _cells(images: np.ndarray, bounds: Bounds) -> np.ndarray:
    """`[n, D]` float32 from 0 to 1: means over at most 32x32 cells of images `[n, H, W, C]`."""
    values = (np.asarray(images, np.float32) - np.float32(bounds.lower)) / np.float32(bounds.range)
    for axis in (1, 2):
        length = values.shape[axis]
        cells = min(length, _CELLS)
        starts = np.arange(cells) * length // cells
        widths = np.diff(starts, append=length).astype(np.float32)
        values = np.add.reduceat(values, starts, axis=axis) / np.expand_dims(widths, (0, *{1, 2, 3} - {axis}))
    return values.reshape(len(values), -1)


def _as_it_reads(classifier: Classifier, images: np.ndarray, bounds: Bounds) -> np.ndarray:
    """Images in `bounds` as the classifier reads them."""
    if images.shape[1:] == tuple(classifier.image_shape):
        scale = classifier.bounds.range / bounds.range
        return ((images.astype(np.float64) - bounds.lower) * scale + classifier.bounds.lower).astype(np.float32)
    fitted = [scale_and_crop(image, classifier.image_shape) for image in to_uint8(images, bounds)]
    return from_uint8(np.stack(fitted), classifier.bounds)


def _places(own: tuple[str, ...], others: tuple[str, ...]) -> np.ndarray:
    """`[L]`, for each of a network's classes its index in the data set; -1 for one beyond them."""
    if len(set(own)) == len(own) and sorted(own) == sorted(others):
        return np.array([others.index(name) for name in own], np.int64)
    return np.where(np.arange(len(own)) < len(others), np.arange(len(own)), -1)
