"""The descent that a config asks for, put together from its parts."""

import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tfcollide.errors import RequestError
from tfcollide.models.affine import affine_map
from tfcollide.models.classifier import Classifier, Tap
from tfcollide.objectives import terms
from tfcollide.optimize import stopping
from tfcollide.optimize.continuation import Continuation
from tfcollide.optimize.loss import HullTerms, Objective, Parameterization, loss_terms
from tfcollide.optimize.rates import rate_of
from tfcollide.optimize.schedules import parse_schedule
from tfcollide.optimize.step import Descent
from tfcollide.recipes.collide.config import CollideConfig
from tfcollide.recipes.collide.request import default_weights, term_weights
from tfcollide.registry import HULL_TERMS, UPDATE_RULES

__all__ = ["FIRST_SPREAD", "continuation_of", "descent_of", "hull_terms", "is_affine", "spread_length", "start_noise"]

_STEADY = ("feature_distance", "source_pull")
FIRST_SPREAD = 0.12
"""A share of the pixel range: where the search for the largest begins."""


def is_affine(classifier: Classifier, tap: str) -> bool:
    """Whether the pre-activation at a tap is an affine function of the image."""
    try:
        affine_map(classifier, tap)
    except RequestError:
        return False
    return True


def hull_terms(config: CollideConfig, classifier: Classifier, objective: Objective) -> HullTerms | None:
    """The terms that hold the hull together, or None where none are wanted.

    At an affine tap the collision set is convex, and a hull of exact collisions needs no
    holding; approximate ones do, since L_pos does not see units that should be off.

    Args:
        config: the settings.
        classifier: whose pixel range and image size the distance between corners is measured by.
        objective: hulls are held for one that pushes units.
    """
    corners = config.num_corners()
    samples = config.hull_samples
    if samples is None:
        wanted = objective.pushes_units and corners > 1 and config.solver == "gradient"
        samples = corners if wanted else 0
    if not samples or corners == 1 or not objective.pushes_units:
        return None
    asked = config.spread_asked()
    spread = spread_length(FIRST_SPREAD if asked is None else asked, classifier)
    return HullTerms(corners, samples, spread, config.seed)


def spread_length(spread: float, classifier: Classifier) -> float:
    """The L2 distance, in the model's units, of images that differ by a root mean square of `spread` of the range."""
    return spread * classifier.bounds.range * math.prod(classifier.image_shape) ** 0.5


def continuation_of(config: CollideConfig, together: HullTerms | None) -> Continuation | None:
    """How the search stays with its source; None where it neither does nor looks out for an end."""
    pull = config.pull()
    if pull == 0 and not config.patience:
        return None
    return Continuation(together.corners if together else 1, pull, config.patience)


def start_noise(config: CollideConfig, together: HullTerms | None, parameterization: Parameterization) -> float:
    """The noise asked for; by default some where corners must part to be told apart."""
    if config.start_noise is not None:
        return config.start_noise
    return parameterization.hull_noise if together else 0.0


def descent_of(
    config: CollideConfig,
    classifier: Classifier,
    tap: Tap,
    objective: Objective,
    parameterization: Parameterization,
    together: HullTerms | None,
    pairs_at_once: int = 1,
) -> Descent:
    """The compiled descent of a config, of one pair or of several.

    Args:
        config: the settings.
        classifier: the network.
        tap: where features collide.
        objective: whose terms are descended.
        parameterization: from control parameters to images.
        together: of `hull_terms`.
        pairs_at_once: how many pairs are one batch.

    Raises:
        RequestError: weights or a schedule that do not parse.
    """
    weights, of_hulls = term_weights(config.term_weights, default_weights(config)), HULL_TERMS.names()
    continuation = continuation_of(config, together)
    if together is None:
        weights = {name: value for name, value in weights.items() if name not in of_hulls}
    if continuation is not None:
        weights["source_pull"] = 0.0  # the continuation has it
    led = continuation is not None and continuation.pull is None
    rule = UPDATE_RULES.load(config.optimizer)
    default = rule.rate or parameterization.adam_schedule(together is not None, led)
    progress, pixels = objective.progress_term, math.prod(classifier.image_shape[:2])
    unit_free = [name for name, term in HULL_TERMS.all().items() if term.unit_free]
    alone = together is None and not is_affine(classifier, tap.name)  # a small network gains nothing from it
    found = loss_terms(objective, tap.pre_activation, parameterization, together)
    return Descent(
        tf.function(found, jit_compile=True, autograph=False) if config.xla else found,
        weights=weights,
        progress_term=progress,
        rule=rule.build(led=led),
        rate=rate_of(parse_schedule(config.learning_rate or default), config.max_steps),
        project=_projection(config, parameterization),
        stop=stopping.together_below(progress, together.corners) if together else stopping.each_below(progress),
        scales=(lambda goal: {}) if config.literal else (lambda goal: terms.scales(goal, pixels, unit_free)),
        take=terms.take if alone or pairs_at_once > 1 else None,
        corners=config.num_corners(),
        coupled=together is not None,
        half_life=config.half_life,
        kept=(progress, *of_hulls, *_STEADY),
        trace_every=config.trace_every,
        continuation=continuation,
        same_limit=together.matching() if together else (),
        fixed_limits=together.limits() if together else {},
    )


def _projection(config: CollideConfig, parameterization: Parameterization) -> Callable[[tf.Tensor, Any], tf.Tensor]:
    """Control parameters where they may be; pixels within the bounds on their change, too."""
    change, total = config.max_change, config.max_total
    if change is None and total is None:
        return lambda controls, goal: parameterization.project(controls)

    def project(controls: tf.Tensor, goal: Any) -> tf.Tensor:
        moved = parameterization.project(controls) - goal.source
        if change is not None:
            moved = tf.clip_by_value(moved, -change, change)
        if total is not None:
            axes = list(range(1, moved.shape.rank))
            moved *= tf.minimum(1.0, tf.math.divide_no_nan(total, tf.sqrt(tf.reduce_sum(moved**2, axes, keepdims=True))))
        # The sum of two float32 numbers may leave the bounds by an ulp.
        return parameterization.project(goal.source + moved)

    return project
