"""Photographs of a TFDS data set, read in the order of its files."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tfcollide.data.from_tfds import open_builder
from tfcollide.data.tfds_rows import check_feature, examples, labels_of, turned, whole
from tfcollide.errors import RequestError
from tfcollide.images import eight_bits
from tfcollide.patches.photographs import Photographs
from tfcollide.runtime.quiet import import_tensorflow

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

__all__ = ["open_tfds"]


def open_tfds(name: str, data_dir: str | None, split: str, *, labeled: bool = True) -> Photographs:
    """Opens a split; one pass over it reads the labels, without decoding an image.

    Args:
        name: as `tfds.builder` takes it.
        data_dir: the folder of prepared data sets; None is TFDS's own choice.
        split: "train", "test" or what the data set has.
        labeled: whether labels are read; else all are empty.

    Raises:
        RequestError: there is no such data set or split, or it has no images.
    """
    import_tensorflow()
    import tensorflow_datasets as tfds

    builder = open_builder(name, data_dir, flag="images=tfds:")
    features = dict(builder.info.features)
    image_key = _only(name, features, tfds.features.Image)
    shown = f"--images=tfds:{name}"
    check_feature(shown, features[image_key])
    label_keys = [key for key, feature in features.items() if isinstance(feature, tfds.features.ClassLabel)]
    if split not in builder.info.splits:
        raise RequestError(f"--split={split}", f"one of {', '.join(builder.info.splits)}")
    count = builder.info.splits[split].num_examples
    labels = _labels(builder, split, image_key, label_keys[0], shown) if labeled and label_keys else [""] * count
    ids = [f"{split}:{i}" for i in range(count)]
    return Photographs(
        builder.info.full_name.replace("/", ":"),
        ids,
        labels,
        [0] * count,
        lambda positions, fit: _read(builder, split, image_key, positions, fit, shown),
    )


def _labels(builder: "tfds.core.DatasetBuilder", split: str, image_key: str, label_key: str, name: str) -> list[str]:
    """The class of every photograph; empty where it has none."""
    names = builder.info.features[label_key].names
    return [names[label] if label >= 0 else "" for label in labels_of(builder, split, image_key, label_key, name)]


def _read(
    builder: "tfds.core.DatasetBuilder",
    split: str,
    key: str,
    positions: Sequence[int],
    fit: Callable[[np.ndarray], np.ndarray],
    name: str,
) -> Iterator[np.ndarray]:
    import tensorflow as tf

    if not positions:
        return
    refused: list[RequestError] = []

    def load(image: np.ndarray) -> np.ndarray:
        try:
            return fit(eight_bits(image, f"{name}, split {split}: an image"))
        except RequestError as error:  # TensorFlow would wrap it in pages of its own
            refused.append(error)
            return np.empty((0, 0, 3), np.uint8)

    wanted = np.zeros(positions[-1] - positions[0] + 1, bool)
    wanted[np.asarray(positions) - positions[0]] = True
    keep = tf.constant(wanted)
    with whole(builder, split, name):
        found = examples(builder, f"{split}[{positions[0]}:{positions[-1] + 1}]", turned(key)).enumerate()
        images = found.filter(lambda i, _: keep[i]).map(lambda _, example: example[key])
        fitted = images.map(lambda image: tf.numpy_function(load, [image], tf.uint8), tf.data.AUTOTUNE, deterministic=True)
        missing = len(positions)
        for image in fitted.prefetch(tf.data.AUTOTUNE).as_numpy_iterator():
            if not image.size:
                raise refused[0]
            missing -= 1
            yield image
        if missing:
            raise EOFError(f"{missing} photographs are missing")


def _only(name: str, features: Mapping[str, object], kind: type) -> str:
    keys = [key for key, feature in features.items() if isinstance(feature, kind)]
    if len(keys) != 1:
        raise RequestError(f"--images=tfds:{name} with {len(keys)} features of type {kind.__name__}", "one of them")
    return keys[0]
