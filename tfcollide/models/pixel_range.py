"""Which pixel values a network reads: told from its first layers, or decided by the likelihood of labels.

Accuracy does not decide it: scaling the pixels of a ReLU network scales its logits,
biases aside, and leaves the class on top where it is. The likelihood of the right
class does, as a network that is fed too large pixels is too sure where it errs, and one
that is fed too small ones is sure of nothing.
"""

from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np

from tfcollide.images import from_uint8
from tfcollide.models.classifier import Classifier
from tfcollide.shapes import Bounds, PixelRange

__all__ = [
    "ASSUMED",
    "PHOTO",
    "SYMMETRIC",
    "UNIT",
    "Trial",
    "doubts",
    "range_by_likelihood",
    "range_told",
    "tied",
    "try_ranges",
]

PHOTO, UNIT, SYMMETRIC = Bounds(0.0, 255.0), Bounds(0.0, 1.0), Bounds(-1.0, 1.0)
ASSUMED = PixelRange(PHOTO, "assumed: nothing tells")
_CANDIDATES = (UNIT, SYMMETRIC, PHOTO)
_SHRINKS = 1 / 16
_LOOK_AT = 4
_LEAD = 0.1  # nats by which 0..255 must lead: where a network errs nowhere, larger pixels alone make it more likely
_MUCH_WORSE = 0.5  # nats
_TIE = 0.02  # nats; with two ranges so near, images do not tell which is the network's
_FEW = 20  # images, of which nothing is said of chance


class Trial(NamedTuple):
    """How a network does on labeled images of one pixel range.

    Attributes:
        bounds: of the pixels.
        likelihood: the mean log-likelihood of the labels.
        right: how many of the images it gets right.
    """

    bounds: Bounds
    likelihood: float
    right: int


def range_told(classifier: Classifier) -> PixelRange | None:
    """The range that the first layers speak of; None where they do not.

    Rescaling by less than 1/16, or Normalization by a mean above 2, is for 0..255; by anything
    else it is for 0..1.
    """
    told = (_range_of(layer) for layer in classifier.first_layers[:_LOOK_AT])
    found = next((bounds for bounds in told if bounds), None)
    return PixelRange(found, "told by the first layers") if found else None


def try_ranges(classifier: Classifier, images: np.ndarray, labels: np.ndarray, also: Bounds | None = None) -> list[Trial]:
    """0..1, -1..1, 0..255 and `also`, if the input can hold them, each with what the network makes of images in it.

    Args:
        classifier: its classes are those of the labels.
        images: `[n, H, W, C]` uint8.
        labels: `[n]`.
        also: another range.
    """
    reading, trials = classifier.reading, []
    for bounds in filter(classifier.holds, dict.fromkeys([*_CANDIDATES, *([also] if also else [])])):
        judged = classifier.judge(from_uint8(images, bounds))
        likelihood = reading.log_likelihood(judged.logits, labels).mean()
        right = (reading.one_class(judged.predicted) == labels).sum()
        trials.append(Trial(bounds, float(likelihood), int(right)))
    return trials


def range_by_likelihood(trials: Sequence[Trial], count: int) -> PixelRange:
    """The range in which the labels of `count` images are most likely; 0..255 only if clearly so."""
    order = sorted(trials, key=_likelihood, reverse=True)
    best = next(one for one in order if not _owes_it_to_scale(one, order))
    said = ", ".join(f"{one.likelihood:.2f} for {one.bounds}" for one in [best, *(one for one in order if one != best)])
    return PixelRange(best.bounds, f"by likelihood: mean log-likelihood {said} on {count} test images")


def tied(trials: Sequence[Trial], count: int) -> list[Trial]:
    """The ranges in which labels are about as likely as in the best, that one first; only that one where it is clear.

    A range of 0..255 that leads by its scale alone is not among them, see `range_by_likelihood`.
    """
    best = range_by_likelihood(trials, count).bounds
    order = sorted(trials, key=lambda one: (one.bounds != best, -_likelihood(one)))
    rivals = [one for one in order[1:] if order[0].likelihood - one.likelihood < _TIE and not _owes_it_to_scale(one, trials)]
    return [order[0], *rivals]


def doubts(chosen: Bounds, trials: Sequence[Trial], count: int, classes: int) -> str | None:
    """What speaks against a range: another one that is much more likely, or accuracy near chance.

    Args:
        chosen: the range, one of those of `trials`.
        trials: of all ranges.
        count: of the images that were tried.
        classes: L.
    """
    by_bounds = {one.bounds: one for one in trials}
    ours, best = by_bounds[chosen], by_bounds[range_by_likelihood(trials, count).bounds]
    if not best.likelihood - ours.likelihood <= _MUCH_WORSE:
        return (
            f"With pixels {chosen} the network does much worse than with {best.bounds}: mean log-likelihood of the labels "
            f"{ours.likelihood:.2f} against {best.likelihood:.2f} ({ours.right} and {best.right} of {count} images right)"
        )
    chance = 1 / classes
    if count >= _FEW and ours.right <= count * chance + 3 * np.sqrt(count * chance * (1 - chance)):
        return (
            f"The network gets {ours.right} of {count} test images right, hardly more than by chance: "
            f"are pixels {chosen} and the order of the classes what it was trained with?"
        )
    return None


def _owes_it_to_scale(trial: Trial, others: Sequence[Trial]) -> bool:
    """Whether a trial of 0..255 hardly leads another one that gets as much right."""
    near = (one.likelihood > trial.likelihood - _LEAD and one.right >= trial.right for one in others if one != trial)
    return trial.bounds == PHOTO and any(near)


def _likelihood(trial: Trial) -> float:
    return trial.likelihood if np.isfinite(trial.likelihood) else -np.inf


def _range_of(layer: keras.Layer) -> Bounds | None:
    if isinstance(layer, keras.layers.Rescaling):
        return PHOTO if float(np.max(np.abs(layer.scale))) < _SHRINKS or float(np.max(np.abs(layer.offset))) > 2 else UNIT
    if isinstance(layer, keras.layers.Normalization):
        return PHOTO if float(np.max(np.abs(np.asarray(layer.mean)))) > 2 else UNIT
    return None
