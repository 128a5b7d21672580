"""The classifier of a request: trained here, one of Keras's applications, or a file."""

import contextlib
import math
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from tfcollide.data.labeled import LabeledImages
from tfcollide.errors import RequestError
from tfcollide.files.facts import Facts
from tfcollide.library.known import known_facts
from tfcollide.models import applications, class_names, training
from tfcollide.models.classifier import Classifier
from tfcollide.models.loading import load_classifier, wrap
from tfcollide.models.model_file import kind_of
from tfcollide.models.pixel_range import ASSUMED, PHOTO, Trial, doubts, range_by_likelihood, tied, try_ranges
from tfcollide.models.predictions import Predictions, evenly
from tfcollide.recipes.classifiers.config import NetworkConfig, TrainConfig
from tfcollide.recipes.classifiers.network_request import is_brought, parse_bounds
from tfcollide.shapes import PixelRange

__all__ = ["Opened", "brought", "open_classifier", "trained"]

_TRIED, _TRIED_IF_TOLD = 200, 50


class Opened(NamedTuple):
    """A classifier and how it was come by.

    Attributes:
        classifier: ready for use.
        data: the data set, its images brought to what the classifier reads.
        path: of its `.keras` file; None where it was not trained here.
        predicted: `[test_size]`, its class of each test image, an array or looked up on demand.
        labeled: whether the data set's classes are the classifier's.
        seconds_training: 0 where nothing was trained.
        facts: about the classifier and the data set, those of earlier runs among them.
        doubts: what speaks against using the two together, or is assumed; sentences.
    """

    classifier: Classifier
    data: LabeledImages
    path: Path | None
    predicted: Any
    labeled: bool
    seconds_training: float
    facts: Facts
    doubts: tuple[str, ...] = ()


def open_classifier(config: NetworkConfig, data: LabeledImages, strategy: tf.distribute.Strategy | None = None) -> Opened:
    """The classifier of a run, trained here or brought; on all devices of a strategy where there is one."""
    return brought(config, data, strategy) if is_brought(config) else trained(config, data, strategy)


def trained(config: TrainConfig, data: LabeledImages, strategy: tf.distribute.Strategy | None = None) -> Opened:
    """The classifier of a config, trained on one device if it is not in the cache."""
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
    model_dir = Path(config.model_dir or "")
    path = training.cached_path(recipe, model_dir)
    began, known = time.perf_counter(), path.exists()
    classifier = training.train_or_load(recipe, data, model_dir)
    spent = 0.0 if known else time.perf_counter() - began
    if strategy is not None:
        with strategy.scope():
            classifier = training.train_or_load(recipe, data, model_dir)
    classifier.pixel_range = PixelRange(classifier.bounds, "as it was trained here")
    facts = _facts(config, classifier, data)
    predicted = _predicted(classifier, data, facts, np.arange(data.test_size))[:]
    return Opened(classifier, data, path, predicted, True, spent, facts)


def brought(config: NetworkConfig, data: LabeledImages, strategy: tf.distribute.Strategy | None = None) -> Opened:
    """A classifier that exists already.

    Raises:
        RequestError: it cannot be loaded, nothing tells what its outputs or its pixels are, or --labels does not fit it.
    """
    training.make_deterministic()
    with strategy.scope() if strategy else contextlib.nullcontext():
        classifier = _application(config) if kind_of(config.model) == "application" else _file(config)
    doubts = [classifier.doubt, _other_size(classifier, data), _other_classes(classifier, data), _cut_off(classifier)]
    _say(*doubts)
    data = data.fitted(classifier.image_shape)
    labeled = classifier.num_classes == len(data.class_names)
    if kind_of(config.model) == "file":
        classifier.pixel_range = _pixel_range(config, classifier, data if labeled else None)
        _say(classifier.pixel_range.warning)
        doubts += [classifier.pixel_range.warning, _assumed(classifier.pixel_range)]
    _name_classes(config, classifier, data.class_names if labeled else None)
    # Where the two do not speak of the same classes, an image counts as what it is filed under.
    facts = Facts() if config.allow_custom_code else _facts(config, classifier, data)
    sample = evenly(data.test_size, math.prod(data.shape))
    predicted = _predicted(classifier, data, facts, sample) if labeled else data.test.labels
    return Opened(classifier, data, None, predicted, labeled, 0.0, facts, tuple(filter(None, doubts)))


def _facts(config: TrainConfig, classifier: Classifier, data: LabeledImages) -> Facts:
    """What earlier runs have found out about a classifier and a data set, unless that is not asked for."""
    folder = Path(config.model_dir or "") / "facts" if config.cache else None
    return known_facts(folder, classifier, data, device=getattr(config, "device", None))


