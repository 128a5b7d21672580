"""The descent that is asked for, put together from its parts and compiled once for any number of problems."""

import functools
import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tfcollide.errors import RequestError
from tfcollide.library.options import SearchOptions, default_weights
from tfcollide.models.affine import affine_map
from tfcollide.models.classifier import Classifier, Tap
from tfcollide.objectives import terms
from tfcollide.objectives.terms import Goal
from tfcollide.optimize import stopping
from tfcollide.optimize.continuation import Continuation
from tfcollide.optimize.loss import HullTerms, Objective, Parameterization, loss_terms
from tfcollide.optimize.rates import rate_of
from tfcollide.optimize.schedules import parse_schedule
from tfcollide.optimize.step import Descent
from tfcollide.parameterizations.pixels import Pixels
from tfcollide.registry import HULL_TERMS, OBJECTIVES, UPDATE_RULES
from tfcollide.runtime.compiled import compiled
from tfcollide.shapes import ImageShape

__all__ = ["FIRST_SPREAD", "Search", "continuation_of", "has_affine_map", "pairs_at_once", "projection", "wanted_hull_terms"]

FIRST_SPREAD = 0.12
"""A share of the pixel range: where the search for the largest begins."""

_STEADY = ("feature_distance", "source_pull")
_MOST, _BYTES = 16, 4 * 2**30  # a step holds less than all values of a forward pass: benchmarks/step_memory.py


class Search:
    """A search for corners at one tap of one network.

    Args:
        network: the network under test.
        tap: where features are to match.
        options: how it searches.
        parameterization: what is optimized; None: pixels.
        pairs_at_once: how many problems are descended as one batch.

    Attributes:
        objective: whose terms are descended.
        hull_terms: the terms that hold the hull together, or None.
        descent: compiled on first use.
    """

    def __init__(
        self,
        network: Classifier,
        tap: Tap,
        options: SearchOptions,
        *,
        parameterization: Parameterization | None = None,
        pairs_at_once: int = 1,
    ):
        self.network, self.tap, self.options = network, tap, options
        self.parameterization, self.pairs_at_once = parameterization or Pixels(network.bounds), pairs_at_once
        self.objective: Objective = OBJECTIVES.load(options.objective)
        self.hull_terms = wanted_hull_terms(options, network.bounds.range, network.image_shape, self.objective)

    @functools.cached_property
    def descent(self) -> Descent:
        """The compiled descent.

        Raises:
            RequestError: weights or a schedule that do not suit.
        """
        return _descent_of(self)

    @property
    def start_noise(self) -> float:
        """The noise asked for; by default some where corners must part to be told apart."""
        if self.options.start_noise is not None:
            return self.options.start_noise
        return self.parameterization.hull_noise if self.hull_terms else 0.0

    def spread_length(self, spread: float) -> float:
        """The L2 distance, in the network's units, of images that differ by a root mean square of `spread` of the range."""
        return _spread_length(spread, self.network.bounds.range, self.network.image_shape)


def has_affine_map(classifier: Classifier, tap: str) -> bool:
    """Whether the pre-activation at a tap is an affine function of the image."""
    try:
        affine_map(classifier, tap)
    except RequestError:
        return False
    return True


def wanted_hull_terms(options: SearchOptions, pixel_range: float, shape: ImageShape, objective: Objective) -> HullTerms | None:
    """The terms that hold the hull together, or None where none are wanted.

    At an affine tap the collision set is convex, and a hull of exact collisions needs no
    holding; approximate ones do, since L_pos does not see units that should be off.

    Args:
        options: how many corners and mixtures, and how far apart.
        pixel_range: from black to white.
        shape: of an image; with the range it measures the distance between corners.
        objective: hulls are held for one that pushes units.
    """
    corners = options.corners
    samples = corners if options.hull_samples is None else options.hull_samples
    if not samples or corners == 1 or not objective.pushes_units:
        return None
    spread = _spread_length(FIRST_SPREAD if options.spread is None else options.spread, pixel_range, shape)
    return HullTerms(corners, samples, spread, options.seed)


