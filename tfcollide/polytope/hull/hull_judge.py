"""Success, judged again from the images through the model: corners, their mixtures, and a hull on the way.

There is one way to look: a batch of images through the network, its logits and the terms that tell whether
features match. Nothing here knows how the corners were found.
"""

import functools
import itertools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfcollide.files.checkpoint import Ledger
from tfcollide.models.classifier import Classifier, Tap
from tfcollide.objectives import terms
from tfcollide.polytope.hull.mixing import mix, mixed
from tfcollide.records import CornerRecord, Interpolation, PngCheck
from tfcollide.runtime.compiled import compiled
from tfcollide.runtime.progress import progress

__all__ = ["MARGIN_SHARE", "HullJudge", "Mixtures", "Probe", "Target", "corner_terms", "target_of"]

MARGIN_SHARE = 0.4
"""The share of the target's own margin that every probe must keep."""

_SAMPLES, _SEED = 200, 0x401D
_Terms = dict[str, np.ndarray]


class Target(NamedTuple):
    """A target as the network sees it.

    Attributes:
        pre_activation: `[U]` at the tap.
        predicted: the code of what it is read as, see `models.reading`: the class on top, or the set of labels.
            None of features that no image is known to.
        probability: of that.
    """

    pre_activation: np.ndarray
    predicted: int | None = None
    probability: float | None = None


class Mixtures(NamedTuple):
    """Mixtures as the network sees them, `[S]` each; all but the last empty where the target has no class.

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


class Probe(NamedTuple):
    """What the probes of a hull say.

    Attributes:
        margin_share: the worst probe's margin, as a share of the target's; infinite where that has no class.
        excess: the worst probe's features over what matches; up to 1 they match.
    """

    margin_share: float
    excess: float

    @property
    def score(self) -> float:
        """How good the hull is: from 1 on it holds."""
        matched = 1.0 if self.excess <= 1.0 else 1.0 / self.excess
        return min(self.margin_share / MARGIN_SHARE, matched)

    def __str__(self) -> str:
        """Such as "worst probe 0.61 of the target's margin, asked 0.40"."""
        words = f"worst probe {self.margin_share:.2f} of the target's margin, asked {MARGIN_SHARE:.2f}"
        return words + (f"; its features {self.excess:.2f} of what matches" if self.excess > 1.0 else "")


def target_of(classifier: Classifier, tap: Tap, image: np.ndarray) -> Target:
    """Looks at a target image `[H, W, C]`."""
    judged = classifier.judge(image[None])
    predicted = int(judged.predicted[0])
    pre_activation = tap.pre_activation(tf.constant(image[None])).numpy()[0]
    return Target(pre_activation, predicted, float(classifier.reading.probability(judged.probabilities, predicted)[0]))


def corner_terms(tap: Tap, images: np.ndarray, goal: terms.Goal) -> _Terms:
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


class HullJudge:
    """Judges images, and mixtures of images, for one target.

    Args:
        classifier: the network.
        tap: where features are compared.
        goal: the target's features, and the sets of units.
        target: whose class counts.
    """

    def __init__(self, classifier: Classifier, tap: Tap, goal: terms.Goal, target: Target):
        self._classifier, self._tap, self._goal, self._target = classifier, tap, goal, target

    def look(self, images: np.ndarray) -> _Terms:
        """The terms that tell whether features match, `[n]` each, and "logits" `[n, L]`, of images `[n, H, W, C]`.

        What belongs to a corner alone, such as the unit that it pushes, plays no part.
        """
        size = self._classifier.batch_size
        parts = [self._look(images[start : start + size]) for start in range(0, len(images), size)]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def corners(
        self, images: np.ndarray, *, units: tuple[tuple[int, ...], ...], converged: np.ndarray, failed_at: np.ndarray
    ) -> tuple[CornerRecord, ...]:
        """One record per corner.

        Args:
            images: `[N, H, W, C]` corners.
            units: N groups that were pushed.
            converged: `[N]` bool, from the solver.
            failed_at: `[N]`, the step of divergence or -1, from the solver.
        """
        values: dict[str, Any] = corner_terms(self._tap, images, self._goal)
        judged, name_of = self._classifier.judge(images), self._classifier.name_of
        codes = judged.predicted if self._target.predicted is None else [self._target.predicted] * len(images)
        chances = zip(judged.probabilities, codes, strict=True)
        probability = [float(self._classifier.reading.probability(each[None], int(code))[0]) for each, code in chances]
        return tuple(
            CornerRecord(
                units=units[n],
                **{name: value[n].item() for name, value in values.items()},
                predicted=name_of(judged.predicted[n]),
                probability=probability[n],
                converged=bool(converged[n]),
                diverged_at=int(failed_at[n]) if failed_at[n] >= 0 else None,
            )
            for n in range(len(images))
        )

    def mixtures(
        self, corners: np.ndarray, weights: np.ndarray, *, ledger: Ledger | None = None, name: str = "mixtures"
    ) -> Mixtures:
        """Mixtures of corners, batch by batch.

        Args:
            corners: `[N, H, W, C]`.
            weights: `[S, N]` convex weights.
            ledger: keeps what is finished.
            name: of this check in the ledger.
        """
        size, ledger, found = self._classifier.mixture_batch, ledger or Ledger(), []
        look = _compiled(self._classifier, self._tap.name)
        there = tf.constant(corners, tf.float32), self._goal.post_activation  # on the device, for all batches
        with progress(total=len(weights), desc=name, unit=" mixtures", leave=False, delay=1.0) as bar:
            for start in range(0, len(weights), size):
                batch = functools.partial(self._mixtures, look, weights[start : start + size], *there)
                found.append(ledger.do(f"{name} from {start}, {size} at once", batch))
                bar.update(len(found[-1]["distance"]))
        return Mixtures(*(np.concatenate([batch[key] for batch in found]) for key in Mixtures._fields))

    def saved(self, corners: np.ndarray, weights: np.ndarray, *, ledger: Ledger | None = None) -> PngCheck:
        """Corners `[N, H, W, C]` that were rounded to 8 bits, and the mixtures of them with `weights` `[S, N]`."""
        values = corner_terms(self._tap, corners, self._goal)
        mixtures = self.mixtures(corners, weights, ledger=ledger, name="from PNG")
        return PngCheck(
            accuracy=float(mixtures.hit.mean()),
            mean_probability=float(mixtures.probability.mean()),
            max_active_match=float(values["active_match"].max()),
            max_feature_distance=float(values["feature_distance"].max()),
            misread=int(np.sum(self._classifier.judge(corners).predicted != self._target.predicted)),
        )

    def probe(self, corners: np.ndarray, own_margin: float, excess: Callable[[Mapping[str, np.ndarray]], float]) -> Probe:
        """Whether a hull holds, asked while there is still time to go on.

        Corners that match closely can still have mixtures that miss, most of all where the target itself is
        barely of its class. So corners, the middles of edges and some mixtures, other ones than those that
        are checked at the end, must keep a share of the target's own margin, and their features must match.

        Args:
            corners: `[N, H, W, C]`.
            own_margin: of the target.
            excess: terms `[n]` of images -> the worst over what matches.
        """
        looked = self.look(mix(_probes(len(corners)), corners))
        logits = looked.pop("logits")
        if self._target.predicted is None:
            return Probe(np.inf, excess(looked))
        margins = self._classifier.reading.margins(logits, self._target.predicted)
        return Probe(float(margins.min()) / own_margin, excess(looked))

    def own_margin(self, image: np.ndarray) -> float:
        """How far the target's class is ahead in its own image `[H, W, C]`; a speck where it is not."""
        code = self._target.predicted
        margins = self._classifier.reading.margins(self._classifier.judge(image[None]).logits, 0 if code is None else code)
        return max(float(margins[0]), float(np.finfo(np.float32).tiny))

    def _look(self, images: np.ndarray) -> _Terms:
        """One batch."""
        logits, pre_activation = self._classifier.both(self._tap.name)(tf.constant(images))
        goal = self._goal
        values = {
            "active_match": terms.active_match(pre_activation, goal.post_activation, goal.active, goal.ceiling),
            "feature_distance": terms.feature_distance(pre_activation, goal.post_activation, goal.ceiling),
            "inactive_violation": terms.inactive_violation(pre_activation, goal.active),
            "logits": logits,
        }
        return {name: value.numpy() for name, value in values.items()}

    def _mixtures(
        self, look: Callable[..., tuple[tf.Tensor, tf.Tensor]], weights: np.ndarray, corners: tf.Tensor, goal: tf.Tensor
    ) -> _Terms:
        """One batch, as the fields of `Mixtures`."""
        found = look(tf.constant(weights, tf.float32), corners, goal)
        logits, distance = (part.numpy() for part in found)
        reading, code = self._classifier.reading, self._target.predicted
        if code is None:
            return dict.fromkeys(Mixtures._fields, np.zeros(0)) | {"distance": distance}
        return {
            "hit": reading.predicted(logits) == code,
            "margin": reading.margins(logits, code),
            "probability": reading.probability(reading.chances(logits).numpy(), code),
            "distance": distance,
        }