def _predicted(classifier: Classifier, data: LabeledImages, facts: Facts, chosen: np.ndarray) -> Predictions:
    """The class of each test image; those of the `chosen` ones are kept."""
    size = data.test_size

    def fits(kept: Mapping[str, np.ndarray]) -> bool:
        found = kept.get("classes", np.zeros(0))
        return found.shape == (size,) and found.dtype == np.int64 and bool((found[chosen] >= 0).all())

    own = Predictions(classifier, data.test.images)
    known = facts.find("predictions", lambda: {"classes": own.of_sample(chosen)}, fits)["classes"] if size else None
    return Predictions(classifier, data.test.images, known)


def _application(config: NetworkConfig) -> Classifier:
    weights = config.weights or "imagenet"
    model = applications.build(config.model, weights, image_size=config.image_size, seed=config.train_seed)
    name = applications.title(config.model, weights)
    classifier = wrap(model, name=name, bounds=PHOTO, precision=config.precision, outputs=config.outputs)
    classifier.pixel_range = PixelRange(PHOTO, "as keras.applications has it")
    return classifier


def _file(config: NetworkConfig) -> Classifier:
    return load_classifier(
        Path(config.model),
        allow_custom_code=config.allow_custom_code,
        bounds=parse_bounds(config.pixel_range) if config.pixel_range else None,
        image_size=config.image_size,
        precision=config.precision,
        outputs=config.outputs,
    )


def _pixel_range(config: NetworkConfig, classifier: Classifier, data: LabeledImages | None) -> PixelRange:
    """The range of pixels as asked for or told, else decided on images of the network's classes, else assumed; said aloud."""
    found = classifier.pixel_range._replace(how="told by --pixel_range") if config.pixel_range else classifier.pixel_range
    assumed, count, trials = found == ASSUMED, 0, []
    if data is not None:
        count = min(_TRIED if assumed else _TRIED_IF_TOLD, len(evenly(data.test_size, math.prod(data.shape))))
        chosen = np.arange(count) * data.test_size // count
        trials = try_ranges(classifier, data.test.images[chosen], data.test.labels[chosen], found.bounds)
        if assumed:
            _refuse_tie(classifier.name, tied(trials, count), count)
            found = range_by_likelihood(trials, count)
        found = found._replace(warning=doubts(found.bounds, trials, count, classifier.num_classes))
    if assumed:
        _say(f"Pixels are taken to be {found.bounds}, {found.how}; if they are not, say --pixel_range=BLACK,WHITE")
    return found


def _refuse_tie(name: str, trials: Sequence[Trial], count: int) -> None:
    """Asks where the labels of test images are about as likely in several ranges."""
    if len(trials) < 2:
        return
    does = " and ".join(f"{one.bounds} ({one.likelihood:.2f}, {one.right} right)" for one in trials)
    mend = " or ".join(f"--pixel_range={one.bounds.lower:g},{one.bounds.upper:g}" for one in trials)
    received = f"{name}, which does about as well on {count} test images with pixels {does}, by mean log-likelihood"
    raise RequestError(received, "to be told the range that it was trained with", f"Say {mend}.")


def _other_size(classifier: Classifier, data: LabeledImages) -> str | None:
    """That images are not as large as the network reads them, where a data set has one size."""
    have, want = ("x".join(map(str, shape)) for shape in (data.shape, classifier.image_shape))
    if have == want or 0 in data.shape:
        return None
    return f"Images of {data.name} are {have}, {classifier.name} reads {want}: they are resized"


def _other_classes(classifier: Classifier, data: LabeledImages) -> str | None:
    """That a network and a data set have not as many classes, so that its images are no test of the network."""
    have, want = len(data.class_names), classifier.num_classes
    if not have or have == want or classifier.outputs == "multilabel":
        return None
    return f"{data.name} has {have} classes, {classifier.name} {want}: images count as what they are filed under"


def _cut_off(classifier: Classifier) -> str | None:
    """That a network reads whole numbers alone."""
    if not classifier.whole_numbers:
        return None
    words = f"{classifier.name} reads whole numbers ({classifier.whole_numbers}): what lies between them is cut off"
    return f"{words}, and the search goes on as if it were not"


def _assumed(found: PixelRange) -> str | None:
    """That nothing tells what pixels are."""
    return f"Pixels are taken to be {found.bounds}, {found.how}" if found.how == ASSUMED.how else None


def _say(*sentences: str | None) -> None:
    for sentence in filter(None, sentences):
        tqdm.write(sentence, file=sys.stderr)


def _name_classes(config: NetworkConfig, classifier: Classifier, of_data: tuple[str, ...] | None) -> None:
    """--labels, else the data set's names, else ImageNet's; where none fits they stay numbers."""
    if config.labels:
        names = class_names.read_labels(Path(config.labels))
        if len(names) != classifier.num_classes:
            raise RequestError(f"--labels={config.labels} with {len(names)} names", f"{classifier.num_classes}, one per class")
        classifier.class_names = names
        return
    found = of_data or class_names.imagenet_names() or ()
    if len(found) == classifier.num_classes:
        classifier.class_names = found
