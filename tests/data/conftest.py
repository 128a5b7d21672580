"""Small TFDS data sets, prepared on the spot."""

import itertools
import shutil

import numpy as np
import pytest
import tensorflow_datasets as tfds

_numbers = itertools.count()


@pytest.fixture
def prepared(tmp_path):
    """From split -> rows (image, label) to the name of a data set in `tmp_path`; label -1 is none, an image may be a file."""

    def prepare(splits, *, shape=(4, 5, 3), dtype=np.uint8, shards=1):
        def info(self):
            image = tfds.features.Image(shape=shape, dtype=dtype)
            used = {"image": image, "label": tfds.features.ClassLabel(names=["cat", "dog"])}
            return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(used))

        def examples(rows):
            for i, (image, label) in enumerate(rows):
                yield i, {"image": image if isinstance(image, str) else np.asarray(image, dtype), "label": label}

        body = {
            "VERSION": tfds.core.Version("1.0.0"),
            "_info": info,
            "_split_generators": lambda self, manager: {split: examples(rows) for split, rows in splits.items()},
            "_generate_examples": examples,
            "__module__": __name__,
        }
        number = next(_numbers)
        kind = type(f"Made{number}", (tfds.core.GeneratorBasedBuilder,), body)
        builder = kind(data_dir=str(tmp_path))
        config = tfds.download.DownloadConfig(num_shards=shards) if shards > 1 else None
        builder.download_and_prepare(download_config=config)
        return f"made{number}"

    yield prepare
    shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.fixture
def flat():
    """An image of one level."""
    return lambda level, shape=(4, 5, 3), dtype=np.uint8: np.full(shape, level, dtype)
