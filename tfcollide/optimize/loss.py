"""What is descended: terms of control parameters, and the weights that they meet.

objective(tap(to_image(control_parameters))), and terms of all corners together.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
import tensorflow as tf

from tfcollide.objectives.terms import Goal, source_pull
from tfcollide.optimize.hull_terms import HullsAtStep, known_hull_terms
from tfcollide.parameterizations.base import Parameterization

__all__ = [
    "HullTerms",
    "LossTerms",
    "Objective",
    "Parameterization",
    "Terms",
    "draw_convex_weights",
    "loss_terms",
    "weighted_sum",
    "weights_at",
]

Terms = dict[str, tf.Tensor]
LossTerms = Callable[[tf.Tensor, Any, tf.Tensor], Terms]
"""(control parameters, goal, step) -> unweighted terms, `[N]` each."""


class Objective(Protocol):
    """Loss terms of features.

    Attributes:
        pushes_units: whether each corner pushes inactive units of its own.
        progress_term: the term that the stopping rule watches.
        term_weights: default weights of the terms.
        words: what each term is, for figures.
    """

    words: Mapping[str, str]
    pushes_units: bool
    progress_term: str
    term_weights: Mapping[str, float]

    def terms(self, pre_activation: tf.Tensor, goal: Goal) -> Terms:
        """Unweighted terms, `[N]` each, of `pre_activation` `[N, U]`."""


class HullTerms(NamedTuple):
    """Terms of all corners of a pair together; see `known_hull_terms`.

    Attributes:
        corners: N, of a pair.
        samples: random mixtures per step.
        spread: the L2 distance that corners should keep, in the model's units.
        seed: of the mixtures.
    """

    corners: int
    samples: int
    spread: float
    seed: int

    @staticmethod
    def matching() -> tuple[str, ...]:
        """The names of those that are feature distances."""
        return tuple(name for name, term in known_hull_terms().items() if term.matches)

    @staticmethod
    def limits() -> dict[str, float]:
        """Name -> what it is to be below, of the others that are asked about."""
        return {name: term.limit for name, term in known_hull_terms().items() if term.limit is not None}


def loss_terms(
    objective: Objective,
    pre_activation: Callable[[tf.Tensor], tf.Tensor],
    parameterization: Parameterization,
    hull_terms: HullTerms | None = None,
) -> LossTerms:
    """The heart: from control parameters, a goal and the step to unweighted terms.

    Args:
        objective: the terms of each corner.
        pre_activation: images `[n, H, W, C]` -> `[n, U]`.
        parameterization: of the images.
        hull_terms: adds the terms of `known_hull_terms` where given; the batch is then N corners of
            one pair after N of another, and all pairs see the same mixtures.
    """

    def of_images(images: tf.Tensor, features: tf.Tensor, own: Terms, goal: Goal) -> Terms:
        stay = {} if goal.source is None else {"source_pull": source_pull(images, goal.source)}
        return {**objective.terms(features, goal), **stay, **own}

    def of_corners(controls: tf.Tensor, goal: Goal, step: tf.Tensor) -> Terms:
        images, own = parameterization.images_and_terms(controls, goal.material)
        return of_images(images, pre_activation(images), own, goal)

    def in_hull(controls: tf.Tensor, goal: Goal, step: tf.Tensor) -> Terms:
        images, own = parameterization.images_and_terms(controls, goal.material)
        rows, pixels = tf.shape(images)[0], math.prod(images.shape[1:])
        pairs = tf.reshape(images, [-1, corners, pixels])
        mixtures = tf.tensordot(draw_convex_weights(step, samples, corners, seed), pairs, [[1], [1]])  # [S, P, pixels]
        mixtures = tf.reshape(tf.transpose(mixtures, [1, 0, 2]), [-1, *images.shape[1:]])
        features = pre_activation(tf.concat([images, mixtures], 0))
        of_mixtures = tf.reshape(features[rows:], [-1, samples, features.shape[-1]])
        hull = HullsAtStep(pairs, of_mixtures, goal, spread if goal.spread is None else goal.spread)
        of_hull = {name: tf.repeat(term.value(hull), corners) for name, term in shared.items()}
        return of_images(images, features[:rows], own, goal) | of_hull

    if hull_terms is None:
        return of_corners
    corners, samples, spread, seed = hull_terms
    shared = known_hull_terms()
    return in_hull


def draw_convex_weights(step: tf.Tensor, samples: int, corners: int, seed: int) -> tf.Tensor:
    """`[samples, corners]` convex weights, uniform on the simplex; a function of `step` and `seed` alone.

    Normalized exponential variates are Dirichlet(1).
    """
    uniform = tf.random.stateless_uniform([samples, corners], [seed % 2**31, step], minval=np.finfo(np.float32).tiny)
    exponential = -tf.math.log(uniform)
    return exponential / tf.reduce_sum(exponential, axis=1, keepdims=True)


def weighted_sum(terms: Terms, weights: Mapping[str, float | tf.Tensor]) -> tf.Tensor:
    """The one place where weights meet terms: `[N]`. A term without a weight, or with the number 0, is only looked at."""
    used = {name: weight for name, weight in weights.items() if isinstance(weight, tf.Tensor) or weight}
    return tf.add_n([used[name] * value for name, value in terms.items() if name in used])


def weights_at(
    step: tf.Tensor, weights: Mapping[str, float], kept: tuple[str, ...], half_life: float
) -> dict[str, float | tf.Tensor]:
    """The weights after `step` steps: all but those of `kept` halve every `half_life` steps.

    Pushing hard first and matching last is what makes every corner converge; the
    authors do the same in one jump, with 1000 L_pos + 1 L_neg as their last phase.
    A `half_life` of 0 keeps all weights, as Eq. 3 does.
    """
    if not half_life:
        return dict(weights)
    decay = tf.pow(0.5, tf.cast(step, tf.float32) / half_life)
    return {name: weight if name in kept or not weight else weight * decay for name, weight in weights.items()}
