"""What the runs of one process share: the network, what a data set tells of it, and the compiled search."""

import dataclasses
import functools
import sys
from pathlib import Path
from typing import Any

import tensorflow as tf
from tqdm import tqdm

from tfcollide.data.labeled import LabeledImages
from tfcollide.errors import RequestError
from tfcollide.exports.marabou import find_marabou
from tfcollide.exports.mixture_graph import exported
from tfcollide.library.search import Search, pairs_at_once
from tfcollide.library.yardstick import Yardstick
from tfcollide.measure.front import FrontSearch
from tfcollide.models.affine import AffineMap, affine_map, affine_tap
from tfcollide.models.classifier import Classifier, Tap
from tfcollide.models.dense_chain import Unreadable
from tfcollide.models.deployed import lite_logits
from tfcollide.models.differentiable import check_compiles, check_differentiable
from tfcollide.models.layer_list import layers_of
from tfcollide.models.loading import load_classifier
from tfcollide.models.model_file import kind_of, read_lite
from tfcollide.polytope.proof.of_classifier import walkable
from tfcollide.recipes.classifiers.open import open_classifier
from tfcollide.recipes.collide.config import CollideConfig
from tfcollide.recipes.collide.mapping import search_options
from tfcollide.registry import PARAMETERIZATIONS

__all__ = ["Experiment", "pairs_of_a_batch", "prepare"]


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A prepared experiment.

    Attributes:
        yardstick: the network, its tap, and what the data set tells of them.
        search: the compiled search; of an exact solver it is not used.
        seconds_training: spent on training; 0 where the network was in the cache.
    """

    yardstick: Yardstick
    search: Search
    seconds_training: float

    @property
    def classifier(self) -> Classifier:
        """The network, trained on the data set, or brought."""
        return self.yardstick.network

    @property
    def tap(self) -> Tap:
        """Where features collide."""
        return self.yardstick.tap

    @property
    def data(self) -> LabeledImages:
        """The data set; one without images where there is none."""
        return self.yardstick.data  # type: ignore[return-value]

    @property
    def predicted(self) -> Any:
        """`[test_size]`, the network's class of each test image, an array or looked up on demand."""
        return self.yardstick.predicted

    @functools.cached_property
    def affine(self) -> AffineMap:
        """The tap's pre-activation as a function of the image.

        Raises:
            RequestError: it is not affine.
        """
        return affine_map(self.classifier, self.tap.name)

    @functools.cached_property
    def front_search(self) -> FrontSearch:
        """The search for the front of one corner, compiled on first use."""
        return FrontSearch(self.tap.pre_activation, self.classifier.bounds)

    @functools.cached_property
    def hull_front_search(self) -> FrontSearch | None:
        """That of all corners together; None where nothing holds a hull together."""
        hull_terms = self.search.hull_terms
        if hull_terms is None:
            return None
        return FrontSearch(self.tap.pre_activation, self.classifier.bounds, hull_terms.corners, hull_terms.spread)


def prepare(config: CollideConfig, data: LabeledImages, strategy: tf.distribute.Strategy | None = None) -> Experiment:
    """Loads or trains the network and sets up the search.

    Args:
        config: what is asked for.
        data: the data set.
        strategy: splits the network's work among devices where given.

    Raises:
        RequestError: the tap or the weights do not fit, or the network does not suit the solver or the export.
    """
    opened = open_classifier(config, data, strategy)
    network = opened.classifier
    in_images = config.radius or (config.solver == "exact" and config.space == "image")
    tap = network.tap(config.tap or (affine_tap(network) if in_images else network.default_tap))
    if in_images and config.tap is None and tap.name != network.default_tap:
        asked = "--radius" if config.radius else "--solver=exact"
        said = f"{asked} needs a ReLU that is affine in the image: {tap.name} is taken in place of {network.default_tap}"
        tqdm.write(f"{said}, the usual default; --tap=NAME chooses another", file=sys.stderr)
    yardstick = Yardstick(
        network,
        tap,
        opened.data,
        predicted=opened.predicted,
        labeled=opened.labeled,
        other_reader=_other_reader(config.reader) if config.reader else None,
        facts=opened.facts,
    )
    search = _search(config, network, tap)
    experiment = Experiment(yardstick, search, opened.seconds_training)
    _check_solvable(config, experiment)
    if not tap.sole:
        sole = ", ".join(network.sole_taps) or "none"
        tqdm.write(f"Other branches go round {tap.name}; ReLUs that all paths pass: {sole}", file=sys.stderr)
    return experiment


