"""The loss terms of the paper, each a pure function, unweighted, `[N]`.

Features are `[N, U]`, the target's `[U]`. Sets of units are float masks, 1 for a
unit in the set, `[U]` or, where they differ from corner to corner, `[N, U]`.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

__all__ = [
    "Goal",
    "active_match",
    "boundary_gap",
    "corner_push",
    "feature_distance",
    "first_of_pairs",
    "inactive_magnitude",
    "inactive_violation",
    "make_goal",
    "scales",
    "side_by_side",
    "source_pull",
    "staying",
    "take",
]


class Goal(NamedTuple):
    """What N corners aim at; of several pairs `side_by_side`, N counts all corners.

    Attributes:
        post_activation: `[U]`, the target's features; `[N, U]` of several pairs.
        active: `[U]`, the units to match; by default those whose pre-activation is >= 0 (psgn(0) = 1);
            `[N, U]` of several pairs.
        pushed: `[N, U]`, the inactive units that each corner pushes; -1 for one at the
            ceiling, which is pushed upwards.
        idle: `[N, U]`, the inactive units that it does not push.
        scale: scalar, the root mean square of the target's active features; `[N]` of several pairs.
        ceiling: scalar, of the ReLU; None for one that has none.
        source: `[H, W, C]`, the image to stay with, `[N, H, W, C]` of several pairs; None where it plays no part.
        span: scalar, the mean squared difference of source and target; `[N]` of several pairs.
        spread: scalar, the distance that corners of this one pair should keep; None: what its descent was made for.
        material: what images are made of beside control parameters, see `Parameterization`; None of pixels.
    """

    post_activation: tf.Tensor
    active: tf.Tensor
    pushed: tf.Tensor
    idle: tf.Tensor
    scale: tf.Tensor
    ceiling: tf.Tensor | None = None
    source: tf.Tensor | None = None
    span: tf.Tensor | None = None
    spread: tf.Tensor | None = None
    material: tf.Tensor | None = None


def make_goal(
    pre_activation: np.ndarray,
    groups: tuple[tuple[int, ...], ...],
    active: np.ndarray | None = None,
    *,
    ceiling: float = math.inf,
) -> Goal:
    """The goal for a target and one group of inactive units per corner.

    Args:
        pre_activation: `[U]`, the target's.
        groups: N groups of units, which may be empty.
        active: `[U]` bool, where another rule than >= 0 decides which units count as active.
        ceiling: of the ReLU, such as 6. Units of the target above it count as active,
            but an image matches them wherever it is above it, too.
    """
    active = (pre_activation >= 0 if active is None else active).astype(np.float32)
    saturated = pre_activation >= ceiling
    pushed = np.zeros([len(groups), active.size], np.float32)
    for corner, units in enumerate(groups):
        pushed[corner, list(units)] = np.where(saturated[list(units)], -1.0, 1.0)
    return Goal(
        tf.constant(np.clip(pre_activation, 0.0, ceiling), tf.float32),
        tf.constant(active),
        tf.constant(pushed),
        tf.constant((1.0 - active) * (1.0 - pushed)),
        tf.constant(_root_mean_square(pre_activation[active > 0]), tf.float32),
        None if math.isinf(ceiling) else tf.constant(ceiling, tf.float32),
    )


def side_by_side(goals: Sequence[Goal]) -> Goal:
    """The goal of the corners of several pairs, one pair after the other."""
    if len(goals) == 1:
        return goals[0]
    each = [goal.pushed.shape[0] for goal in goals]
    shared = {
        name: tf.repeat(tf.stack([getattr(goal, name) for goal in goals]), each, axis=0)
        for name in ("post_activation", "active", "scale")
    }
    own = {name: tf.concat([getattr(goal, name) for goal in goals], 0) for name in ("pushed", "idle")}
    if goals[0].source is not None:
        stays = {name: tf.stack([getattr(goal, name) for goal in goals]) for name in ("source", "span")}
        shared |= {name: tf.repeat(values, each, axis=0) for name, values in stays.items()}
    return Goal(**shared, **own, ceiling=goals[0].ceiling)


def staying(goal: Goal, source: np.ndarray, target: np.ndarray) -> Goal:
    """A goal that knows its source `[H, W, C]` and how far the target `[H, W, C]` is, for `source_pull`."""
    span = np.mean(np.square(source.astype(np.float64) - target))
    return goal._replace(source=tf.constant(source, tf.float32), span=tf.constant(span, tf.float32))


def take(goal: Goal, corners: tf.Tensor) -> Goal:
    """The goal of some corners alone, `[M]` indices."""
    several = goal.scale.shape.rank > 0
    names: tuple[str, ...] = ("pushed", "idle", "post_activation", "active", "scale") if several else ("pushed", "idle")
    names += ("source", "span") if several and goal.source is not None else ()
    return goal._replace(**{name: tf.gather(getattr(goal, name), corners) for name in names})


def first_of_pairs(features: tf.Tensor, corners: int) -> tf.Tensor:
    """A target's features `[U]` as they are; of several pairs, `[P N, U]`, once per pair: `[P, 1, U]`."""
    return features if len(features.shape) == 1 else features[::corners, None]


