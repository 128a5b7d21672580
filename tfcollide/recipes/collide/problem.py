"""A pair as a problem: the images, the target's features, and what each corner is to do."""

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from tfcollide.audit.matching import Match
from tfcollide.audit.reader import Qualified, qualify
from tfcollide.data.select import Choice, resolve
from tfcollide.errors import RequestError
from tfcollide.images import from_uint8
from tfcollide.objectives.terms import Goal, make_goal, staying
from tfcollide.objectives.units import Groups, choose_units, parse_units
from tfcollide.polytope.exact.halfspaces import active_units
from tfcollide.polytope.hull import checks, mixing
from tfcollide.recipes.collide.config import CollideConfig
from tfcollide.recipes.collide.experiment import Experiment
from tfcollide.recipes.collide.request import Pair

__all__ = ["Problem", "pose"]

_FEW, _ALIKE = 8, 1e-6


@dataclasses.dataclass(frozen=True)
class Problem:
    """A source, a target, and what each corner is to do.

    Attributes:
        source: as chosen.
        target: as chosen.
        start: `[H, W, C]`, the source in the model's bounds.
        goal_image: `[H, W, C]`, the target in the model's bounds.
        seen: the target through the model.
        units: N groups of pushed units.
        goal: the same as tensors.
        weights: `[S, N]` convex weights of the mixtures to check.
        match: how near features must come.
        reader: who says what corners show, or why nobody does.
        seed: what the parameterization has looked up for the source, such as a composite's patches.
    """

    source: Choice
    target: Choice
    start: np.ndarray
    goal_image: np.ndarray
    seen: checks.Target
    units: Groups
    goal: Goal
    weights: np.ndarray
    match: Match
    reader: Qualified
    seed: Any = None


def pose(config: CollideConfig, experiment: Experiment, pair: Pair) -> Problem:
    """Looks up the images and chooses the units.

    Args:
        config: the settings.
        experiment: prepared for `config`.
        pair: which images, as asked for.

    Raises:
        RequestError: an image or a unit does not fit.
    """
    classifier = experiment.classifier
    source = resolve("source", pair.source, experiment.data, experiment.predicted)
    target = resolve("target", pair.target, experiment.data, experiment.predicted)
    goal_image = from_uint8(target.image, classifier.bounds)
    if np.array_equal(source.image, target.image):
        raise RequestError(f"--source={source.asked} and --target={target.asked}, the same image", "two different images")
    start = from_uint8(source.image, classifier.bounds)
    for flag, choice, image in (("source", source, start), ("target", target, goal_image)):
        _check_finite(experiment, f"--{flag}={choice.asked}", image)
    seen = checks.target_of(classifier, experiment.tap, goal_image)
    _check_seen(experiment, seen, start)
    if classifier.judge(start[None]).predicted[0] == seen.predicted:
        both = (
            f'--source={source.asked} and --target={target.asked}, both "{classifier.name_of(seen.predicted)}" to the network'
        )
        raise RequestError(both, "a source that it does not take for the target's class already", "Choose another one.")
    corners, ceiling = config.num_corners(), experiment.tap.rectifier.ceiling
    units: Groups = ((),) * corners
    active = (seen.pre_activation >= 0) & (seen.pre_activation < ceiling)
    if config.solver == "exact":
        # The polytope's own equations, so that a unit within rounding of zero is on one side for all.
        active = active_units(experiment.affine, goal_image.astype(np.float64).ravel())
    if experiment.objective.pushes_units and config.direction in (None, "units") and config.nearest is None:
        asked = parse_units(config.units) if config.units else None
        units = choose_units(active, corners, asked, unit_shape=experiment.tap.unit_shape)
    goal = make_goal(seen.pre_activation, units, active | (seen.pre_activation >= ceiling), ceiling=ceiling)
    return Problem(
        source=source,
        target=target,
        start=start,
        goal_image=goal_image,
        seen=seen,
        units=units,
        goal=staying(goal, start, goal_image),
        weights=mixing.convex_weights(config.interpolations, corners, sampling=config.sampling, seed=config.seed),
        match=_match(config, experiment, start, goal),
        reader=qualify(
            experiment.reader,
            least_accuracy=config.reader_accuracy,
            source=start,
            target=goal_image,
            source_label=source.label,
            target_label=target.label,
        ),
        seed=experiment.parameterization.look_up(source.image),
    )


def _match(config: CollideConfig, experiment: Experiment, start: np.ndarray, goal: Goal) -> Match:
    terms, _ = checks.terms_and_logits(experiment.classifier, experiment.tap, start[None], goal)
    own = {name: float(value[0]) for name, value in terms.items()}
    return Match(experiment.null, config.match_quantile, config.stop_fraction, own)


def _check_seen(experiment: Experiment, seen: checks.Target, start: np.ndarray) -> None:
    """Refuses a tap at which all images are alike: the target, the source, and some test images where there are any."""
    tap, test, count = experiment.tap, experiment.data.test.images, experiment.data.test_size

    def unlike(images: np.ndarray) -> bool:
        features = tap(tf.constant(images)).post_activation.numpy()
        return bool(np.abs(features - goal).max() > _ALIKE * np.abs(goal).max())

    goal = tap.rectifier(tf.constant(seen.pre_activation)).numpy()
    if unlike(start[None]):
        return
    few = test[np.arange(min(_FEW, count)) * count // min(_FEW, count)] if count else start[None]
    if count and unlike(from_uint8(few, experiment.classifier.bounds)):
        return
    images = "the source and the target" + (f", and for {len(few)} test images" if count else "")
    what = "zero" if not goal.any() else "the same"
    raise RequestError(f"--tap={tap.name}, where all features are {what} for {images}", "a ReLU that tells images apart")


def _check_finite(experiment: Experiment, name: str, image: np.ndarray) -> None:
    """Refuses an image `[H, W, C]` of which the network makes no numbers."""
    classifier, tap = experiment.classifier, experiment.tap
    values = {
        f"features at {tap.name}": tap.pre_activation(tf.constant(image[None])).numpy(),
        "logits": classifier.judge(image[None]).logits,
    }
    for what, found in values.items():
        wrong = found[~np.isfinite(found)]
        if wrong.size:
            raise RequestError(
                f"{name}, of which {classifier.name} makes {what} that are {wrong[0]}",
                "finite numbers",
                f"Mend the network, or its --pixel_range, now {classifier.bounds.lower:g},{classifier.bounds.upper:g}.",
            )
