"""Rows of a prepared TFDS data set, in the order of its files, which slices of a split keep too."""

import contextlib
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tfcollide.errors import RequestError
from tfcollide.images import upright
from tfcollide.runtime.quiet import import_tensorflow

if TYPE_CHECKING:
    import tensorflow as tf
    import tensorflow_datasets as tfds

__all__ = ["check_feature", "count_of", "examples", "labels_of", "pixels_of", "rows_of", "turned", "whole"]

_BATCH, _GAP = 256, 64
_HAS_EXIF = r"\C*(Exif|eXIf)\C*"  # as JPEG and as PNG name it


def check_feature(name: str, feature: "tfds.features.FeatureConnector") -> None:
    """Refuses an image feature that does not hold 8-bit images, gray or RGB, as `images.eight_bits` does for pixels.

    Args:
        name: what stands on the command line, for messages.
        feature: a `tfds.features.Image`.
    """
    channels = feature.shape[-1]
    if np.dtype(feature.np_dtype) != np.uint8 or channels not in (None, 1, 2, 3, 4):
        raise RequestError(
            f"{name} with images of type {np.dtype(feature.np_dtype)} and shape {feature.shape}",
            "8-bit images (uint8), gray or RGB",
            "Prepare the data set with such images.",
        )


def count_of(builder: "tfds.core.DatasetBuilder", split: str) -> int:
    """How many rows a split has."""
    return builder.info.splits[split].num_examples


def labels_of(builder: "tfds.core.DatasetBuilder", split: str, image_key: str, label_key: str, name: str) -> np.ndarray:
    """The label of every row, `[n]` int64, without decoding an image; below 0 where a row has none.

    Raises:
        RequestError: a file of the split is missing or damaged, or a label has no name.
    """
    import_tensorflow()
    import tensorflow_datasets as tfds

    with whole(builder, split, name):
        found = examples(builder, split, {image_key: tfds.decode.SkipDecoding()}).map(lambda example: example[label_key])
        batches = _in_one_thread(found.batch(_BATCH)).as_numpy_iterator()
        labels = np.concatenate([np.zeros([0], np.int64), *batches]).astype(np.int64)
        _check_count(builder, split, len(labels))
    return _named(builder, split, label_key, labels, name)


def rows_of(
    builder: "tfds.core.DatasetBuilder", split: str, image_key: str, label_key: str, name: str
) -> tuple[np.ndarray, np.ndarray]:
    """The label, as of `labels_of`, and the image of every row, `[n, H, W, C]` uint8, where all have one shape.

    Raises:
        RequestError: as of `labels_of`.
    """
    import_tensorflow()
    count, place = count_of(builder, split), 0
    labels, images = np.zeros([count], np.int64), np.zeros([count, *builder.info.features[image_key].shape], np.uint8)
    with whole(builder, split, name):
        found = examples(builder, split, turned(image_key)).map(lambda example: (example[label_key], example[image_key]))
        for some, pixels in _in_one_thread(found.batch(_BATCH)).as_numpy_iterator():
            here = slice(place, place + len(some))
            labels[here], images[here] = some, pixels
            place += len(some)
        _check_count(builder, split, place)
    return _named(builder, split, label_key, labels, name), images


def _in_one_thread(dataset: "tf.data.Dataset") -> Any:
    """Small rows take longer to hand to another thread than to read; two take twice the processor time for the same seconds."""
    import tensorflow as tf

    options = tf.data.Options()
    options.threading.private_threadpool_size = options.threading.max_intra_op_parallelism = 1
    options.autotune.enabled = False
    return dataset.with_options(options)


def _check_count(builder: "tfds.core.DatasetBuilder", split: str, count: int) -> None:
    if count < count_of(builder, split):
        raise EOFError(f"{count} rows of {count_of(builder, split)}")


def _named(builder: "tfds.core.DatasetBuilder", split: str, label_key: str, labels: np.ndarray, name: str) -> np.ndarray:
    """Labels, each of which has a name."""
    names = builder.info.features[label_key].names or ()
    if labels.max(initial=-1) >= len(names):
        raise RequestError(
            f"{name} with label {labels.max()} in split {split}",
            f"labels below {len(names)}, one per name",
            "Prepare it again.",
        )
    return labels


