"""One source and one target: from the chosen images to a whole run directory."""

import dataclasses
import functools
import platform
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from tfcollide import __version__
from tfcollide.data.select import Choice, resolve
from tfcollide.images import from_uint8
from tfcollide.objectives.terms import Goal, make_goal
from tfcollide.objectives.units import Groups, choose_units, parse_units
from tfcollide.optimize import DescentResult, DescentState, minimize, pack_state
from tfcollide.polytope import checks, hull
from tfcollide.recipes.config import CollideConfig
from tfcollide.recipes.experiment import Experiment
from tfcollide.recipes.request import Pair
from tfcollide.records import Distance, EndPoint, Summary, Trace, write_json, write_npz
from tfcollide.report import run_files
from tfcollide.run_directory import RunDirectory

__all__ = ["Problem", "check", "pose", "run_pair", "solve"]


@dataclasses.dataclass(frozen=True)
class Problem:
    """A source, a target, and what each corner is to do.

    Attributes:
        source: as chosen.
        target: as chosen.
        start: `[H, W, C]`, the source in the model's bounds.
        goal_image: `[H, W, C]`, the target in the model's bounds.
        seen: the target through the model.
        units: N groups of pushed units.
        goal: the same as tensors.
        weights: `[S, N]` convex weights of the mixtures to check.
    """

    source: Choice
    target: Choice
    start: np.ndarray
    goal_image: np.ndarray
    seen: checks.Target
    units: Groups
    goal: Goal
    weights: np.ndarray


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
    folder = directory.open()
    try:
        began = time.perf_counter()
        result = solve(config, experiment, problem, folder / ".checkpoint.npz")
        solved = time.perf_counter()
        bounds = experiment.classifier.bounds
        images = run_files.RunImages(problem.start, result.controls, problem.goal_image, bounds)
        summary = check(config, experiment, problem, result, run_files.write_images(folder, images))
        checked = time.perf_counter()
        run_files.write_arrays(folder, images, problem.units, problem.weights, result.trace)
        run_files.write_report(folder, images, summary, result.trace if config.tensorboard else None)
        seconds = {**seconds, "solve": solved - began, "check": checked - solved, "report": time.perf_counter() - checked}
        summary = dataclasses.replace(summary, seconds=seconds | {"total": sum(seconds.values())})
        write_json(folder / "summary.json", summary)
        directory.commit()
        return summary
    finally:
        directory.close()


def pose(config: CollideConfig, experiment: Experiment, pair: Pair) -> Problem:
    """Looks up the images and chooses the units.

    Raises:
        RequestError: an image or a unit does not fit.
    """
    classifier = experiment.classifier
    source = resolve("source", pair.source, experiment.data, experiment.predicted)
    target = resolve("target", pair.target, experiment.data, experiment.predicted)
    goal_image = from_uint8(target.image, classifier.bounds)
    seen = checks.target_of(classifier, experiment.tap, goal_image)
    corners = config.num_corners()
    units: Groups = ((),) * corners
    if experiment.objective.pushes_units:
        units = choose_units(seen.pre_activation >= 0, corners, parse_units(config.units) if config.units else None)
    return Problem(
        source=source,
        target=target,
        start=from_uint8(source.image, classifier.bounds),
        goal_image=goal_image,
        seen=seen,
        units=units,
        goal=make_goal(seen.pre_activation, units),
        weights=hull.convex_weights(config.interpolations, corners, sampling=config.sampling, seed=config.seed),
    )


def solve(config: CollideConfig, experiment: Experiment, problem: Problem, checkpoint: Path) -> DescentResult:
    """Descends from the source, or from the checkpoint if there is one."""
    corners = len(problem.units)
    start = experiment.parameterization.init(problem.start, corners, noise=config.start_noise, seed=config.seed)
    with tqdm(total=config.max_steps, desc="descent", unit=" steps", leave=False) as bar:
        return minimize(
            experiment.descent,
            start,
            problem.goal,
            max_steps=config.max_steps,
            stop_loss=config.stop_loss,
            stop_fraction=config.stop_fraction,
            resume=_read_checkpoint(checkpoint),
            on_chunk=_reporter(bar, experiment.objective.progress_term, checkpoint, config.checkpoint_seconds),
        )


def check(
    config: CollideConfig, experiment: Experiment, problem: Problem, result: DescentResult, read_back: np.ndarray
) -> Summary:
    """Judges the corners again through the model, as they are and as `read_back` from their files."""
    classifier, tap, corners = experiment.classifier, experiment.tap, result.controls
    ends = {"converged": result.converged, "failed_at": result.failed_at}
    to_source = np.linalg.norm((corners - problem.start).reshape(len(corners), -1), axis=1)
    return Summary(
        dataset=config.dataset,
        model=classifier.name,
        tap=config.tap,
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
        corners=checks.judge_corners(classifier, tap, corners, problem.goal, problem.seen, units=problem.units, **ends),
        distance=Distance(experiment.dataset_mean, hull.mean_distance(corners), float(to_source.mean())),
        interpolation=checks.check_mixtures(classifier, tap, corners, problem.weights, problem.seen, sampling=config.sampling),
        png=checks.check_png(classifier, tap, read_back, problem.goal, problem.weights, problem.seen),
        seconds={},
        versions=_versions(),
    )


def _end_point(experiment: Experiment, choice: Choice, image: np.ndarray) -> EndPoint:
    judged = experiment.classifier.judge(image[None])
    predicted = int(judged.predicted[0])
    name = experiment.classifier.class_names[predicted]
    return EndPoint(choice.id, choice.label, name, float(judged.probabilities[0, predicted]))


def _reporter(bar: tqdm, term: str, checkpoint: Path, every: float) -> Callable[[DescentState, Trace], None]:
    """Moves the bar between chunks, and keeps a checkpoint every so many seconds."""
    saved_at = time.monotonic()

    def report(state: DescentState, trace: Trace) -> None:
        nonlocal saved_at
        bar.set_postfix({f"largest {term}": f"{trace.terms[term][-1].max():.3g}"}, refresh=False)
        bar.update(int(state.step) - bar.n)
        if time.monotonic() - saved_at >= every:
            write_npz(checkpoint, pack_state(state, trace))
            saved_at = time.monotonic()

    return report


def _read_checkpoint(path: Path) -> dict[str, np.ndarray] | None:
    """The last checkpoint, or None where there is none that can be read."""
    try:
        with np.load(path) as arrays:
            return dict(arrays)
    except (OSError, ValueError, zipfile.BadZipFile):
        return None


@functools.cache
def _versions() -> dict[str, str]:
    return {
        "tfcollide": __version__,
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