@functools.lru_cache(maxsize=8)
def _compiled(classifier: Classifier, tap_name: str) -> Callable[..., tuple[tf.Tensor, tf.Tensor]]:
    """Weights `[S, N]`, corners and the target's features -> logits `[S, L]` and feature distances `[S]`, in one pass."""
    both, ceiling = classifier.both(tap_name), classifier.place(tap_name).rectifier.ceiling

    def look(weights: tf.Tensor, corners: tf.Tensor, features: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        logits, pre_activation = both(mixed(weights, corners))
        return logits, terms.feature_distance(pre_activation, features, ceiling if np.isfinite(ceiling) else None)

    weights, corners = tf.TensorSpec([None, None], tf.float32), tf.TensorSpec([None, *classifier.image_shape], tf.float32)
    return compiled(look, input_signature=[weights, corners, tf.TensorSpec([None], tf.float32)])


def _probes(corners: int) -> np.ndarray:
    """`[P, N]` float32: the corners, the middles of edges, and some mixtures."""
    vertices = np.eye(corners)
    middles = [vertices[list(pair)].mean(axis=0) for pair in itertools.combinations(range(corners), 2)]
    drawn = np.random.default_rng(_SEED).dirichlet(np.ones(corners), _SAMPLES)
    return np.concatenate([vertices, np.reshape(middles, [-1, corners]), drawn]).astype(np.float32)
