"""Run directories from results, and results from run directories."""

import dataclasses
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

from tfcollide.errors import RequestError
from tfcollide.files.atomic import write_json
from tfcollide.files.scratch import scratch_folder
from tfcollide.library.calling import called
from tfcollide.library.found import Found
from tfcollide.library.options import JudgeOptions
from tfcollide.library.summarize import summarize
from tfcollide.library.verdict import Verdict, judge_hull
from tfcollide.records import Summary
from tfcollide.report import run_files
from tfcollide.shapes import Bounds

__all__ = ["load_run", "save_run"]

_Read = TypeVar("_Read")


def load_run(folder: str | Path) -> Found:
    """A run directory read back, of `collide` or of `Found.save`; no network is loaded.

    Args:
        folder: of one pair.

    Returns:
        A `Found`, with everything that `summary.json` says in `summary`. `judge(network, found)` judges it again.

    Raises:
        RequestError: it is no run directory, is not whole, or is that of a sweep.

    Examples:
        >>> tc.load_run(run).corners.shape
        (2, 4, 4, 1)
    """
    with called():
        path = Path(folder)
        summary = Summary.read(path)
        arrays = _read(path, lambda: dict(np.load(path / "corners.npz")))
        lower, upper = summary.pixel_range or (0.0, 255.0)
        units = np.asarray(arrays["units"]).reshape(len(arrays["corners"]), -1)
        return Found(
            corners=arrays["corners"],
            records=summary.corners,
            source=arrays["source"],
            target=arrays.get("target") if summary.target.predicted else None,
            units=tuple(tuple(int(unit) for unit in group if unit >= 0) for group in units),
            ends=(summary.source, summary.target),
            network=summary.model,
            tap=summary.tap,
            bounds=Bounds(lower, upper),
            steps=summary.steps,
            ended=summary.ended,
            exact=summary.exact,
            summary=summary,
        )


def save_run(found: Found, folder: Path, verdict: Verdict | None) -> Path:
    """Writes `corners.npz`, `summary.json`, `trace.csv`, `images/`, and `table.md` and `figure.png` where there is a class.

    Args:
        found: with its problem and solution.
        folder: must not exist.
        verdict: of the hull; None: it is judged here.

    Raises:
        RequestError: the folder exists, or the result has been read from one.
    """
    with called():
        if folder.exists():
            raise RequestError(f"--folder={folder}, which exists", "a new directory", "Choose another.")
        problem, solution, yardstick = found.problem, found.solution, found.yardstick
        if problem is None or solution is None or yardstick is None:
            raise RequestError("a result that was read from a run directory", "one of a search", "Copy the directory.")
        began = time.perf_counter()
        verdict = verdict or judge_hull(yardstick, problem, solution, JudgeOptions())
        asked = {"dataset": yardstick.data.name if yardstick.data else "none", "allow_trivial": False, **found.asked}
        summary = summarize(problem, solution, verdict, asked, test_accuracy=yardstick.test_accuracy)
        summary = dataclasses.replace(summary, seconds={"check": time.perf_counter() - began})
        folder.absolute().parent.mkdir(parents=True, exist_ok=True)
        with scratch_folder(folder.absolute().parent) as scratch:
            inside = scratch / folder.name
            inside.mkdir()
            target = problem.start if problem.goal_image is None else problem.goal_image
            images = run_files.RunImages(problem.start, solution.corners, target, problem.network.bounds)
            run_files.write_images(inside, images)
            if problem.goal_image is None:
                (inside / "images" / "target.png").unlink()
            else:
                run_files.write_report(inside, images, summary, None)
            run_files.write_arrays(inside, images, problem.units, verdict.weights, solution.trace)
            write_json(inside / "summary.json", summary)
            inside.rename(folder.absolute())
        return folder


def _read(path: Path, work: Callable[[], _Read]) -> _Read:
    try:
        return work()
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise RequestError(f"--folder={path}, which cannot be read ({error})", "a whole run directory") from error