def _search(config: CollideConfig, network: Classifier, tap: Tap) -> Search:
    options = search_options(config)
    if config.solver == "exact":
        options = dataclasses.replace(options, hull_samples=0)  # a hull of exact collisions needs no holding
    made = PARAMETERIZATIONS.load(config.parameterization).create(config, network.bounds, network.image_shape, options.corners)
    search = Search(network, tap, options, parameterization=made)
    search.pairs_at_once = pairs_of_a_batch(config, network, search.hull_terms.samples if search.hull_terms else 0)
    return search


def pairs_of_a_batch(config: CollideConfig, network: Classifier, samples: int) -> int:
    """How many pairs of a sweep are descended as one batch.

    Args:
        config: of the sweep; whatever cannot be batched is one pair at a time.
        network: of which each row of a batch needs memory.
        samples: mixtures of a pair, which are rows, too.
    """
    unbatched = config.solver == "exact" or config.spread == "max"
    unbatched = unbatched or not PARAMETERIZATIONS.load(config.parameterization).several_pairs
    if not config.is_sweep() or unbatched or config.runner:
        return 1
    named = [name for name in config.devices() if name != "ALL"]
    on_gpu = any(name.startswith("GPU") for name in named) if named else bool(tf.config.list_physical_devices("GPU"))
    return pairs_at_once(config.pairs_together, config.num_corners() + samples, network.forward_bytes, on_gpu=on_gpu)


def _other_reader(path: str) -> Classifier:
    """The network that reads corners."""
    try:
        return load_classifier(Path(path))
    except RequestError as error:
        raise RequestError(f"--reader={path}, which cannot read images ({error})", "another network's file") from error


def _check_solvable(config: CollideConfig, experiment: Experiment) -> None:
    """What only the network can tell of a request, before any pair is begun."""
    if config.radius or (config.solver == "exact" and config.space == "image"):
        experiment.affine  # noqa: B018 - refuses a tap that is not affine
    if config.solver != "exact" and kind_of(config.model) == "file":
        check_differentiable(experiment.classifier, experiment.tap)
    if config.xla and config.solver == "gradient":
        check_compiles(experiment.classifier, experiment.tap)
    if config.check_file:
        lite_logits(read_lite(Path(config.check_file)), experiment.classifier, name=f"--check_file={config.check_file}")
    if (config.vnnlib or config.second_opinion) and isinstance(network := exported(experiment.classifier), Unreadable):
        asked, words = "--vnnlib" if config.vnnlib else "--second_opinion", "convolutions, dense layers, ReLUs and max-pools"
        raise RequestError(f"{asked} with {config.model}: {network.reason}", f"a network of {words}, one after the other")
    if config.proof and isinstance(layers := layers_of(experiment.classifier), Unreadable):
        words = "convolutions, dense layers, ReLUs and max-pools, one after the other"
        mend = "Leave it out: the run still tries a certificate."
        raise RequestError(f"--proof with {config.model}: {layers.reason}", f"a network of {words}", mend)
    if config.second_opinion:
        find_marabou(config.marabou_python, Path(config.model_dir or ""))
    if config.prove_edges and isinstance(steps := walkable(experiment.classifier), Unreadable):
        raise RequestError(f"--prove_edges with {config.model}: {steps.reason}", "a network of affine layers, ReLUs, max-pools")
