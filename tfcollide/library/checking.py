"""Every check of corners and of their hull: through the network again, whatever the solver says of them."""

import dataclasses
import functools

import numpy as np

from tfcollide.files.checkpoint import Ledger
from tfcollide.images import from_uint8, to_uint8
from tfcollide.library.descend import validity_of
from tfcollide.library.options import JudgeOptions
from tfcollide.library.problem import Problem
from tfcollide.library.solution import Solution
from tfcollide.library.verdict import Verdict, missing
from tfcollide.library.yardstick import Yardstick
from tfcollide.measure.validity import Validity, mixture_validity
from tfcollide.models.classifier import Classifier
from tfcollide.models.dense_chain import Unreadable
from tfcollide.polytope.hull import mixing
from tfcollide.polytope.hull.hull_judge import Mixtures
from tfcollide.polytope.hull.worst_mixture import MixtureSearch, clopper_pearson
from tfcollide.records import (
    CornerRecord,
    Distance,
    FailureBound,
    Interpolation,
    MixtureLooks,
    ReaderRecord,
    Scale,
    WorstMixture,
)
from tfcollide.report.perceptual import perceptual
from tfcollide.runtime.progress import Stopwatch

__all__ = ["corner_records", "distances", "judge_hull", "mixture_search"]

_NO_CLASS = "the target is features, which have no class that mixtures could be read as"
_NO_IMAGE = "the target is features, and no image that mixtures could have become"


def judge_hull(
    yardstick: Yardstick,
    problem: Problem,
    solution: Solution,
    options: JudgeOptions,
    *,
    read_back: np.ndarray | None = None,
    ledger: Ledger | None = None,
) -> Verdict:
    """Judges corners and their hull through the network, whatever the solver says of them.

    Args:
        yardstick: what a data set tells.
        problem: what was asked.
        solution: the corners, and how they were come by.
        options: how many mixtures, and which.
        read_back: `[N, H, W, C]` float32, the corners from their 8-bit files; None: rounded here.
        ledger: keeps what is finished.
    """
    corners, bounds, ledger = solution.corners, problem.network.bounds, ledger or Ledger()
    if read_back is None:
        read_back = from_uint8(to_uint8(corners, bounds), bounds)
    weights = mixing.convex_weights(options.samples, len(corners), sampling=options.sampling, seed=options.seed)
    judge, classed = problem.judge, problem.seen.predicted is not None
    watch = Stopwatch()
    with watch("mixtures"):
        mixtures = judge.mixtures(corners, weights, ledger=ledger)
    records = corner_records(problem, solution)
    interpolation = mixtures.record(options.sampling) if classed else None
    distance = distances(yardstick, problem, solution)
    with watch("png"):
        png = judge.saved(read_back, weights, ledger=ledger) if classed else None
    with watch("worst_mixture"):
        worst = _worst(problem, corners, mixtures, weights, options, ledger)
    verdict = Verdict(
        found=False,
        missing=(),
        corners=records,
        distance=distance,
        interpolation=interpolation,
        png=png,
        worst_mixture=worst,
        failure_bound=_failure_bound(interpolation),
        perceptual=perceptual(corners, bounds),
        reader=_reader_record(yardstick, problem),
        scale=_scale(problem),
        mixture_looks=_looks_of_mixtures(problem, corners, weights),
        mixtures=mixtures,
        convex_weights=weights,
        reasons=_reasons(classed),
        seconds=watch.seconds,
    )
    read_as = problem.network.name_of(problem.seen.predicted) if problem.seen.predicted is not None else None
    lacks = missing(verdict, problem.match, read_as, exact=solution.exact, allow_trivial=options.allow_trivial)
    return dataclasses.replace(verdict, found=not lacks, missing=lacks)


@functools.lru_cache(maxsize=8)
def mixture_search(network: Classifier) -> MixtureSearch:
    """The search for the worst mixture of hulls of a network, compiled on first use."""
    return MixtureSearch(network.logits, network.image_shape, network.class_names, reading=network.reading)


