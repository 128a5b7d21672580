"""All that a search and its checks found, as the one record that a run directory holds."""

import functools
import platform
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfcollide import __version__
from tfcollide.library.problem import Picture, Problem
from tfcollide.library.solution import Solution
from tfcollide.library.verdict import Verdict
from tfcollide.models.classifier import Classifier
from tfcollide.records import Certificate, CompositeRecord, EndPoint, FailureBound, Interpolation, PngCheck, Summary

__all__ = ["end_points", "summarize"]


def summarize(
    problem: Problem,
    solution: Solution,
    verdict: Verdict,
    asked: Mapping[str, Any],
    *,
    test_accuracy: float | None = None,
    certificate: Certificate | None = None,
    certificate_reason: str | None = "not asked for",
    composite: CompositeRecord | None = None,
    rows_without_label: Mapping[str, int] | None = None,
) -> Summary:
    """The summary of a run, its `seconds` left empty.

    Args:
        problem: what was asked.
        solution: the corners, and how they were come by.
        verdict: what the checks say.
        asked: "dataset", "parameterization", "solver", "objective", "seed", "allow_trivial".
        test_accuracy: of the network.
        certificate: of the whole hull.
        certificate_reason: why there is none.
        composite: what composites are made of.
        rows_without_label: split of the data set -> how many of its rows were left out.
    """
    network, tap, ends = problem.network, problem.tap, end_points(problem)
    return Summary(
        **asked,
        model=network.name,
        tap=tap.name,
        steps=solution.steps,
        converged=bool(solution.converged.all()),
        stop_loss=tuple(float(value) for value in solution.stop_loss),
        source=ends[0],
        target=ends[1],
        test_accuracy=test_accuracy,
        corners=verdict.corners,
        distance=verdict.distance,
        interpolation=verdict.interpolation or _no_class(verdict),
        png=verdict.png or PngCheck(float("nan"), float("nan"), float("nan"), float("nan")),
        worst_mixture=verdict.worst_mixture,
        failure_bound=verdict.failure_bound or FailureBound(0.95, float("nan")),
        certificate=certificate,
        certificate_reason=None if certificate else certificate_reason,
        exact=solution.exact,
        seconds={},
        versions=_versions(),
        perceptual=verdict.perceptual,
        composite=composite,
        sole_tap=tap.sole,
        found=verdict.found,
        missing=verdict.missing,
        ended=solution.ended,
        probe=solution.probe,
        pixel_range=(network.bounds.lower, network.bounds.upper),
        pixel_range_how=network.pixel_range.how,
        reader=verdict.reader,
        match=problem.match.quantile if problem.match.null else "unscaled",
        scale=verdict.scale,
        mixture_looks=verdict.mixture_looks,
        dataset_rows_without_label=rows_without_label or {},
    )


def end_points(problem: Problem) -> tuple[EndPoint, EndPoint]:
    """The source and the target, and what the network takes them for."""
    target = problem.target
    seen = _end_point(problem.network, target) if isinstance(target, Picture) else EndPoint.of_features()
    return _end_point(problem.network, problem.source), seen


def _end_point(network: Classifier, picture: Picture) -> EndPoint:
    judged = network.judge(picture.image[None])
    predicted = int(judged.predicted[0])
    probability = network.reading.probability(judged.probabilities, predicted)
    return EndPoint(picture.id, picture.label, network.name_of(predicted), float(probability[0]))


def _no_class(verdict: Verdict) -> Interpolation:
    """Mixtures for a target that has no class: features can be compared, and nothing else."""
    nothing = float("nan")
    return Interpolation(
        len(verdict.convex_weights), "uniform", nothing, nothing, nothing, float(verdict.mixtures.distance.max())
    )


@functools.cache
def _versions() -> dict[str, str]:
    return {
        "tfcollide": __version__,
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
