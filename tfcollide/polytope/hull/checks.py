"""Success, judged again from the images through the model.

Nothing here knows how the corners were found.
"""

import functools
import math
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfcollide.files.checkpoint import Ledger
from tfcollide.models.classifier import Classifier, Tap
from tfcollide.objectives import terms
from tfcollide.polytope.hull.mixing import mix
from tfcollide.records import CornerRecord, Interpolation, PngCheck
from tfcollide.runtime.progress import progress

__all__ = [
    "Mixtures",
    "Target",
    "check_png",
    "corner_terms",
    "judge_corners",
    "judge_mixtures",
    "target_of",
    "terms_and_logits",
]


class Target(NamedTuple):
    """A target image as the network sees it.

    Attributes:
        pre_activation: `[U]` at the tap.
        predicted: the code of what it is read as, see `models.reading`: the class on top, or the set of labels.
        probability: of that.
    """

    pre_activation: np.ndarray
    predicted: int
    probability: float


class Mixtures(NamedTuple):
    """Mixtures as the network sees them, `[S]` each.

    Attributes:
        hit: bool, whether it is read as the target is.
        margin: of the target's class or labels, float64, see `models.reading`.
        probability: of the target's class or labels, float64.
        distance: `feature_distance` to the target.
    """

    hit: np.ndarray
    margin: np.ndarray
    probability: np.ndarray
    distance: np.ndarray

    def lowest(self, count: int) -> np.ndarray:
        """`[K]`, the numbers of the `count` mixtures with the smallest margins, the smallest first."""
        return np.argsort(self.margin, kind="stable")[:count]

    def record(self, sampling: str) -> Interpolation:
        """What a summary says of them; `sampling` is how the weights were drawn."""
        return Interpolation(
            samples=len(self.hit),
            sampling=sampling,
            accuracy=float(self.hit.mean()),
            mean_probability=float(self.probability.mean()),
            min_probability=float(self.probability.min()),
            max_feature_distance=float(self.distance.max()),
        )


def target_of(classifier: Classifier, tap: Tap, image: np.ndarray) -> Target:
    """Looks at a target image `[H, W, C]`."""
    judged = classifier.judge(image[None])
    predicted = int(judged.predicted[0])
    pre_activation = tap.pre_activation(tf.constant(image[None])).numpy()[0]
    return Target(pre_activation, predicted, float(classifier.reading.probability(judged.probabilities, predicted)[0]))


def corner_terms(tap: Tap, images: np.ndarray, goal: terms.Goal) -> dict[str, np.ndarray]:
    """Every term of every corner.

    Args:
        tap: where features are compared.
        images: `[N, H, W, C]` corners.
        goal: the sets of units.

    Returns:
        Name -> `[N]`, the terms that a `CornerRecord` has.
    """
    pre_activation = tap.pre_activation(tf.constant(images))
    values = {
        "active_match": terms.active_match(pre_activation, goal.post_activation, goal.active, goal.ceiling),
        "corner_push": terms.corner_push(pre_activation, goal.pushed),
        "inactive_magnitude": terms.inactive_magnitude(pre_activation, goal.idle),
        "feature_distance": terms.feature_distance(pre_activation, goal.post_activation, goal.ceiling),
        "inactive_violation": terms.inactive_violation(pre_activation, goal.active),
        "boundary_gap": terms.boundary_gap(pre_activation, goal.active),
    }
    return {name: value.numpy() for name, value in values.items()}


