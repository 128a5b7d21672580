"""One source and one target: from the chosen images to a whole run directory."""

import dataclasses
import functools
import platform
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tfcollide import __version__
from tfcollide.data.select import Choice
from tfcollide.export.vnnlib import write_property
from tfcollide.files.atomic import write_json
from tfcollide.files.checkpoint import Ledger
from tfcollide.files.run_directory import RunDirectory
from tfcollide.models.dense_chain import DenseChain, Unreadable
from tfcollide.polytope.hull import checks
from tfcollide.polytope.hull.worst_mixture import clopper_pearson
from tfcollide.polytope.proof.certificate import certify
from tfcollide.recipes.collide import verdict
from tfcollide.recipes.collide.config import CollideConfig
from tfcollide.recipes.collide.experiment import Experiment
from tfcollide.recipes.collide.fronts import at_most, front_of
from tfcollide.recipes.collide.problem import Problem, pose
from tfcollide.recipes.collide.request import Pair
from tfcollide.recipes.collide.solve import Solution, solve
from tfcollide.recipes.composite.files import write_composite
from tfcollide.records import Certificate, EndPoint, Summary, WorstMixture
from tfcollide.report import run_files
from tfcollide.report.drawn import Curves, RunImages
from tfcollide.report.perceptual import perceptual

__all__ = ["check", "run_pair", "write_pair"]

_DENSE_STARTS, _DEEP_STARTS = 64, 8


def run_pair(
    config: CollideConfig, experiment: Experiment, pair: Pair, directory: RunDirectory, seconds: Mapping[str, float]
) -> Summary:
    """Finds the corners of one pair, checks them and writes the run directory.

    Args:
        config: what to do, resolved.
        experiment: prepared for `config`.
        pair: the source and the target.
        directory: where to write.
        seconds: "load" and "train", spent before.

    Raises:
        RequestError: the images or the units do not fit; nothing is written then.
    """
    problem = pose(config, experiment, pair)
    solver = functools.partial(solve, config, experiment, problem)
    return write_pair(config, experiment, problem, directory, seconds, solver)


def write_pair(
    config: CollideConfig,
    experiment: Experiment,
    problem: Problem,
    directory: RunDirectory,
    seconds: Mapping[str, float],
    solver: Callable[[Path], Solution],
) -> Summary:
    """Solves a problem, checks the corners and writes the run directory.

    Args:
        config: what to do, resolved.
        experiment: prepared for `config`.
        problem: the pair.
        directory: where to write.
        seconds: spent before, "load" and "train", or a share of "solve".
        solver: gives the corners; told where a checkpoint may be kept.
    """
    with directory.at_work() as folder:
        began = time.perf_counter() - seconds.get("solve", 0.0)
        result = solver(folder / ".checkpoint.npz")
        solved = time.perf_counter()
        bounds = experiment.classifier.bounds
        images = RunImages(problem.start, result.corners, problem.goal_image, bounds)
        ledger = Ledger(folder / ".checks.npz", config.checkpoint_seconds)
        summary = check(config, experiment, problem, result, run_files.write_images(folder, images), ledger)
        checked = time.perf_counter()
        if config.vnnlib and isinstance(experiment.chain, DenseChain):  # `prepare` has refused the others
            (folder / "verify").mkdir(exist_ok=True)
            write_property(
                folder / "verify", experiment.chain, result.corners, problem.seen.predicted, experiment.classifier.reading
            )
        if problem.seed is not None:
            write_composite(folder, problem.seed, problem.source.image, result.corners, result.controls, bounds)
        run_files.write_arrays(folder, images, problem.units, problem.weights, result.trace)
        curves = _curves(experiment, problem, result, ledger) if config.pictures() else None
        events = result.trace if config.tensorboard else None
        run_files.write_report(folder, images, summary, events, curves, config.pictures())
        seconds = {**seconds, "solve": solved - began, "check": checked - solved, "report": time.perf_counter() - checked}
        summary = dataclasses.replace(summary, seconds=seconds | {"total": sum(seconds.values())})
        write_json(folder / "summary.json", summary)
        read = experiment.classifier.pixel_range
        directory.remark(f"pixels {read.bounds}, {read.how}")
        directory.commit()
        return summary


