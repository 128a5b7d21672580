"""Run directories from results."""

import dataclasses
import time
from collections.abc import Mapping
from pathlib import Path

from tfcollide.files.atomic import check_new, new_folder, write_json
from tfcollide.library.checking import judge_hull
from tfcollide.library.options import JudgeOptions
from tfcollide.library.problem import Problem
from tfcollide.library.solution import Solution
from tfcollide.library.summarize import summarize
from tfcollide.library.verdict import Verdict
from tfcollide.library.yardstick import Yardstick
from tfcollide.records import Certificate, Summary
from tfcollide.report import run_files
from tfcollide.report.drawn import RunImages

__all__ = ["save_run"]


def save_run(
    folder: Path,
    problem: Problem,
    solution: Solution,
    yardstick: Yardstick,
    verdict: Verdict | None,
    certificate: Certificate | None,
    asked: Mapping[str, object],
) -> None:
    """Writes `corners.npz`, `summary.json`, `trace.csv`, `images/`, and `table.md` and `figure.png` of a target with a class.

    Args:
        folder: must not exist; it appears whole or not at all.
        problem: as it was posed.
        solution: as the solver left it.
        yardstick: what a data set tells.
        verdict: of the hull; None: it is judged here.
        certificate: of its proof, if that was tried.
        asked: what the summary repeats of the request.

    Raises:
        RequestError: the folder exists.
    """
    folder = folder.absolute()
    check_new(folder)
    began = time.perf_counter()
    verdict = verdict or judge_hull(yardstick, problem, solution, JudgeOptions())
    said = {"dataset": yardstick.data.name if yardstick.data else "none", "allow_trivial": False, **asked}
    summary = summarize(problem, solution, verdict, said, test_accuracy=yardstick.test_accuracy, certificate=certificate)
    summary = dataclasses.replace(summary, seconds={"check": time.perf_counter() - began})
    with new_folder(folder) as inside:
        _write(inside, problem, solution, verdict, summary)
        if certificate is not None and certificate.parts:
            certificate.parts.write(inside)


def _write(folder: Path, problem: Problem, solution: Solution, verdict: Verdict, summary: Summary) -> None:
    target = problem.start if problem.goal_image is None else problem.goal_image
    images = RunImages(problem.start, solution.corners, target, problem.network.bounds)
    run_files.write_images(folder, images)
    if problem.goal_image is None:
        (folder / "images" / "target.png").unlink()
    else:
        run_files.write_report(folder, images, summary, None)
    run_files.write_arrays(folder, images, problem.units, verdict.convex_weights, solution.trace)
    write_json(folder / "summary.json", summary)
