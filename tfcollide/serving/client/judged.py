"""The numbers of a run, from class probabilities alone: for a served model as for one at hand."""

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from tfcollide.models.reading import Reading
from tfcollide.polytope.hull.mixing import mix
from tfcollide.records import Summary

__all__ = ["Judged", "Samples", "departures", "judge_samples", "make_samples", "recorded"]


class Samples(NamedTuple):
    """Every image that is asked about, in one array.

    Attributes:
        images: `[n, H, W, C]` float32.
        parts: name -> where it lies: source, target, corners, mixtures, png_corners, png_mixtures and, if any, worst.
    """

    images: np.ndarray
    parts: Mapping[str, slice]


@dataclasses.dataclass(frozen=True)
class Judged:
    """What a model says of a run's images.

    Attributes:
        source: the class of the source.
        target: the class of the target.
        target_probability: of the target's recorded class, for the target.
        corners: share of the corners in that class.
        mixtures: number of mixtures.
        accuracy: share of the mixtures in that class.
        mean_probability: of that class, over the mixtures.
        min_probability: likewise.
        png_accuracy: share of the mixtures of corners read back from 8-bit files.
        png_mean_probability: likewise.
        worst: the class of the worst mixture that the run found, or None.
        worst_probability: of the target's class there, or None.
    """

    source: str
    target: str
    target_probability: float
    corners: float
    mixtures: int
    accuracy: float
    mean_probability: float
    min_probability: float
    png_accuracy: float
    png_mean_probability: float
    worst: str | None
    worst_probability: float | None


def make_samples(arrays: Mapping[str, np.ndarray], png_corners: np.ndarray, worst: tuple[float, ...] | None) -> Samples:
    """The images of a run.

    Args:
        arrays: of `corners.npz`.
        png_corners: `[N, H, W, C]`, read back from their files.
        worst: convex weights of the worst mixture.
    """
    corners, weights = arrays["corners"], arrays["convex_weights"]
    images = {
        "source": arrays["source"][None],
        "target": arrays["target"][None],
        "corners": corners,
        "mixtures": mix(weights, corners),
        "png_corners": png_corners,
        "png_mixtures": mix(weights, png_corners),
    }
    if worst is not None:
        images["worst"] = mix(np.array([worst], np.float32), corners)
    ends = np.cumsum([len(part) for part in images.values()]).tolist()
    starts = [0, *ends[:-1]]
    return Samples(
        np.concatenate(list(images.values())),
        {name: slice(i, j) for name, i, j in zip(images, starts, ends, strict=True)},
    )


def judge_samples(
    probabilities: np.ndarray,
    samples: Samples,
    target_class: int,
    class_names: tuple[str, ...],
    reading: Reading | None = None,
) -> Judged:
    """The numbers.

    Args:
        probabilities: `[n, L]`, of `samples`.
        samples: what was asked.
        target_class: the code of the recorded class, or labels, of the target.
        class_names: L.
        reading: how they are read; None: as one class of several.
    """
    reading = reading or Reading(len(class_names))
    predicted = reading.predicted(probabilities, threshold=0.5)
    hits = predicted == target_class
    ours = reading.probability(probabilities, target_class)
    parts = samples.parts
    worst = parts.get("worst")
    return Judged(
        source=reading.name(predicted[parts["source"]][0], class_names),
        target=reading.name(predicted[parts["target"]][0], class_names),
        target_probability=float(ours[parts["target"]][0]),
        corners=float(hits[parts["corners"]].mean()),
        mixtures=len(hits[parts["mixtures"]]),
        accuracy=float(hits[parts["mixtures"]].mean()),
        mean_probability=float(ours[parts["mixtures"]].mean()),
        min_probability=float(ours[parts["mixtures"]].min()),
        png_accuracy=float(hits[parts["png_mixtures"]].mean()),
        png_mean_probability=float(ours[parts["png_mixtures"]].mean()),
        worst=reading.name(predicted[worst][0], class_names) if worst else None,
        worst_probability=float(ours[worst][0]) if worst else None,
    )


def recorded(summary: Summary) -> Judged:
    """The same numbers as a run's `summary.json` has them."""
    target, mixtures, worst = summary.target.predicted, summary.interpolation, summary.worst_mixture
    return Judged(
        source=summary.source.predicted,
        target=target,
        target_probability=summary.target.probability,
        corners=float(np.mean([corner.predicted == target for corner in summary.corners])),
        mixtures=mixtures.samples,
        accuracy=mixtures.accuracy,
        mean_probability=mixtures.mean_probability,
        min_probability=mixtures.min_probability,
        png_accuracy=summary.png.accuracy,
        png_mean_probability=summary.png.mean_probability,
        worst=worst.predicted if worst else None,
        worst_probability=None,
    )


def departures(served: Judged, record: Judged) -> list[str]:
    """In what a served model does not collide as recorded; empty where it does."""
    found = []
    for name in ("source", "target", "worst"):
        have, want = getattr(served, name), getattr(record, name)
        if want is not None and have != want:
            what = "worst mixture" if name == "worst" else name
            found.append(f'it takes the {what} for "{have}", recorded is "{want}"')
    shares = {"corners": "the corners", "accuracy": "the mixtures", "png_accuracy": "the mixtures of corners from PNG files"}
    for name, what in shares.items():
        have, want = getattr(served, name), getattr(record, name)
        if have < want - 1e-9:
            found.append(f'{100 * have:.2f} % of {what} are "{record.target}" to it, recorded are {100 * want:.2f} %')
    return found
