"""A small index, a small network, and one composite run that several tests look at."""

import json
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest
from PIL import Image

from tfcollide.recipes.collide import run
from tfcollide.recipes.collide.config import CollideConfig
from tfcollide.recipes.patches import index as index_patches
from tfcollide.recipes.patches.config import IndexConfig

SIZE = 16


class Made(NamedTuple):
    """Paths of a finished run and of what it was made from."""

    run: Any
    index: Any
    photographs: Any
    config: CollideConfig
    summary: Any
    array: Any


def photograph(seed):
    """Coarse color blotches, so that windows have neighbors that suit them."""
    coarse = np.random.default_rng(seed).integers(0, 256, [4, 4, 3], dtype=np.uint8)
    return Image.fromarray(coarse).resize((SIZE, SIZE), Image.Resampling.BICUBIC)


@pytest.fixture(scope="session")
def photographs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photographs")
    for seed in range(12):
        (folder / f"class_{seed % 3}").mkdir(exist_ok=True)
        photograph(seed).save(folder / f"class_{seed % 3}" / f"{seed:02d}.png")
    return folder


@pytest.fixture(scope="session")
def index(tmp_path_factory, photographs):
    folder = tmp_path_factory.mktemp("index") / "patches"
    shape = {"image_size": SIZE, "patch_size": 4, "stride": 2, "num_components": 8}
    index_patches.run(IndexConfig(images=str(photographs), search="exact", held_out=0, **shape), folder)
    return folder


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    keras.utils.set_random_seed(0)
    layers = [
        keras.Input([SIZE, SIZE, 3]),
        keras.layers.Rescaling(1 / 255),
        keras.layers.Conv2D(6, 3, strides=2),
        keras.layers.ReLU(name="first"),
        keras.layers.Flatten(),
        keras.layers.Dense(24),
        keras.layers.ReLU(name="second"),
        keras.layers.Dense(3),
    ]
    path = tmp_path_factory.mktemp("model") / "small.keras"
    keras.Sequential(layers).save(path)
    return path


@pytest.fixture(scope="session")
def made(tmp_path_factory, photographs, index, model):
    out = tmp_path_factory.mktemp("runs") / "composite"
    config = CollideConfig(
        dataset=f"folder:{photographs}",
        model=str(model),
        tap="second",
        source="test:0",
        target="test:5",
        parameterization="composite",
        index=str(index),
        control_spacing=1,
        corners=3,
        max_steps=40,
        interpolations=20,
        worst_starts=1,
        certify_boxes=0,
    )
    run.run(config, out)
    summary = json.loads((out / "summary.json").read_text())
    with np.load(out / "composite.npz") as arrays:
        return Made(out, index, photographs, config, summary, dict(arrays))
