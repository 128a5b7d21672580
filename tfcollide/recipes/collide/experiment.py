"""What the runs of one process share: data, classifier, tap and the compiled descent."""

import dataclasses
import functools
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from tfcollide.audit.front import FrontSearch
from tfcollide.audit.null_distribution import NullDistribution, null_distribution
from tfcollide.audit.reader import Reader, nearest_neighbors, network_reader
from tfcollide.data.labelled import LabelledImages
from tfcollide.errors import RequestError
from tfcollide.images import from_uint8
from tfcollide.models import training
from tfcollide.models.affine import AffineMap, affine_map
from tfcollide.models.classifier import Classifier, Tap
from tfcollide.models.dense_chain import DenseChain, Unreadable
from tfcollide.models.differentiable import check_compiles, check_differentiable
from tfcollide.models.loading import load_classifier
from tfcollide.models.model_file import kind_of
from tfcollide.models.predictions import Predictions, evenly
from tfcollide.optimize.loss import HullTerms, Objective, Parameterization
from tfcollide.optimize.step import Descent
from tfcollide.polytope.hull.mixing import mean_distance
from tfcollide.polytope.hull.worst_mixture import MixtureSearch
from tfcollide.recipes.classifier.open import open_classifier
from tfcollide.recipes.collide.assemble import descent_of, hull_terms
from tfcollide.recipes.collide.config import CollideConfig
from tfcollide.recipes.sweep.batch_size import pairs_at_once
from tfcollide.registry import OBJECTIVES, PARAMETERIZATIONS
from tfcollide.runtime.progress import stage

__all__ = ["Experiment", "prepare"]

