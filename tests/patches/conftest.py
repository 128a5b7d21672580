"""A folder of small photographs and an index of them."""

import numpy as np
import pytest
from PIL import Image

from tfcollide.patches.collection import open_collection
from tfcollide.recipes.patches.config import IndexConfig
from tfcollide.recipes.patches.index import run

SMALL = {"image_size": 48, "patch_size": 12, "stride": 4, "num_components": 8, "shard_patches": 400}
SMALL |= {"search": "annoy"}


def photograph(seed, height=56, width=64):
    """A smooth random picture, `[height, width, 3]` uint8: neighboring pixels are alike, as in photographs."""
    coarse = np.random.default_rng(seed).integers(0, 256, (7, 8, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("photographs")
    for number in range(14):
        place = root / ("even" if number % 2 == 0 else "odd")
        place.mkdir(exist_ok=True)
        Image.fromarray(photograph(number)).save(place / f"{number:02d}.png")
    return root


@pytest.fixture(scope="session")
def index(folder, tmp_path_factory):
    """An index of three shards with two photographs held out."""
    out = tmp_path_factory.mktemp("index") / "patches"
    run(IndexConfig(images=str(folder), held_out=2, **SMALL), out)
    return out


@pytest.fixture(scope="session")
def collection(index):
    return open_collection(index)


@pytest.fixture(scope="session")
def searched(folder, collection, tmp_path_factory):
    """For each search an index of the same windows that it can take."""
    out = tmp_path_factory.mktemp("projected") / "patches"
    run(IndexConfig(images=str(folder), held_out=2, **SMALL | {"search": "projected"}), out)
    return {"annoy": collection, "exact": collection, "projected": open_collection(out)}
