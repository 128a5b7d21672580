"""Whether a collision was found: what the records of its checks say together."""

import dataclasses

import numpy as np

from tfcollide.audit.matching import Match
from tfcollide.audit.reader import Qualified
from tfcollide.audit.validity import Validity, mixture_validity
from tfcollide.polytope.hull import mixing
from tfcollide.polytope.hull.checks import Mixtures
from tfcollide.recipes.collide.experiment import Experiment
from tfcollide.recipes.collide.problem import Problem
from tfcollide.recipes.collide.solve import Solution, validity_of
from tfcollide.records import CornerRecord, Distance, MixtureLooks, ReaderRecord, Scale, Summary

__all__ = ["distances", "looks_of_mixtures", "missing", "reader_record", "scale", "with_validity"]

_UNSCALED = "unscaled"


def with_validity(experiment: Experiment, problem: Problem, corners: np.ndarray, records: tuple[CornerRecord, ...]) -> tuple:
    """The records of corners, with which image each still is and the quantile of its features."""
    null = problem.match.null
    return tuple(
        dataclasses.replace(
            record,
            feature_quantile=null.quantile(record.feature_distance) if null else None,
            **{name: getattr(found, name) for name in _SHARED},
        )
        for record, found in zip(records, validity_of(experiment, problem, corners), strict=True)
    )


_SHARED = [field.name for field in dataclasses.fields(Validity) if field.name != "ssim_reason"]


def looks_of_mixtures(experiment: Experiment, problem: Problem, corners: np.ndarray) -> MixtureLooks:
    """Which image the mixtures still are."""
    found = mixture_validity(
        problem.weights,
        corners,
        problem.start,
        problem.goal_image,
        experiment.classifier.bounds,
        reader=problem.reader.reader,
        target_label=problem.target.label,
    )
    return MixtureLooks(**dataclasses.asdict(found))


def distances(experiment: Experiment, problem: Problem, result: Solution) -> Distance:
    """Between corners, and from them to both images."""
    corners, bounds = result.corners, experiment.classifier.bounds
    to_source, to_target = (_lengths(corners - image) for image in (problem.start, problem.goal_image))
    return Distance(
        dataset_mean=experiment.dataset_mean,
        corner_mean=mixing.mean_distance(corners),
        corner_to_source_mean=float(to_source.mean()),
        source_to_target=float(_lengths((problem.start - problem.goal_image)[None])[0]),
        corner_to_target_mean=float(to_target.mean()),
        spread_asked=result.spread,
        spread_reached=_spread(corners, bounds.range),
    )


def _lengths(changes: np.ndarray) -> np.ndarray:
    return np.linalg.norm(changes.reshape(len(changes), -1), axis=1)


def _spread(corners: np.ndarray, pixel_range: float) -> float | None:
    """Between the two corners nearest to each other, as a root mean square and a share of the range."""
    if len(corners) < 2:
        return None
    flat = corners.reshape(len(corners), -1).astype(np.float64) / pixel_range
    return float(min(np.sqrt(np.mean(np.square(flat[i] - flat[:i]), axis=1)).min() for i in range(1, len(flat))))


def reader_record(experiment: Experiment, qualified: Qualified) -> ReaderRecord:
    """Who says what corners show, or why nobody does."""
    who = experiment.reader
    return ReaderRecord(who.name if who else None, who.accuracy if who else None, qualified.reason)


def scale(match: Match, problem: Problem) -> Scale:
    """What features are measured against."""
    null, features = match.null, problem.goal.post_activation.numpy().astype(np.float64)
    return Scale(
        match="quantile" if null else _UNSCALED,
        quantile=match.quantile if null else None,
        distance=match.distance,
        pairs=len(null.same) if null else 0,
        median_same=float(np.median(null.same)) if null else None,
        median_different=float(np.median(null.different)) if null and len(null.different) else None,
        start_active_match=match.start["active_match"],
        start_feature_distance=match.start["feature_distance"],
        start_inactive_violation=match.start["inactive_violation"],
        feature_size=float(np.square(features).sum()),
        note=null.note if null else "no data set whose images could tell how far apart features usually are",
    )


def missing(summary: Summary, match: Match, mixtures: Mixtures) -> tuple[str, ...]:
    """What a collision that is found has and this one lacks, a few words each."""
    worst = summary.worst_mixture
    all_hit = summary.interpolation.accuracy == 1.0 and summary.png.accuracy == 1.0 and (worst is None or worst.margin > 0)
    lacks = {
        "diverged": any(corner.diverged_at is not None for corner in summary.corners),
        "not converged": not summary.converged and all(corner.diverged_at is None for corner in summary.corners),
        "too close": summary.exact is not None and summary.exact.too_close,
        "trivial": bool(summary.trivial) and not summary.allow_trivial,
        "lost": bool(summary.lost) and not summary.allow_trivial,
        "a corner misses the class": bool(summary.misread or summary.png.misread),
        "a mixture misses the class": not summary.misread and not all_hit,
        "features do not match": match.excess(_worst_terms(summary, mixtures)) > 1.0,
    }
    return tuple(word for word, holds in lacks.items() if holds)


def _worst_terms(summary: Summary, mixtures: Mixtures) -> dict[str, np.ndarray]:
    corners = summary.corners
    distances = [*(corner.feature_distance for corner in corners), mixtures.distance.max(), summary.png.max_feature_distance]
    return {
        "feature_distance": np.array(distances, np.float64),
        "active_match": np.array([corner.active_match for corner in corners]),
        "inactive_violation": np.array([corner.inactive_violation for corner in corners]),
    }