def scales(goal: Goal, unit_free: Mapping[str, int] | None = None) -> dict[str, tf.Tensor]:
    """What weights are multiplied by, so that the same ones suit networks with features of any size.

    L_pos grows with the square of the features, L_neg with the features themselves; source_pull
    is set against the target's squared features, as a share of what it is for the target.

    Args:
        goal: of the search.
        unit_free: terms that do not grow with the features -> how many values they sum up, such as pixels; their means
            are set against the target's squared features as well.
    """
    energy = tf.reduce_sum(goal.active * tf.square(goal.post_activation), axis=-1)
    found = {"corner_push": goal.scale, "inactive_magnitude": goal.scale}
    found |= {name: energy / count for name, count in (unit_free or {}).items()}
    return found if goal.span is None else found | {"source_pull": energy / goal.span}


def source_pull(images: tf.Tensor, source: tf.Tensor) -> tf.Tensor:
    """Mean squared change, `[N]`, of images `[N, H, W, C]` from `source`, `[H, W, C]` or `[N, H, W, C]`."""
    return tf.reduce_mean(tf.square(images - source), axis=[1, 2, 3])


def _root_mean_square(values: np.ndarray) -> float:
    found = float(np.sqrt(np.mean(np.square(values, dtype=np.float64)))) if values.size else 0.0
    return found or 1.0


def active_match(
    pre_activation: tf.Tensor, target: tf.Tensor, active: tf.Tensor, ceiling: tf.Tensor | None = None
) -> tf.Tensor:
    """L_pos of Eq. 3: sum_{u active} (pre_activation(x)[u] - post_activation(t)[u])^2.

    Where the target is at the ceiling, all that is above it is the same to the
    network: there the term is max(ceiling - pre_activation(x)[u], 0)^2.
    """
    if ceiling is not None:
        pre_activation = tf.where(target >= ceiling, tf.minimum(pre_activation, ceiling), pre_activation)
    return tf.reduce_sum(active * tf.square(pre_activation - target), axis=-1)


def corner_push(pre_activation: tf.Tensor, pushed: tf.Tensor) -> tf.Tensor:
    """First term of L_neg: sum_{u pushed} pre_activation(x)[u].

    The paper writes -(f0 * nsgn)_i, which is +f0_i on an inactive unit; descending
    it makes the unit more negative.
    """
    return tf.reduce_sum(pushed * pre_activation, axis=-1)


def inactive_magnitude(pre_activation: tf.Tensor, idle: tf.Tensor) -> tf.Tensor:
    """Second term of L_neg: sum_{u inactive, not pushed} |pre_activation(x)[u]|."""
    return tf.reduce_sum(idle * tf.abs(pre_activation), axis=-1)


def feature_distance(pre_activation: tf.Tensor, target: tf.Tensor, ceiling: tf.Tensor | None = None) -> tf.Tensor:
    """Eq. 1: sum_u (post_activation(x)[u] - post_activation(t)[u])^2 over all units.

    Args:
        pre_activation: `[N, U]`, of the images.
        target: post-activation of the target, `[U]` or `[N, U]`.
        ceiling: scalar, of the ReLU; None for one that has none.

    Returns:
        `[N]`.
    """
    post_activation = tf.nn.relu(pre_activation)
    if ceiling is not None:
        post_activation = tf.minimum(post_activation, ceiling)
    return tf.reduce_sum(tf.square(post_activation - target), axis=-1)


def inactive_violation(pre_activation: tf.Tensor, active: tf.Tensor) -> tf.Tensor:
    """max_{u inactive} max(pre_activation(x)[u], 0); 0 where no unit is inactive."""
    return tf.reduce_max((1.0 - active) * tf.nn.relu(pre_activation), axis=-1)


def boundary_gap(pre_activation: tf.Tensor, active: tf.Tensor) -> tf.Tensor:
    """min_{u inactive} |pre_activation(x)[u]|: 0 on a face of the polytope."""
    far = tf.constant(np.inf, pre_activation.dtype)
    return tf.reduce_min(tf.where(active > 0, far, tf.abs(pre_activation)), axis=-1)
