"""Training a classifier once, and finding it again by its recipe."""

import contextlib
import dataclasses
import hashlib
import json
import math
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from absl import logging
from tqdm.keras import TqdmCallback

from tfcollide.data.labeled import LabeledImages, Split
from tfcollide.errors import RequestError
from tfcollide.files.atomic import scratch_folder
from tfcollide.files.run_directory import check_writable
from tfcollide.images import from_uint8
from tfcollide.models.classifier import Classifier
from tfcollide.registry import MODELS
from tfcollide.runtime.progress import progress

__all__ = ["TrainingRecipe", "accuracy", "cached_path", "count_epochs", "make_deterministic", "train", "train_or_load"]

_MIN_EPOCHS, _MIN_STEPS = 30, 400
_KERAS = {"floatx": "float32", "image_data_format": "channels_last", "epsilon": 1e-7}
"""Settings of Keras that decide the weights, whatever the user's `keras.json` says."""


@dataclasses.dataclass(frozen=True)
class TrainingRecipe:
    """Everything that decides the weights; equal recipes give equal networks.

    Adam with a cosine decay to zero, softmax cross-entropy.

    Attributes:
        dataset: name and version.
        model: a name in `registry.MODELS`.
        hidden_units: the width of each hidden layer.
        initializer: see `mlp.build_mlp`.
        epochs: passes over the training split; 0 is `count_epochs`.
        batch_size: images per step.
        learning_rate: Adam's, before the decay.
        seed: of the initial weights and of the order of the images.
    """

    dataset: str
    model: str = "mlp"
    hidden_units: tuple[int, ...] = (256, 256)
    initializer: str = "unit_normal"
    epochs: int = 0
    batch_size: int = 250
    learning_rate: float = 2e-2
    seed: int = 0

    @property
    def key(self) -> str:
        """Names the recipe in the cache, and the software whose arithmetic it is."""
        software = {"tensorflow": tf.__version__, "keras": keras.__version__, **_KERAS}
        text = json.dumps(dataclasses.asdict(self) | {"software": software}, sort_keys=True)
        return f"{self.model}-{self.dataset.replace(':', '-')}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def count_epochs(train_size: int, batch_size: int) -> int:
    """30 passes, or as many as make 400 steps where the data set is small."""
    return max(_MIN_EPOCHS, math.ceil(_MIN_STEPS / math.ceil(train_size / batch_size)))


def cached_path(recipe: TrainingRecipe, model_dir: Path) -> Path:
    """Where the network of `recipe` is kept."""
    return model_dir / f"{recipe.key}.keras"


def train_or_load(recipe: TrainingRecipe, data: LabeledImages, model_dir: Path) -> Classifier:
    """The trained network of a recipe, from the cache if it is there and whole.

    Args:
        recipe: what to train.
        data: the data set that `recipe.dataset` names.
        model_dir: the cache folder, made if need be.

    Raises:
        RequestError: there is nothing to train on, training ends in numbers that are not finite (nothing is kept then), or
            the network cannot be kept there.
    """
    path = cached_path(recipe, model_dir)
    with _our_keras():
        model = _load(path)
        if model is None:
            _check_trainable(data)
            check_writable("model_dir", model_dir)
            model = train(recipe, data.train, data.shape, len(data.class_names))
            _save(model, path)
    return Classifier(model, name=recipe.model, bounds=MODELS.load(recipe.model).bounds, class_names=data.class_names)


def _check_trainable(data: LabeledImages) -> None:
    if not len(data.train.labels):
        splits = f" in its splits ({', '.join(data.splits)})" if data.splits else ""
        raise RequestError(
            f"--dataset={data.name} without labeled images to train on{splits}",
            "a split train with labels",
            "Choose another data set, or bring a network with --model, which needs no training.",
        )


def train(recipe: TrainingRecipe, split: Split, shape: tuple[int, int, int], num_classes: int) -> keras.Model:
    """Trains the network of `recipe` on a split, with a progress bar.

    Raises:
        RequestError: the loss or the weights are not finite in the end.
    """
    keras.utils.set_random_seed(recipe.seed)  # the order of the images; the weights have seeds of their own
    network = MODELS.load(recipe.model)
    model = network.build(
        shape, num_classes, hidden_units=recipe.hidden_units, initializer=recipe.initializer, seed=recipe.seed
    )
    epochs = recipe.epochs or count_epochs(len(split.images), recipe.batch_size)
    steps = math.ceil(len(split.images) / recipe.batch_size)
    model.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(recipe.learning_rate, epochs * steps)),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        steps_per_execution=min(steps, 20),
    )
    images = from_uint8(split.images, network.bounds)
    bar = TqdmCallback(verbose=0, tqdm_class=progress, desc=f"training {recipe.model}", mininterval=0.5)
    done = model.fit(images, split.labels, batch_size=recipe.batch_size, epochs=epochs, verbose=0, callbacks=[bar])
    loss = done.history["loss"][-1]
    if not math.isfinite(loss) or not _is_finite(model):
        raise RequestError(
            f"training with --train_learning_rate={recipe.learning_rate:g}, which ended with a loss of {loss:g}",
            "a finite loss and finite weights",
            "Lower --train_learning_rate.",
        )
    return model


@contextlib.contextmanager
def _our_keras() -> Iterator[None]:
    """Keras with `_KERAS` for a while."""
    kept = {name: getattr(keras.config, name)() for name in _KERAS}
    policy = keras.config.dtype_policy()
    try:
        for name, value in _KERAS.items():
            getattr(keras.config, f"set_{name}")(value)
        keras.config.set_dtype_policy(_KERAS["floatx"])
        yield
    finally:
        for name, value in kept.items():
            getattr(keras.config, f"set_{name}")(value)
        keras.config.set_dtype_policy(policy)


def _is_finite(model: keras.Model) -> bool:
    return all(np.isfinite(values).all() for values in model.get_weights())


def _load(path: Path) -> Any:
    if not path.exists():
        return None
    try:
        model = keras.models.load_model(path, compile=False)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        logging.warning("The cached model %s cannot be read (%s); training it again.", path, type(error).__name__)
        return None
    return model if _is_finite(model) else None


def _save(model: keras.Model, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with scratch_folder(path.parent) as folder:
        beside = folder / "model.keras"
        model.save(beside)
        os.replace(beside, path)


def accuracy(predicted: np.ndarray, labels: np.ndarray) -> float:
    """The share of `predicted` that equals `labels`, both `[n]`."""
    return float(np.mean(predicted == labels))


def make_deterministic() -> None:
    """Same seed, same machine, same bits."""
    tf.config.experimental.enable_op_determinism()
