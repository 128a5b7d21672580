"""One source and one target: pose, solve, judge, write."""

import dataclasses
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from tfcollide.data.select import Choice, resolve
from tfcollide.files.atomic import write_json
from tfcollide.files.checkpoint import Ledger
from tfcollide.files.run_directory import RunDirectory
from tfcollide.images import from_uint8, to_uint8
from tfcollide.library.checking import judge_hull
from tfcollide.library.descend import descend, descend_widest
from tfcollide.library.exactly import solve_exactly
from tfcollide.library.fronts import with_fronts
from tfcollide.library.problem import Picture, Problem, pose
from tfcollide.library.solution import Solution
from tfcollide.library.summarize import summarize
from tfcollide.library.surviving import survive
from tfcollide.library.verdict import Verdict
from tfcollide.models.dense_chain import Unreadable
from tfcollide.objectives.units import parse_units
from tfcollide.polytope.exact.halfspaces import active_units
from tfcollide.polytope.proof.edges import prove_edges
from tfcollide.polytope.proof.engine import Splits
from tfcollide.polytope.proof.of_classifier import certify_classifier, readable, walkable
from tfcollide.polytope.proof.reading_network import Network
from tfcollide.recipes.collide.config import CollideConfig
from tfcollide.recipes.collide.experiment import Experiment
from tfcollide.recipes.collide.handing_on import Proven, handed_on
from tfcollide.recipes.collide.keeping import FileKeeper
from tfcollide.recipes.collide.mapping import asked, exact_options, judge_options, match_options
from tfcollide.recipes.collide.request import Pair
from tfcollide.recipes.collide.write_radii import write_radii
from tfcollide.records import Certificate, EdgeRecord, Summary, SurvivalRow
from tfcollide.report import run_files
from tfcollide.report.composite_files import write_composite
from tfcollide.report.drawn import Curves, RunImages
from tfcollide.report.radius_picture import radius_words
from tfcollide.runtime.progress import Stopwatch
from tfcollide.shapes import Bounds

__all__ = ["PairChecks", "judge_pair", "pose_pair", "run_pair", "write_pair"]


class PairChecks(NamedTuple):
    """What the checks of a pair say: in arrays, and as it is written; and how a proof of it went, where that was noted."""

    verdict: Verdict
    summary: Summary
    splits: Splits | None = None


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
    problem = pose_pair(config, experiment, pair)
    with directory.at_work() as folder:
        began, keeper = time.perf_counter(), FileKeeper(folder / ".checkpoint.npz", config.checkpoint_seconds)
        if config.solver == "exact":
            solution = solve_exactly(experiment.affine, problem, exact_options(config))
        elif experiment.search.options.spread is None and experiment.search.hull_terms:
            solution = descend_widest(experiment.search, problem, keeper=keeper)
        else:
            (solution,) = descend(experiment.search, [problem], keeper=keeper)
        seconds = {**seconds, "solve": time.perf_counter() - began}
        return write_pair(config, experiment, problem, solution, directory, seconds)


def pose_pair(config: CollideConfig, experiment: Experiment, pair: Pair) -> Problem:
    """Looks up the images and chooses the units.

    Args:
        config: the settings.
        experiment: prepared for `config`.
        pair: which images, as asked for.

    Raises:
        RequestError: an image or a unit does not fit.
    """
    bounds, active = experiment.classifier.bounds, None
    source, target = (
        _picture(resolve(name, selector, experiment.data, experiment.predicted), bounds)
        for name, selector in zip(("source", "target"), pair, strict=True)
    )
    exact = exact_options(config) if config.solver == "exact" else None
    if exact:
        # The polytope's own equations, so that a unit within rounding of zero is on one side for all.
        active = active_units(experiment.affine, target.image.astype(np.float64).ravel())
    return pose(
        experiment.yardstick,
        source,
        target,
        corners=config.num_corners(),
        pushes_units=experiment.search.objective.pushes_units and (exact is None or exact.pushes_units),
        units=parse_units(config.units) if config.units else None,
        active=active,
        match=match_options(config),
        parameterization=experiment.search.parameterization,
    )


