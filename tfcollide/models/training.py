"""Training a classifier once, and finding it again by its recipe."""

import dataclasses
import hashlib
import json
import math
import os
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from absl import logging
from tqdm.keras import TqdmCallback

from tfcollide.data.labelled import LabelledImages, Split
from tfcollide.images import from_uint8
from tfcollide.models import mlp
from tfcollide.models.classifier import Classifier
from tfcollide.progress import progress
from tfcollide.registry import MODELS
from tfcollide.run_directory import check_writable
from tfcollide.scratch import scratch_folder

__all__ = ["TrainingRecipe", "accuracy", "cached_path", "count_epochs", "fit", "make_deterministic", "train_or_load"]

_MIN_EPOCHS, _MIN_STEPS = 30, 400


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
        batch_size: images a step.
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
        """Names the recipe in the cache."""
        text = json.dumps(dataclasses.asdict(self), sort_keys=True)
        return f"{self.model}-{self.dataset.replace(':', '-')}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def count_epochs(train_size: int, batch_size: int) -> int:
    """30 passes, or as many as make 400 steps where the data set is small."""
    return max(_MIN_EPOCHS, math.ceil(_MIN_STEPS / math.ceil(train_size / batch_size)))


def cached_path(recipe: TrainingRecipe, model_dir: Path) -> Path:
    """Where the network of `recipe` is kept."""
    return model_dir / f"{recipe.key}.keras"


def train_or_load(recipe: TrainingRecipe, data: LabelledImages, model_dir: Path) -> Classifier:
    """The trained network of a recipe, from the cache if it is there and whole.

    Args:
        recipe: what to train.
        data: the data set that `recipe.dataset` names.
        model_dir: the cache folder, made if need be.

    Raises:
        RequestError: it has to be trained, and cannot be kept there.
    """
    path = cached_path(recipe, model_dir)
    model = _load(path)
    if model is None:
        check_writable("model_dir", model_dir)
        model = fit(recipe, data.train, data.shape, len(data.class_names))
        _save(model, path)
    return Classifier(model, name=recipe.model, bounds=mlp.BOUNDS, class_names=data.class_names)


def fit(recipe: TrainingRecipe, train: Split, shape: tuple[int, int, int], num_classes: int) -> keras.Model:
    """Trains the network of `recipe` on `train`, with a progress bar."""
    keras.utils.set_random_seed(recipe.seed)  # the order of the images; the weights have seeds of their own
    build = MODELS.load(recipe.model)
    model = build(shape, num_classes, hidden_units=recipe.hidden_units, initializer=recipe.initializer, seed=recipe.seed)
    epochs = recipe.epochs or count_epochs(len(train.images), recipe.batch_size)
    steps = math.ceil(len(train.images) / recipe.batch_size)
    model.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(recipe.learning_rate, epochs * steps)),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        steps_per_execution=min(steps, 20),
    )
    images = from_uint8(train.images, mlp.BOUNDS)
    bar = TqdmCallback(verbose=0, tqdm_class=progress, desc=f"training {recipe.model}", mininterval=0.5)
    model.fit(images, train.labels, batch_size=recipe.batch_size, epochs=epochs, verbose=0, callbacks=[bar])
    return model


def _load(path: Path) -> Any:
    if not path.exists():
        return None
    try:
        return keras.models.load_model(path, compile=False)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        logging.warning("The cached model %s cannot be read (%s); training it again.", path, type(error).__name__)
        return None


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
