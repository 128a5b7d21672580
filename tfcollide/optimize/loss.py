"""What is descended: terms of control parameters, and the weights that they meet.

objective(tap(to_image(control_parameters))), and terms of all corners together.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
import tensorflow as tf

from tfcollide.objectives.terms import feature_distance, first_of_pairs, source_pull
from tfcollide.optimize import hull_terms

__all__ = ["HullTerms", "LossTerms", "Objective", "Parameterization", "Terms", "loss_terms", "weighted_sum", "weights_at"]

Terms = dict[str, tf.Tensor]
LossTerms = Callable[[tf.Tensor, Any, tf.Tensor], Terms]
"""(control parameters, goal, step) -> unweighted terms, `[N]` each."""


class Objective(Protocol):
    """Loss terms of features.

    Attributes:
        pushes_units: whether each corner pushes inactive units of its own.
        progress_term: the term that the stopping rule watches.
        weights: default weights of the terms.
    """

    pushes_units: bool
    progress_term: str
    weights: Mapping[str, float]

    def terms(self, pre_activation: tf.Tensor, goal: Any) -> Terms:
        """Unweighted terms, `[N]` each, of `pre_activation` `[N, U]`."""


class Parameterization(Protocol):
    """Control parameters and the images they stand for.

    Images may be made of more than control parameters, of the patches that stand for one source: its material.

    Attributes:
        weights: default weights of its terms.
        hull_noise: the noise from which corners part where hull terms hold them together.
    """

    weights: Mapping[str, float]
    hull_noise: float

    def adam_schedule(self, together: bool, led: bool = False) -> str:
        """A learning rate that suits Adam, as the user would write it; `together` with hull terms, `led` by a continuation."""

    def init(self, source: np.ndarray, num_corners: int, *, noise: float = 0.0, seed: int = 0) -> tf.Tensor:
        """Control parameters `[N, ...]` of N images near the source `[H, W, C]`."""

    def to_image(self, control_parameters: tf.Tensor, material: tf.Tensor | None = None) -> tf.Tensor:
        """Images `[N, H, W, C]`, differentiable in the control parameters."""

    def terms(self, control_parameters: tf.Tensor) -> Terms:
        """Terms of the control parameters themselves, unweighted, `[N]` each."""

    def project(self, control_parameters: tf.Tensor) -> tf.Tensor:
        """The nearest permitted control parameters."""


class HullTerms(NamedTuple):
    """Terms of all corners of a pair together; see `objectives.hull`.

    Attributes:
        corners: N, of a pair.
        samples: random mixtures a step.
        spread: the L2 distance that corners should keep, in the model's units.
        seed: of the mixtures.
    """

    corners: int
    samples: int
    spread: float
    seed: int


def loss_terms(
    objective: Objective,
    pre_activation: Callable[[tf.Tensor], tf.Tensor],
    parameterization: Parameterization,
    together: HullTerms | None = None,
) -> LossTerms:
    """The heart: from control parameters, a goal and the step to unweighted terms.

    Args:
        objective: the terms of each corner.
        pre_activation: images `[n, H, W, C]` -> `[n, U]`.
        parameterization: of the images.
        together: adds hull_match and crowding where given; the batch is then N corners of
            one pair after N of another, and all pairs see the same mixtures.
    """

    def of_images(images: tf.Tensor, features: tf.Tensor, controls: tf.Tensor, goal: Any) -> Terms:
        stay = {} if goal.source is None else {"source_pull": source_pull(images, goal.source)}
        return {**objective.terms(features, goal), **stay, **parameterization.terms(controls)}

    def alone(controls: tf.Tensor, goal: Any, step: tf.Tensor) -> Terms:
        images = parameterization.to_image(controls, goal.material)
        return of_images(images, pre_activation(images), controls, goal)

    def in_hull(controls: tf.Tensor, goal: Any, step: tf.Tensor) -> Terms:
        images = parameterization.to_image(controls, goal.material)
        rows, pixels = tf.shape(images)[0], math.prod(images.shape[1:])
        pairs = tf.reshape(images, [-1, corners, pixels])
        mixtures = tf.tensordot(hull_terms.draw_weights(step, samples, corners, seed), pairs, [[1], [1]])  # [S, P, pixels]
        mixtures = tf.reshape(tf.transpose(mixtures, [1, 0, 2]), [-1, *images.shape[1:]])
        features = pre_activation(tf.concat([images, mixtures], 0))
        of_mixtures = tf.reshape(features[rows:], [-1, samples, features.shape[-1]])
        match = tf.reduce_mean(
            feature_distance(of_mixtures, first_of_pairs(goal.post_activation, corners), goal.ceiling), axis=1
        )
        apart = spread if goal.spread is None else goal.spread
        shared = {"hull_match": match, "crowding": hull_terms.crowding(pairs, apart)}
        together = {name: tf.repeat(value, corners) for name, value in shared.items()}
        return of_images(images, features[:rows], controls, goal) | together

    if together is None:
        return alone
    corners, samples, spread, seed = together
    return in_hull


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