def pixels_of(
    builder: "tfds.core.DatasetBuilder", split: str, key: str, positions: np.ndarray, name: str
) -> Iterator[np.ndarray]:
    """The images at ascending positions `[n]`, each `[H, W, C]` uint8; what lies close together is read in one go.

    Raises:
        RequestError: a file of the split is missing or damaged.
    """
    import_tensorflow()
    batched = None not in builder.info.features[key].shape
    for part in np.split(positions, np.flatnonzero(np.diff(positions) > _GAP) + 1) if len(positions) else ():
        first, wanted = int(part[0]), set(part.tolist())
        with whole(builder, split, name):
            found = examples(builder, f"{split}[{first}:{part[-1] + 1}]", turned(key)).map(lambda example: example[key])
            batches = (found.batch(_BATCH) if batched else found.map(lambda image: image[None])).as_numpy_iterator()
            for place, image in enumerate(itertools.chain.from_iterable(batches), first):
                if place in wanted:
                    wanted.remove(place)
                    yield image
            if wanted:
                raise EOFError(f"{len(wanted)} rows are missing")


def examples(builder: "tfds.core.DatasetBuilder", split: str, decoders: Mapping[str, object] | None = None) -> Any:
    """The examples of a split, or of a slice of it, in the order of the files."""
    import tensorflow_datasets as tfds

    config = tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False)
    return builder.as_dataset(split=split, shuffle_files=False, decoders=decoders, read_config=config)


def turned(key: str) -> dict[str, Any]:
    """Decodes images as TFDS does, and turns those that have EXIF data as a viewer does."""
    import tensorflow as tf
    import tensorflow_datasets as tfds

    @tfds.decode.make_decoder()
    def decode(serialized: bytes, feature: "tfds.features.FeatureConnector") -> Any:
        image = feature.decode_example(serialized)
        turn = lambda: tf.numpy_function(upright, [image, serialized], tf.uint8)  # noqa: E731
        found = tf.cond(tf.strings.regex_full_match(serialized, _HAS_EXIF), turn, lambda: image)
        return tf.ensure_shape(found, feature.shape)

    return {key: decode()}


@contextlib.contextmanager
def whole(builder: "tfds.core.DatasetBuilder", split: str, name: str) -> Iterator[None]:
    """Turns what reading a missing, cut, empty or altered file raises into one line that names the file.

    Args:
        builder: of the data set.
        split: that is read.
        name: what stands on the command line.
    """
    try:
        yield
    except (RequestError, MemoryError):
        raise
    except Exception as error:  # TFDS and TensorFlow raise many kinds
        if type(error).__name__ == "ResourceExhaustedError":
            raise
        raise RequestError(
            f"{name}, which cannot be read: {_damaged_file(builder, split) or _suspects(builder, split, error)}",
            "a prepared data set whose files are whole",
            f"Copy it again, or delete {builder.data_dir} and prepare it again.",
        ) from error


def _suspects(builder: "tfds.core.DatasetBuilder", split: str, error: Exception) -> str:
    """Where a split's files are whole records of something else."""
    paths = builder.info.splits[split].filepaths or [f"split {split}"]
    more = f" or one of {len(paths) - 1} more files" if len(paths) > 1 else ""
    return f"{paths[0]}{more} holds something else ({type(error).__name__})"


def _damaged_file(builder: "tfds.core.DatasetBuilder", split: str) -> str | None:
    """The first file of a split that lacks records or cannot be read, and why."""
    import tensorflow as tf

    found = builder.info.splits[split]
    for path, length in zip(found.filepaths, found.shard_lengths, strict=False):
        if not Path(path).is_file():
            return f"{path} is missing"
        if "tfrecord" not in Path(path).name:
            continue
        try:
            records = sum(1 for _ in tf.data.TFRecordDataset(str(path)))
        except Exception as error:
            return f"{path} is damaged ({type(error).__name__})"
        if records != length:
            return f"{path} holds {records} records of {length}"
    return None
