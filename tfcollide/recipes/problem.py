"""A pair as a problem: the images, the target's features, and what each corner is to do."""

import dataclasses

import numpy as np
import tensorflow as tf

from tfcollide.composites.seed import Seed
from tfcollide.data.select import Choice, resolve
from tfcollide.errors import RequestError
from tfcollide.images import from_uint8
from tfcollide.objectives.terms import Goal, make_goal
from tfcollide.objectives.units import Groups, choose_units, parse_units
from tfcollide.polytope import checks, hull
from tfcollide.polytope.halfspaces import active_units
from tfcollide.recipes.config import CollideConfig
from tfcollide.recipes.experiment import Experiment
from tfcollide.recipes.request import Pair

__all__ = ["Problem", "pose"]


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
        seed: the patches that stand for the source, where composites are asked for.
    """

    source: Choice
    target: Choice
    start: np.ndarray
    goal_image: np.ndarray
    seen: checks.Target
    units: Groups
    goal: Goal
    weights: np.ndarray
    seed: Seed | None = None


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
        raise RequestError(f"--source={source.id} and --target={target.id}, the same image", "two different images")
    start = from_uint8(source.image, classifier.bounds)
    for flag, choice, image in (("source", source, start), ("target", target, goal_image)):
        _check_finite(experiment, f"--{flag}={choice.id}", image)
    seen = checks.target_of(classifier, experiment.tap, goal_image)
    corners, ceiling = config.num_corners(), experiment.tap.rectifier.ceiling
    units: Groups = ((),) * corners
    active = (seen.pre_activation >= 0) & (seen.pre_activation < ceiling)
    if config.solver == "exact":
        # The polytope's own equations, so that a unit within rounding of zero is on one side for all.
        active = active_units(experiment.affine, goal_image.astype(np.float64).ravel())
    if experiment.objective.pushes_units and config.direction in (None, "units") and config.nearest is None:
        asked = parse_units(config.units) if config.units else None
        units = choose_units(active, corners, asked, unit_shape=experiment.tap.unit_shape)
    return Problem(
        source=source,
        target=target,
        start=start,
        goal_image=goal_image,
        seen=seen,
        units=units,
        goal=make_goal(seen.pre_activation, units, active | (seen.pre_activation >= ceiling), ceiling=ceiling),
        weights=hull.convex_weights(config.interpolations, corners, sampling=config.sampling, seed=config.seed),
        seed=experiment.composer.find(source.image) if experiment.composer else None,
    )


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