def distances(yardstick: Yardstick, problem: Problem, solution: Solution) -> Distance:
    """Between corners, and from them to both images."""
    corners, bounds, target = solution.corners, problem.network.bounds, problem.goal_image
    to_source = _lengths(corners - problem.start)
    return Distance(
        dataset_mean=yardstick.dataset_mean,
        corner_mean=mixing.mean_distance(corners),
        corner_to_source_mean=float(to_source.mean()),
        source_to_target=None if target is None else float(_lengths((problem.start - target)[None])[0]),
        corner_to_target_mean=None if target is None else float(_lengths(corners - target).mean()),
        spread_asked=solution.spread,
        spread_reached=_spread(corners, bounds.range),
    )


_SHARED = [field.name for field in dataclasses.fields(Validity) if field.name != "ssim_reason"]


def corner_records(problem: Problem, solution: Solution) -> tuple[CornerRecord, ...]:
    """One record per corner, judged through the network: its terms, which image it still is, the quantile of its features."""
    corners, ends = solution.corners, {"converged": solution.converged, "failed_at": solution.failed_at}
    records = problem.judge.corners(corners, units=problem.units, **ends)
    null, judged = problem.match.null, validity_of(problem, corners) or (None,) * len(records)
    return tuple(
        dataclasses.replace(
            record,
            feature_quantile=null.quantile(record.feature_distance) if null else None,
            **({name: getattr(found, name) for name in _SHARED} if found else {}),
        )
        for record, found in zip(records, judged, strict=True)
    )


def _worst(
    problem: Problem, corners: np.ndarray, mixtures: Mixtures, weights: np.ndarray, options: JudgeOptions, ledger: Ledger
) -> WorstMixture | None:
    """The worst mixture that a search finds, the lowest of those judged among its starts; None where none was asked for."""
    network, code = problem.network, problem.seen.predicted
    starts = options.starts(isinstance(network.chain, Unreadable))
    if not starts or code is None:
        return None
    return mixture_search(network)(
        corners,
        code,
        known=weights[mixtures.lowest(starts)],
        random_starts=starts,
        batch_size=network.batch_size,
        seed=options.seed,
        ledger=ledger,
    )


def _failure_bound(found: Interpolation | None) -> FailureBound | None:
    if found is None:
        return None
    return clopper_pearson(round((1 - found.accuracy) * found.samples), found.samples, sampling=found.sampling)


def _looks_of_mixtures(problem: Problem, corners: np.ndarray, weights: np.ndarray) -> MixtureLooks | None:
    """Which image the mixtures still are."""
    if problem.goal_image is None:
        return None
    return mixture_validity(
        weights,
        corners,
        problem.start,
        problem.goal_image,
        problem.network.bounds,
        reader=problem.reader.reader,
        target_label=problem.labels[1],
    )


def _reasons(classed: bool) -> dict[str, str]:
    """Field -> why it is None, of a target that is features; nothing of one that is an image."""
    if classed:
        return {}
    return dict.fromkeys(("interpolation", "png", "worst_mixture", "failure_bound"), _NO_CLASS) | {"mixture_looks": _NO_IMAGE}


def _lengths(changes: np.ndarray) -> np.ndarray:
    return np.linalg.norm(changes.reshape(len(changes), -1), axis=1)


def _spread(corners: np.ndarray, pixel_range: float) -> float | None:
    """Between the two corners nearest to each other, as a root mean square and a share of the range."""
    if len(corners) < 2:
        return None
    flat = corners.reshape(len(corners), -1).astype(np.float64) / pixel_range
    return float(min(np.sqrt(np.mean(np.square(flat[i] - flat[:i]), axis=1)).min() for i in range(1, len(flat))))


def _reader_record(yardstick: Yardstick, problem: Problem) -> ReaderRecord:
    """Who says what corners show, or why nobody does."""
    who = yardstick.reader
    return ReaderRecord(who.name if who else None, who.accuracy if who else None, problem.reader.reason)


def _scale(problem: Problem) -> Scale:
    """What features are measured against."""
    match, null = problem.match, problem.match.null
    features = problem.goal.post_activation.numpy().astype(np.float64)
    return Scale(
        match="quantile" if null else "unscaled",
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