def check(
    config: CollideConfig,
    experiment: Experiment,
    problem: Problem,
    result: Solution,
    read_back: np.ndarray,
    ledger: Ledger,
) -> Summary:
    """Judges the corners again through the model, as they are and as `read_back` from their files.

    Args:
        config: the settings.
        experiment: prepared for `config`.
        problem: what was asked.
        result: the corners, and how they were come by.
        read_back: `[N, H, W, C]` float32, the corners from their 8-bit files.
        ledger: keeps what is finished.

    Returns:
        The summary, its `seconds` left empty.
    """
    classifier, tap, corners = experiment.classifier, experiment.tap, result.corners
    ends = {"converged": result.converged, "failed_at": result.failed_at}
    judged = checks.judge_mixtures(classifier, tap, corners, problem.weights, problem.seen, ledger=ledger)
    mixtures = judged.record(config.sampling)
    records = checks.judge_corners(classifier, tap, corners, problem.goal, problem.seen, units=problem.units, **ends)
    summary = Summary(
        dataset=config.dataset_name(),
        model=classifier.name,
        tap=experiment.tap.name,
        parameterization=config.parameterization,
        solver=config.solver,
        objective=config.objective,
        seed=config.seed,
        steps=result.steps,
        converged=bool(result.converged.all()),
        stop_loss=tuple(float(value) for value in result.stop_loss),
        source=_end_point(experiment, problem.source, problem.start),
        target=_end_point(experiment, problem.target, problem.goal_image),
        test_accuracy=experiment.test_accuracy,
        corners=verdict.with_validity(experiment, problem, corners, records),
        distance=verdict.distances(experiment, problem, result),
        interpolation=mixtures,
        png=checks.check_png(classifier, tap, read_back, problem.goal, problem.weights, problem.seen, ledger),
        worst_mixture=_worst_mixture(config, experiment, problem, corners, judged, ledger),
        failure_bound=clopper_pearson(
            round((1 - mixtures.accuracy) * mixtures.samples), mixtures.samples, sampling=mixtures.sampling
        ),
        certificate=_certificate(config, experiment, problem, corners),
        certificate_reason=_why_uncertified(config, experiment),
        exact=result.exact,
        seconds={},
        versions=_versions(),
        perceptual=perceptual(corners, classifier.bounds),
        composite=experiment.parameterization.describe(problem.seed, result.controls),
        sole_tap=tap.sole,
        ended=result.ended,
        probe=result.probe,
        pixel_range=(classifier.bounds.lower, classifier.bounds.upper),
        pixel_range_how=classifier.pixel_range.how,
        reader=verdict.reader_record(experiment, problem.reader),
        match=problem.match.quantile if problem.match.null else "unscaled",
        scale=verdict.scale(problem.match, problem),
        mixture_looks=verdict.looks_of_mixtures(experiment, problem, corners),
        allow_trivial=config.allow_trivial,
        dataset_rows_without_label=experiment.data.rows_without_label,
    )
    lacks = verdict.missing(summary, problem.match, judged)
    return _with_fronts(config, experiment, problem, dataclasses.replace(summary, found=not lacks, missing=lacks), ledger)


def _curves(experiment: Experiment, problem: Problem, result: Solution, ledger: Ledger) -> Curves:
    """What the further figures show; the mixtures' margins are in the ledger since `check`."""
    classifier, tap = experiment.classifier, experiment.tap
    judged = checks.judge_mixtures(classifier, tap, result.corners, problem.weights, problem.seen, ledger=ledger)
    return Curves(result.trace, judged.margin)


def _with_fronts(config: CollideConfig, experiment: Experiment, problem: Problem, summary: Summary, ledger: Ledger) -> Summary:
    """The summary with the fronts of one corner and of the hull, where they are asked for."""
    if not config.front:
        return summary
    one = front_of(experiment, problem, experiment.front_search, ledger, name="front of one corner")
    search, name = experiment.hull_front_search, f"front of {len(summary.corners)} corners"
    hull_front = front_of(experiment, problem, search, ledger, name=name) if search else None
    if summary.found:  # then the run itself has matches, and the fronts are no longer than the smallest change of these
        shares = [float(corner.source_share or 0.0) for corner in summary.corners]
        nearest = summary.corners[int(np.argmin(shares))]
        one = at_most(one, [nearest], min(shares), nearest.feature_quantile)
        quantiles = [corner.feature_quantile for corner in summary.corners if corner.feature_quantile is not None]
        mean = float(np.mean(shares))
        hull_front = at_most(hull_front, summary.corners, mean, max(quantiles, default=None)) if hull_front else None
    return dataclasses.replace(summary, front=one.points, front_end=one.end, hull_front=hull_front)


def _worst_mixture(
    config: CollideConfig,
    experiment: Experiment,
    problem: Problem,
    corners: np.ndarray,
    judged: checks.Mixtures,
    ledger: Ledger,
) -> WorstMixture | None:
    """The worst mixture that a search finds, the lowest of those judged among its starts; None where none was asked for."""
    starts = config.worst_starts
    if starts is None:
        starts = _DEEP_STARTS if experiment.is_deep else _DENSE_STARTS
    if not starts:
        return None
    return experiment.worst_mixture(
        corners,
        problem.seen.predicted,
        known=problem.weights[judged.lowest(starts)],
        random_starts=starts,
        batch_size=experiment.classifier.batch_size,
        seed=config.seed,
        ledger=ledger,
    )


def _certificate(config: CollideConfig, experiment: Experiment, problem: Problem, corners: np.ndarray) -> Certificate | None:
    """A proof over the hull; None where `_why_uncertified` says why."""
    if _why_uncertified(config, experiment) or not isinstance(experiment.chain, DenseChain):
        return None
    return certify(
        experiment.chain,
        corners,
        problem.seen.predicted,
        lambda images: experiment.classifier.judge(images).logits,
        reading=experiment.classifier.reading,
        max_boxes=config.certify_boxes,
        seed=config.seed,
    )


def _why_uncertified(config: CollideConfig, experiment: Experiment) -> str | None:
    """Why nothing is proven of the hull; None where a proof is tried."""
    if not config.certify_boxes:
        return "not asked for"
    return experiment.chain.reason if isinstance(experiment.chain, Unreadable) else None


def _end_point(experiment: Experiment, choice: Choice, image: np.ndarray) -> EndPoint:
    classifier = experiment.classifier
    judged = classifier.judge(image[None])
    predicted = int(judged.predicted[0])
    probability = classifier.reading.probability(judged.probabilities, predicted)
    return EndPoint(choice.id, choice.label, classifier.name_of(predicted), float(probability[0]))


@functools.cache
def _versions() -> dict[str, str]:
    return {
        "tfcollide": __version__,
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