def write_pair(
    config: CollideConfig,
    experiment: Experiment,
    problem: Problem,
    solution: Solution,
    directory: RunDirectory,
    seconds: Mapping[str, float],
) -> Summary:
    """Checks the corners of a problem and writes the run directory.

    Args:
        config: what to do, resolved.
        experiment: prepared for `config`.
        problem: the pair.
        solution: its corners.
        directory: where to write, opened.
        seconds: spent before: "load" and "train", and "solve", or a share of it.
    """
    folder, began = directory.partial, time.perf_counter()
    images = RunImages(problem.start, solution.corners, np.asarray(problem.goal_image), problem.network.bounds)
    ledger = Ledger(folder / ".checks.npz", config.checkpoint_seconds)
    judged = judge_pair(config, experiment, problem, solution, run_files.write_images(folder, images), ledger)
    if problem.seen.predicted is not None:
        hull = Proven(problem.network, solution.corners, problem.seen.predicted, judged.splits)
        judged = judged._replace(summary=handed_on(config, hull, judged.summary, folder, ledger))
    checked = time.perf_counter()
    if problem.looked_up is not None:
        parts = to_uint8(problem.start, problem.network.bounds), solution.corners, solution.controls, problem.network.bounds
        write_composite(folder, problem.looked_up, *parts)
    run_files.write_arrays(folder, images, problem.units, judged.verdict.convex_weights, solution.trace)
    curves = Curves(solution.trace, judged.verdict.mixtures.margin) if config.pictures() else None
    events = solution.trace if config.tensorboard else None
    run_files.write_report(folder, images, judged.summary, events, curves, config.pictures())
    if config.radius:
        tqdm.write(radius_words(write_radii(config, experiment, folder, ledger)), file=sys.stderr)
    seconds = {**seconds, "check": checked - began, "report": time.perf_counter() - checked}
    summary = dataclasses.replace(judged.summary, seconds={**seconds, **judged.summary.seconds, "total": sum(seconds.values())})
    write_json(folder / "summary.json", summary)
    read = problem.network.pixel_range
    if summary.certificate and summary.certificate.parts:
        summary.certificate.parts.write(folder)
    directory.remark(f"pixels {read.bounds}, {read.how}")
    directory.commit()
    return summary


def judge_pair(
    config: CollideConfig,
    experiment: Experiment,
    problem: Problem,
    solution: Solution,
    read_back: np.ndarray,
    ledger: Ledger,
) -> PairChecks:
    """Judges the corners again through the network, as they are and as `read_back` from their files.

    Args:
        config: the settings.
        experiment: prepared for `config`.
        problem: what was asked.
        solution: the corners, and how they were come by.
        read_back: `[N, H, W, C]` float32, the corners from their 8-bit files.
        ledger: keeps what is finished.
    """
    yardstick = experiment.yardstick
    verdict = judge_hull(yardstick, problem, solution, judge_options(config), read_back=read_back, ledger=ledger)
    splits, watch = Splits() if config.proof else None, Stopwatch()
    with watch("proof"):
        certificate = _certificate(config, problem, solution.corners, splits)
    summary = summarize(
        problem,
        solution,
        verdict,
        asked(config),
        test_accuracy=yardstick.test_accuracy,
        rows_without_label=experiment.data.rows_without_label,
        certificate=certificate,
        certificate_reason=_why_uncertified(config, problem),
        composite=experiment.search.parameterization.describe(problem.looked_up, solution.controls),
    )
    edges = _edges(config, problem, solution.corners, ledger)
    survival = _survival(config, experiment, problem, solution.corners, ledger)
    seconds = {**verdict.seconds, **watch.seconds}
    summary = dataclasses.replace(summary, edges=edges, survival=survival, seconds=seconds)
    if config.front:
        summary = with_fronts(summary, problem, experiment.front_search, experiment.hull_front_search, ledger)
    return PairChecks(verdict, summary, splits)


def _picture(choice: Choice, bounds: Bounds) -> Picture:
    return Picture(from_uint8(choice.image, bounds), choice.id, choice.label, choice.asked)


def _certificate(config: CollideConfig, problem: Problem, corners: np.ndarray, splits: Splits | None) -> Certificate | None:
    """A proof over the hull; None where `_why_uncertified` says why."""
    code = problem.seen.predicted
    if _why_uncertified(config, problem) or code is None:
        return None
    found = certify_classifier(
        problem.network,
        corners,
        code,
        max_boxes=config.certify_boxes,
        tightness=config.certify_tightness,
        seed=config.seed,
        splits=splits,
    )
    return None if isinstance(found, Unreadable) else found


def _edges(config: CollideConfig, problem: Problem, corners: np.ndarray, ledger: Ledger) -> tuple[EdgeRecord, ...] | None:
    """All edges, walked, where that is asked for; `prepare` has refused networks that cannot be followed."""
    classifier, code = problem.network, problem.seen.predicted
    network = walkable(classifier) if config.prove_edges else None
    if not isinstance(network, Network) or code is None:
        return None
    return prove_edges(
        network,
        corners,
        code,
        lambda images: classifier.judge(images).logits,
        reading=classifier.reading,
        ledger=ledger,
    )


def _survival(
    config: CollideConfig, experiment: Experiment, problem: Problem, corners: np.ndarray, ledger: Ledger
) -> tuple[SurvivalRow, ...] | None:
    """What is left of the hull after what may happen to images and networks, where that is asked for."""
    if not config.survival:
        return None
    ends = (problem.start, np.asarray(problem.goal_image))
    file = Path(config.check_file) if config.check_file else None
    return survive(problem.network, corners, ends, data=experiment.data, check_file=file, seed=config.seed, ledger=ledger)


def _why_uncertified(config: CollideConfig, problem: Problem) -> str | None:
    """Why nothing is proven of the hull; None where a proof is tried."""
    if not config.certify_boxes:
        return "not asked for"
    network = readable(problem.network)
    return network.reason if isinstance(network, Unreadable) else None
