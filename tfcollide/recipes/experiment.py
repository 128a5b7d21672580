"""What the runs of one process share: data, classifier, tap and the compiled descent."""

import dataclasses
import functools
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfcollide.data.labelled import LabelledImages
from tfcollide.images import from_uint8
from tfcollide.loss import HullTerms, Objective, Parameterization
from tfcollide.models import training
from tfcollide.models.classifier import Classifier, Tap
from tfcollide.models.loading import load_classifier
from tfcollide.models.model_file import looks_like_file
from tfcollide.models.pixel_range import parse_bounds
from tfcollide.optimize import Descent
from tfcollide.polytope.hull import mean_distance
from tfcollide.recipes.config import CollideConfig, TrainConfig
from tfcollide.recipes.descents import descent_of, hull_terms
from tfcollide.registry import OBJECTIVES, PARAMETERIZATIONS

__all__ = ["Experiment", "Trained", "classifier_of", "prepare"]

_DISTANCE_SAMPLE = 5000


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A prepared experiment.

    Attributes:
        data: the data set.
        classifier: trained on it.
        tap: where features collide.
        objective: whose terms are descended.
        parameterization: what is optimised.
        together: the terms that hold the hull together, or None.
        descent: compiled on first use.
        predicted: `[test_size]`, the classifier's class of each test image.
        seconds_training: spent on training; 0 where the classifier was in the cache.
    """

    data: LabelledImages
    classifier: Classifier
    tap: Tap
    objective: Objective
    parameterization: Parameterization
    together: HullTerms | None
    descent: Descent
    predicted: np.ndarray
    seconds_training: float

    @functools.cached_property
    def test_accuracy(self) -> float:
        """Share of the test images that the classifier gets right."""
        return training.accuracy(self.predicted, self.data.test.labels)

    @functools.cached_property
    def dataset_mean(self) -> float | None:
        """Mean distance between two test images, over all pairs of the first 5,000."""
        return mean_distance(from_uint8(self.data.test.images[:_DISTANCE_SAMPLE], self.classifier.bounds))


class Trained(NamedTuple):
    """A classifier and how it was come by.

    Attributes:
        classifier: trained on a data set.
        path: of its `.keras` file; None where the user brought the file.
        predicted: `[test_size]`, its class of each test image.
        seconds_training: 0 where it was in the cache.
    """

    classifier: Classifier
    path: Path | None
    predicted: np.ndarray
    seconds_training: float


def classifier_of(config: TrainConfig, data: LabelledImages) -> Trained:
    """The classifier of a config, trained if it is not in the cache."""
    training.make_deterministic()
    recipe = training.TrainingRecipe(
        dataset=data.name,
        model=config.model,
        hidden_units=config.hidden_widths(),
        initializer=config.initializer,
        epochs=config.epochs,
        batch_size=config.batch_size,
        learning_rate=config.train_learning_rate,
        seed=config.train_seed,
    )
    model_dir = Path(config.resolved().model_dir or "")
    path = training.cached_path(recipe, model_dir)
    began, known = time.perf_counter(), path.exists()
    classifier = training.train_or_load(recipe, data, model_dir)
    spent = 0.0 if known else time.perf_counter() - began
    predicted = classifier.judge(from_uint8(data.test.images, classifier.bounds)).predicted
    return Trained(classifier, path, predicted, spent)


def _opened(config: CollideConfig, data: LabelledImages) -> Trained:
    """The classifier in a file that the user brought."""
    training.make_deterministic()
    bounds = parse_bounds(config.pixel_range) if config.pixel_range else None
    classifier = load_classifier(
        Path(config.model), allow_custom_code=config.allow_custom_code, bounds=bounds, image_size=config.image_size
    )
    if classifier.num_classes == len(data.class_names):
        classifier.class_names = data.class_names
    images = data.fitted(classifier.image_shape).test.images
    predicted = classifier.judge(from_uint8(images, classifier.bounds)).predicted
    return Trained(classifier, None, predicted, 0.0)


def prepare(config: CollideConfig, data: LabelledImages) -> Experiment:
    """Loads or trains the classifier and sets up the descent.

    Raises:
        RequestError: the tap or the weights do not fit.
    """
    objective = OBJECTIVES.load(config.objective)
    trained = _opened(config, data) if looks_like_file(config.model) else classifier_of(config, data)
    classifier = trained.classifier
    data = data.fitted(classifier.image_shape)
    tap = classifier.tap(config.tap or classifier.default_tap)
    parameterization = PARAMETERIZATIONS.load(config.parameterization)(classifier.bounds)
    together = hull_terms(config, classifier, tap, objective)
    return Experiment(
        data=data,
        classifier=classifier,
        tap=tap,
        objective=objective,
        parameterization=parameterization,
        together=together,
        descent=descent_of(config, classifier, tap, objective, parameterization, together),
        predicted=trained.predicted,
        seconds_training=trained.seconds_training,
    )
