"""One pair of many: into its own directory, or into a line that says why not."""

import dataclasses
import functools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import logging

from tfcollide.errors import RequestError
from tfcollide.files.run_directory import RunDirectory
from tfcollide.recipes.collide.config import CollideConfig
from tfcollide.recipes.collide.experiment import Experiment, prepare
from tfcollide.recipes.collide.pair import run_pair
from tfcollide.recipes.collide.request import Pair, beside, parse_pair, request_data, with_absolute_files
from tfcollide.records import PairResult, Summary
from tfcollide.settings import flags_text

__all__ = ["directory_name", "failure", "result_of", "run_one", "run_single", "single_pair"]


def run_one(config: CollideConfig, experiment: Experiment, source: str, target: str, out: Path) -> PairResult:
    """Runs a pair, unless its directory is there already.

    Args:
        config: of all pairs.
        experiment: prepared for `config`.
        source: as asked for.
        target: as asked for.
        out: the pair's own directory.

    Returns:
        What it found; a request that cannot be carried out becomes an error in it.
    """
    if not out.exists():
        try:
            single, pair = single_pair(config, experiment, source, target)
            run_pair(single, experiment, pair, RunDirectory(out, flags_text(single)), {})
        except RequestError as error:
            return failure(source, target, error)
    return result_of(source, target, out)


def single_pair(config: CollideConfig, experiment: Experiment, source: str, target: str) -> tuple[CollideConfig, Pair]:
    """A pair of a sweep as a run of its own.

    Raises:
        RequestError: there is no such image.
    """
    single = dataclasses.replace(
        config,
        source=beside(config.pairs, source),
        target=beside(config.pairs, target),
        pairs=None,
        num_pairs=None,
        pairs_together=None,
        runner=None,
        beam_options="",
    )
    pair = parse_pair(single, experiment.data)
    return with_absolute_files(single, pair), pair


def failure(source: str, target: str, error: RequestError) -> PairResult:
    """A pair that cannot be carried out."""
    logging.warning("%s -> %s: %s", source, target, error)
    return PairResult(source, target, None, False, str(error))


def run_single(config: CollideConfig, source: str, target: str, out: Path) -> PairResult:
    """As `run_one`, in a process that prepares what it needs once and keeps it."""
    return run_one(config, _prepared(config), source, target, out)


@functools.lru_cache(maxsize=1)
def _prepared(config: CollideConfig) -> Experiment:
    return prepare(config, request_data(config))


def directory_name(number: int, source: str, target: str) -> str:
    """The name of a pair's directory within the sweep's."""
    safe = (re.sub(r"[^A-Za-z0-9]+", "-", Path(text).stem or text)[:40] for text in (source, target))
    return f"pair_{number:04d}_" + "_to_".join(safe)


def result_of(source: str, target: str, out: Path) -> PairResult:
    """What the finished run of a pair found."""
    found = Summary.read(out)
    result = _result(source, target, out.name, found)
    if not found.absent:
        return result
    unknown: dict[str, Any] = dict.fromkeys(_OF_CORNERS)  # the source stands in, and its numbers say nothing
    return dataclasses.replace(result, **unknown)


_OF_CORNERS = (
    *("max_active_match", "corner_mean", "accuracy", "mean_probability", "png_accuracy", "misread", "worst_margin", "proof"),
    *("proven_margin", "feature_difference", "low_frequency_share", "ms_ssim", "source_share", "target_share"),
    *("feature_quantile", "ssim_source", "ssim_target", "reader"),
)
"""What a pair says of its corners, if they were found."""


def _result(source: str, target: str, directory: str, found: Summary) -> PairResult:
    corners, worst = found.corners, found.worst_mixture
    return PairResult(
        source=source,
        target=target,
        directory=directory,
        converged=found.converged,
        error=None,
        classes=(found.source.predicted, found.target.predicted),
        steps=found.steps,
        max_active_match=_largest([corner.active_match for corner in corners]),
        corner_mean=found.distance.corner_mean,
        accuracy=found.interpolation.accuracy,
        mean_probability=found.interpolation.mean_probability,
        png_accuracy=found.png.accuracy,
        misread=len(found.misread),
        # None where no worst mixture was searched for, minus infinity where its margin is no number.
        worst_margin=None if worst is None else float("-inf") if worst.margin is None else worst.margin,
        found=found.found,
        missing=found.missing,
        trivial=len(found.trivial),
        lost=len(found.lost),
        ended=found.ended,
        source_share=_mean([corner.source_share for corner in corners]),
        target_share=_mean([corner.target_share for corner in corners]),
        feature_quantile=_largest([corner.feature_quantile for corner in corners]),
        null_pairs=found.scale.pairs if found.scale else None,
        ssim_source=_mean([corner.ssim_source for corner in corners]),
        ssim_target=_mean([corner.ssim_target for corner in corners]),
        reader=_most([corner.reader for corner in corners if corner.reader is not None]),
        front=found.front_end.change if found.front_end else None,
        front_end=found.front_end.censored if found.front_end else None,
        low_frequency_share=found.perceptual.low_frequency_share if found.perceptual else None,
        ms_ssim=found.perceptual.ms_ssim if found.perceptual else None,
        **_proven(found),
    )


def _largest(values: Sequence[float | None]) -> float | None:
    """The largest, or None where one is: JSON has no infinity, and a corner that diverged has no finite loss."""
    known = [value for value in values if value is not None]
    return max(known) if len(known) == len(values) else None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None


def _most(classes: Sequence[str]) -> str | None:
    """The class that comes most often, the first of those that come as often; None where there is none."""
    return max(classes, key=classes.count, default=None)


def _proven(found: Summary) -> dict[str, Any]:
    """What a pair's summary says of proofs and exact solvers, as fields of a `PairResult`."""
    certificate, exact = found.certificate, found.exact
    return {
        "proof": certificate.status if certificate else None,
        "proven_margin": certificate.margin if certificate else None,
        "feature_difference": max(exact.feature_residual_float32) if exact and found.converged else None,
        "change": exact.distance if exact else None,
        "duality_gap": exact.duality_gap if exact else None,
    }