def continuation_of(options: SearchOptions, hull_terms: HullTerms | None) -> Continuation | None:
    """How the search stays with its source; None where it neither does nor looks out for an end."""
    if options.source_pull == 0 and not options.patience:
        return None
    return Continuation(hull_terms.corners if hull_terms else 1, options.source_pull, options.patience)


def pairs_at_once(asked: int | None, rows: int, forward_bytes: int, *, on_gpu: bool) -> int:
    """How many pairs are descended as one batch: as asked, else as many as there is room for on a GPU, and one on a CPU.

    Args:
        asked: a number, or None.
        rows: images of one pair, its mixtures included.
        forward_bytes: that an image needs.
        on_gpu: whether a GPU computes.
    """
    if asked is not None:
        return asked
    return max(1, min(_MOST, _BYTES // (forward_bytes * rows))) if on_gpu else 1


def projection(
    parameterization: Parameterization, change: float | None, total: float | None
) -> Callable[[tf.Tensor, Any], tf.Tensor]:
    """Control parameters where they may be; pixels within the bounds on their change, too.

    Args:
        parameterization: knows where they may be.
        change: the most that one pixel value may change, or None.
        total: the most that the L2 norm of the change may be, or None.
    """
    if change is None and total is None:
        return lambda controls, goal: parameterization.project(controls)

    def project(controls: tf.Tensor, goal: Goal) -> tf.Tensor:
        moved = parameterization.project(controls) - goal.source
        if change is not None:
            moved = tf.clip_by_value(moved, -change, change)
        if total is not None:
            axes = list(range(1, moved.shape.rank))
            moved *= tf.minimum(1.0, tf.math.divide_no_nan(total, tf.sqrt(tf.reduce_sum(moved**2, axes, keepdims=True))))
        # The sum of two float32 numbers may leave the bounds by an ulp.
        return parameterization.project(goal.source + moved)

    return project


def _spread_length(spread: float, pixel_range: float, shape: ImageShape) -> float:
    return spread * pixel_range * math.prod(shape) ** 0.5


def _descent_of(search: Search) -> Descent:
    options, objective, parameterization, hull_terms = (
        search.options,
        search.objective,
        search.parameterization,
        search.hull_terms,
    )
    weights, of_hulls = (
        options.weights_over(default_weights(options.objective, parameterization.term_weights)),
        HULL_TERMS.names(),
    )
    continuation = continuation_of(options, hull_terms)
    if hull_terms is None:
        weights = {name: value for name, value in weights.items() if name not in of_hulls}
    if continuation is not None:
        weights["source_pull"] = 0.0  # the continuation has it
    led = continuation is not None and continuation.pull is None
    rule = UPDATE_RULES.load(options.optimizer)
    default = rule.rate or parameterization.adam_schedule(hull_terms is not None, led)
    progress = objective.progress_term
    unit_free = dict.fromkeys((name for name, term in HULL_TERMS.all().items() if term.unit_free), 1)
    unit_free |= dict.fromkeys(parameterization.summed_over_pixels, math.prod(search.network.image_shape[:2]))
    shrinks = hull_terms is None and not has_affine_map(search.network, search.tap.name)  # a small one gains nothing
    found = loss_terms(objective, search.tap.pre_activation, parameterization, hull_terms)
    return Descent(
        compiled(found, by_xla=True) if options.xla else found,
        term_weights=weights,
        progress_term=progress,
        rule=rule.build(led=led),
        rate=rate_of(parse_schedule(options.learning_rate or default), options.max_steps),
        project=projection(parameterization, options.max_change, options.max_total),
        stop=stopping.all_below(progress, hull_terms.corners) if hull_terms else stopping.each_below(progress),
        scales=(lambda goal: {}) if options.literal else (lambda goal: terms.scales(goal, unit_free)),
        take=terms.take if shrinks or search.pairs_at_once > 1 else None,
        corners=options.corners,
        coupled=hull_terms is not None,
        half_life=options.half_life,
        kept=(progress, *of_hulls, *_STEADY),
        trace_every=options.trace_every,
        continuation=continuation,
        same_limit=hull_terms.matching() if hull_terms else (),
        fixed_limits=hull_terms.limits() if hull_terms else {},
        fused=parameterization.fused,
    )
