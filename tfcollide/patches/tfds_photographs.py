"""Photographs of a TFDS data set, read in the order of its files."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tfcollide.data.from_tfds import open_builder
from tfcollide.errors import RequestError
from tfcollide.patches.photographs import Photographs
from tfcollide.quiet import import_tensorflow

__all__ = ["open_tfds"]


def open_tfds(name: str, data_dir: str | None, split: str, *, labelled: bool = True) -> Photographs:
    """Opens a split; one pass over it reads the labels, without decoding an image.

    Args:
        name: as `tfds.builder` takes it.
        data_dir: the folder of prepared data sets; None is TFDS's own choice.
        split: "train", "test" or what the data set has.
        labelled: whether labels are read; else all are empty.

    Raises:
        RequestError: there is no such data set or split, or it has no images.
    """
    import_tensorflow()
    import tensorflow_datasets as tfds

    builder = open_builder(name, data_dir, flag="images=tfds:")
    features = dict(builder.info.features)
    image_key = _only(name, features, tfds.features.Image)
    label_keys = [key for key, feature in features.items() if isinstance(feature, tfds.features.ClassLabel)]
    if split not in builder.info.splits:
        raise RequestError(f"--split={split}", f"one of {', '.join(builder.info.splits)}")
    count = builder.info.splits[split].num_examples
    labels = _labels(builder, split, image_key, label_keys[0]) if labelled and label_keys else [""] * count
    ids = [f"{split}:{i}" for i in range(count)]
    return Photographs(
        builder.info.full_name.replace("/", ":"),
        ids,
        labels,
        [0] * count,
        lambda positions, fit: _read(builder, split, image_key, positions, fit),
    )


def _examples(builder: Any, split: str, decoders: Any = None) -> Any:
    """The examples in the order of their files, which slices of the split keep."""
    import tensorflow_datasets as tfds

    config = tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False)
    return builder.as_dataset(split=split, shuffle_files=False, decoders=decoders, read_config=config)


def _labels(builder: Any, split: str, image_key: str, label_key: str) -> list[str]:
    import tensorflow_datasets as tfds

    names = builder.info.features[label_key].names
    examples = _examples(builder, split, {image_key: tfds.decode.SkipDecoding()}).map(lambda example: example[label_key])
    return [names[label] for label in examples.as_numpy_iterator()]


def _read(
    builder: Any, split: str, key: str, positions: Sequence[int], fit: Callable[[np.ndarray], np.ndarray]
) -> Iterator[np.ndarray]:
    import tensorflow as tf

    if not positions:
        return
    wanted = np.zeros(positions[-1] - positions[0] + 1, bool)
    wanted[np.asarray(positions) - positions[0]] = True
    keep = tf.constant(wanted)
    examples = _examples(builder, f"{split}[{positions[0]}:{positions[-1] + 1}]").enumerate()
    images = examples.filter(lambda i, _: keep[i]).map(lambda _, example: example[key])
    fitted = images.map(lambda image: tf.numpy_function(fit, [image], tf.uint8), tf.data.AUTOTUNE, deterministic=True)
    yield from fitted.prefetch(tf.data.AUTOTUNE).as_numpy_iterator()


def _only(name: str, features: dict[str, Any], kind: type) -> str:
    keys = [key for key, feature in features.items() if isinstance(feature, kind)]
    if len(keys) != 1:
        raise RequestError(f"--images=tfds:{name} with {len(keys)} features of type {kind.__name__}", "one of them")
    return keys[0]