_DISTANCE_SAMPLE, _DISTANCE_VALUES = 5000, 2**26
_DENSE_STEPS, _DEEP_STEPS = 60, 30


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A prepared experiment.

    Attributes:
        data: the data set.
        classifier: trained on it, or brought; its classes may then be others, see `labelled`.
        tap: where features collide.
        objective: whose terms are descended.
        parameterization: what is optimised.
        together: the terms that hold the hull together, or None.
        descent: compiled on first use.
        pairs_at_once: how many pairs of a sweep are descended as one batch.
        predicted: `[test_size]`, the classifier's class of each test image, an array or looked up on demand.
        labelled: whether the data set's classes are the classifier's.
        seconds_training: spent on training; 0 where the classifier was in the cache.
        other_reader: the network that --reader names.
    """

    data: LabelledImages
    classifier: Classifier
    tap: Tap
    objective: Objective
    parameterization: Parameterization
    together: HullTerms | None
    descent: Descent
    pairs_at_once: int
    predicted: Any
    labelled: bool
    seconds_training: float
    other_reader: Classifier | None = None

    @functools.cached_property
    def test_accuracy(self) -> float | None:
        """Share of the test images that the classifier gets right; of photographs, of an even sample.

        None where the data set's classes are not the classifier's.
        """
        if not self.labelled:
            return None
        chosen = np.arange(self.data.test_size)
        if isinstance(self.predicted, Predictions):
            chosen = evenly(self.data.test_size, math.prod(self.data.shape))
        return training.accuracy(self.predicted[chosen], self.data.test.labels[chosen])

    @functools.cached_property
    def dataset_mean(self) -> float | None:
        """Mean distance between two test images, over all pairs of the first 5,000, or as many as 256 MiB hold."""
        count = min(_DISTANCE_SAMPLE, _DISTANCE_VALUES // math.prod(self.data.shape))
        return mean_distance(from_uint8(self.data.test.images[:count], self.classifier.bounds))

    @functools.cached_property
    def null(self) -> NullDistribution | None:
        """Feature distances at the tap between images of one class; None where no data set has them."""
        if not self.data.test_size:
            return None
        splits = (split for split in (self.data.test, self.data.train) if len(split.labels))
        with stage(f"comparing features of images of one class at {self.tap.name}"):
            return null_distribution(
                self.tap.pre_activation,
                self.tap.rectifier,
                splits,
                self.classifier.bounds,
                batch_size=self.classifier.batch_size,
            )

    @functools.cached_property
    def reader(self) -> Reader | None:
        """Who says what a corner shows; None where the data set has nothing to learn from."""
        if not self.data.test_size:
            return None
        with stage("learning to read images"):
            if self.other_reader is not None:
                found = network_reader(self.other_reader, self.data, self.classifier.bounds)
                if found.accuracy is None:
                    raise RequestError(f"--reader={found.name}: {found.reason}", "a network of the data set's classes")
                return found
            return nearest_neighbors(self.data, self.classifier.bounds)

    @functools.cached_property
    def affine(self) -> AffineMap:
        """The tap's pre-activation as a function of the image.

        Raises:
            RequestError: it is not affine.
        """
        return affine_map(self.classifier, self.tap.name)

    @functools.cached_property
    def chain(self) -> DenseChain | Unreadable:
        """The classifier as a chain of dense layers, or why it is none."""
        return self.classifier.chain

    @functools.cached_property
    def worst_mixture(self) -> MixtureSearch:
        """The search for the worst mixture of a hull, compiled on first use."""
        classifier, steps = self.classifier, _DEEP_STEPS if self.is_deep else _DENSE_STEPS
        return MixtureSearch(
            classifier.logits, classifier.image_shape, classifier.class_names, reading=classifier.reading, steps=steps
        )

    @functools.cached_property
    def front_search(self) -> FrontSearch:
        """The search for the front of one corner, compiled on first use."""
        return FrontSearch(self.tap.pre_activation, self.classifier.bounds)

    @functools.cached_property
    def hull_front_search(self) -> FrontSearch | None:
        """That of all corners together; None where nothing holds a hull together."""
        if self.together is None:
            return None
        return FrontSearch(self.tap.pre_activation, self.classifier.bounds, self.together.corners, self.together.spread)

    @property
    def is_deep(self) -> bool:
        """Whether the network is more than a chain of dense layers, so that each look at it costs."""
        return isinstance(self.chain, Unreadable)


def prepare(config: CollideConfig, data: LabelledImages, strategy: tf.distribute.Strategy | None = None) -> Experiment:
    """Loads or trains the classifier and sets up the descent.

    Args:
        config: what is asked for.
        data: the data set.
        strategy: splits the network's work among devices where given.

    Raises:
        RequestError: the tap or the weights do not fit, or the network does not suit the solver or the export.
    """
    objective = OBJECTIVES.load(config.objective)
    opened = open_classifier(config, data, strategy)
    classifier = opened.classifier
    tap = classifier.tap(config.tap or classifier.default_tap)
    parameterization = PARAMETERIZATIONS.load(config.parameterization).create(
        config, classifier.bounds, classifier.image_shape, config.num_corners()
    )
    together = hull_terms(config, classifier, objective)
    at_once = pairs_at_once(config, classifier, together)
    experiment = Experiment(
        data=opened.data,
        classifier=classifier,
        tap=tap,
        objective=objective,
        parameterization=parameterization,
        together=together,
        descent=descent_of(config, classifier, tap, objective, parameterization, together, at_once),
        pairs_at_once=at_once,
        predicted=opened.predicted,
        labelled=opened.labelled,
        seconds_training=opened.seconds_training,
        other_reader=_other_reader(config.reader) if config.reader else None,
    )
    _check_solvable(config, experiment)
    if not tap.sole:
        sole = ", ".join(classifier.sole_taps) or "none"
        tqdm.write(f"Other branches go round {tap.name}; ReLUs that all paths pass: {sole}", file=sys.stderr)
    return experiment


def _other_reader(path: str) -> Classifier:
    """The network that reads corners."""
    try:
        return load_classifier(Path(path))
    except RequestError as error:
        raise RequestError(f"--reader={path}, which cannot read images ({error})", "another network's file") from error


def _check_solvable(config: CollideConfig, experiment: Experiment) -> None:
    """What only the network can tell of a request, before any pair is begun."""
    if config.solver == "exact":
        experiment.affine  # noqa: B018 - refuses a tap that is not affine
    elif kind_of(config.model) == "file":
        check_differentiable(experiment.classifier, experiment.tap)
    if config.xla and config.solver == "gradient":
        check_compiles(experiment.classifier, experiment.tap)
    if config.vnnlib and isinstance(experiment.chain, Unreadable):
        raise RequestError(f"--vnnlib with {config.model}: {experiment.chain.reason}", "a network of dense and ReLU layers")