def terms_and_logits(
    classifier: Classifier, tap: Tap, images: np.ndarray, goal: terms.Goal
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The terms that tell whether features match, `[n]` each, and the logits `[n, L]` of images `[n, H, W, C]`.

    What belongs to a corner alone, such as the unit that it pushes, plays no part.
    """
    look, size, parts, logits = classifier.both(tap.name), classifier.batch_size, [], []
    for start in range(0, len(images), size):
        found, pre_activation = look(tf.constant(images[start : start + size]))
        logits.append(found.numpy())
        parts.append(
            {
                "active_match": terms.active_match(pre_activation, goal.post_activation, goal.active, goal.ceiling),
                "feature_distance": terms.feature_distance(pre_activation, goal.post_activation, goal.ceiling),
                "inactive_violation": terms.inactive_violation(pre_activation, goal.active),
            }
        )
    return {name: np.concatenate([part[name].numpy() for part in parts]) for name in parts[0]}, np.concatenate(logits)


def judge_corners(
    classifier: Classifier,
    tap: Tap,
    images: np.ndarray,
    goal: terms.Goal,
    target: Target,
    *,
    units: tuple[tuple[int, ...], ...],
    converged: np.ndarray,
    failed_at: np.ndarray,
) -> tuple[CornerRecord, ...]:
    """One record a corner.

    Args:
        classifier: the network.
        tap: where features are compared.
        images: `[N, H, W, C]` corners.
        goal: the sets of units.
        target: whose class counts.
        units: N groups that were pushed.
        converged: `[N]` bool, from the solver.
        failed_at: `[N]`, the step of divergence or -1, from the solver.
    """
    values: dict[str, Any] = corner_terms(tap, images, goal)
    judged = classifier.judge(images)
    probability = classifier.reading.probability(judged.probabilities, target.predicted)
    return tuple(
        CornerRecord(
            units=units[n],
            **{name: value[n].item() for name, value in values.items()},
            predicted=classifier.name_of(judged.predicted[n]),
            probability=float(probability[n]),
            converged=bool(converged[n]),
            diverged_at=int(failed_at[n]) if failed_at[n] >= 0 else None,
        )
        for n in range(len(images))
    )


def judge_mixtures(
    classifier: Classifier,
    tap: Tap,
    corners: np.ndarray,
    weights: np.ndarray,
    target: Target,
    *,
    ledger: Ledger | None = None,
    name: str = "mixtures",
) -> Mixtures:
    """Classifies mixtures of corners, batch by batch.

    Args:
        classifier: the network.
        tap: where features are compared.
        corners: `[N, H, W, C]`.
        weights: `[S, N]` convex weights.
        target: whose class counts.
        ledger: keeps what is finished.
        name: of this check in the ledger.
    """
    post_activation = tap.rectifier(tf.constant(target.pre_activation))
    ceiling = None if math.isinf(tap.rectifier.ceiling) else tf.constant(tap.rectifier.ceiling)
    reading = classifier.reading
    look, size, ledger = classifier.both(tap.name), classifier.batch_size, ledger or Ledger()

    def judge(start: int) -> dict[str, np.ndarray]:
        logits, pre_activation = look(tf.constant(mix(weights[start : start + size], corners)))
        return {
            "hit": reading.predicted(logits.numpy()) == target.predicted,
            "margin": reading.margins(logits.numpy(), target.predicted),
            "probability": reading.probability(reading.chances(logits).numpy(), target.predicted),
            "distance": terms.feature_distance(pre_activation, post_activation, ceiling).numpy(),
        }

    batches = []
    with progress(total=len(weights), desc=name, unit=" mixtures", leave=False, delay=1.0) as bar:
        for start in range(0, len(weights), size):
            batches.append(ledger.do(f"{name} from {start}", functools.partial(judge, start)))
            bar.update(len(batches[-1]["hit"]))
    return Mixtures(*(np.concatenate([batch[key] for batch in batches]) for key in Mixtures._fields))


def check_png(
    classifier: Classifier,
    tap: Tap,
    read_back: np.ndarray,
    goal: terms.Goal,
    weights: np.ndarray,
    target: Target,
    ledger: Ledger | None = None,
) -> PngCheck:
    """Judges mixtures, and the terms, of corners that were read back from 8-bit files.

    Args:
        classifier: the network.
        tap: where features are compared.
        read_back: `[N, H, W, C]` corners.
        goal: the sets of units.
        weights: `[S, N]` convex weights.
        target: whose class counts.
        ledger: keeps what is finished.
    """
    values = corner_terms(tap, read_back, goal)
    mixtures = judge_mixtures(classifier, tap, read_back, weights, target, ledger=ledger, name="from PNG")
    return PngCheck(
        accuracy=float(mixtures.hit.mean()),
        mean_probability=float(mixtures.probability.mean()),
        max_active_match=float(values["active_match"].max()),
        max_feature_distance=float(values["feature_distance"].max()),
        misread=int(np.sum(classifier.judge(read_back).predicted != target.predicted)),
    )
