"""Where in a hull the network is asked before a page is written: an even lattice of weights, and what it says there."""

import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfcollide.measure.reader import Reader
from tfcollide.models.classifier import Classifier, Tap
from tfcollide.objectives.terms import Goal, active_match, feature_distance, make_goal
from tfcollide.polytope.hull.mixing import mix

__all__ = ["LatticeAnswers", "Lattice", "answers_at", "finest", "goal_of", "lattice_of"]

_FINEST = 100


class Lattice(NamedTuple):
    """Points of a hull.

    Attributes:
        fineness: d; weights are multiples of 1/d, but those of points added to the lattice.
        weights: `[M, N]` float32, convex weights.
    """

    fineness: int
    weights: np.ndarray


class LatticeAnswers(NamedTuple):
    """What the network, and a reader, say of M images.

    Attributes:
        top: `[M, 5]` int, the classes or labels of highest probability, the highest first; fewer where there are fewer.
        chances: of the same shape, their probabilities.
        names: M, what each image is read as.
        hit: `[M]` bool, whether that is what the target is read as.
        probability: `[M]`, of what the target is read as.
        margin: `[M]`, how far that is ahead, in logits.
        active_match: `[M]`, L_pos.
        feature_distance: `[M]`.
        read: M class names by the reader; None where nobody reads.
    """

    top: np.ndarray
    chances: np.ndarray
    names: tuple[str, ...]
    hit: np.ndarray
    probability: np.ndarray
    margin: np.ndarray
    active_match: np.ndarray
    feature_distance: np.ndarray
    read: tuple[str, ...] | None


def finest(corners: int, most: int) -> int:
    """The largest d, at most 100, of which the lattice has no more than `most` points; 1 where even that has more.

    The lattice of N corners has C(d + N - 1, N - 1) points.
    """
    fits = [d for d in range(1, _FINEST + 1) if math.comb(d + corners - 1, corners - 1) <= most]
    return fits[-1] if fits else 1


def lattice_of(corners: int, most: int, *extra: np.ndarray) -> Lattice:
    """All weights that are multiples of 1/d, the first corner's largest first, and then some more points.

    Args:
        corners: N.
        most: points of the lattice, see `finest`.
        extra: convex weights `[N]`, such as those of the worst mixture.
    """
    fineness = finest(corners, most)
    points = np.array(list(_compositions(fineness, corners)), np.float32) / np.float32(fineness)
    more = [np.asarray(weights, np.float32)[None] for weights in (np.full(corners, 1 / corners), *extra)]
    return Lattice(fineness, np.concatenate([points, *more]))


def answers_at(
    weights: np.ndarray, corners: np.ndarray, target: np.ndarray, classifier: Classifier, tap: Tap, reader: Reader | None = None
) -> LatticeAnswers:
    """Asks the network, and the reader, about mixtures.

    Args:
        weights: `[M, N]` convex weights.
        corners: `[N, H, W, C]` float32.
        target: `[H, W, C]` float32, whose features and class count.
        classifier: the network.
        tap: where features are compared.
        reader: who says which image a mixture still is; None for nobody.
    """
    goal, wanted, reading = goal_of(tap, target), int(classifier.judge(target[None]).predicted[0]), classifier.reading
    look, parts, read = classifier.both(tap.name), [], []
    for start in range(0, len(weights), classifier.batch_size):
        images = mix(weights[start : start + classifier.batch_size], corners)
        top, features = look(tf.constant(images))
        match = active_match(features, goal.post_activation, goal.active, goal.ceiling)
        parts.append((top.numpy(), match.numpy(), feature_distance(features, goal.post_activation, goal.ceiling).numpy()))
        read += [reader.classes[i] if i >= 0 else "no class" for i in reader.read(images)] if reader else []
    logits, matches, distances = (np.concatenate(part) for part in zip(*parts, strict=True))
    chances, codes = reading.chances(logits).numpy(), reading.predicted(logits)
    top = np.argsort(-chances, axis=1, kind="stable")[:, :5]
    return LatticeAnswers(
        top=top,
        chances=np.take_along_axis(chances, top, axis=1),
        names=tuple(classifier.name_of(code) for code in codes),
        hit=np.asarray(codes == wanted, bool),
        probability=reading.probability(chances, wanted),
        margin=reading.margins(logits, wanted),
        active_match=matches,
        feature_distance=distances,
        read=tuple(read) if reader else None,
    )


def goal_of(tap: Tap, target: np.ndarray) -> Goal:
    """The features of a target `[H, W, C]`, and which of them L_pos compares."""
    pre_activation = tap.pre_activation(tf.constant(target[None])).numpy()[0]
    return make_goal(pre_activation, ((),), ceiling=tap.rectifier.ceiling)


def _compositions(total: int, parts: int) -> list[tuple[int, ...]]:
    """All ways to write `total` as a sum of `parts` whole numbers, in order."""
    if parts == 1:
        return [(total,)]
    return [(first, *rest) for first in range(total, -1, -1) for rest in _compositions(total - first, parts - 1)]
