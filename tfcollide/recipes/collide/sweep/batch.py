"""Several pairs of a sweep, descended as one batch; each into its own directory, or into a line that says why not.

Which pairs are descended as one batch depends on their places in the sweep alone, so that a
sweep that was interrupted ends in the same bytes as one left in peace.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tfcollide.errors import RequestError
from tfcollide.files.run_directory import RunDirectory
from tfcollide.library.descend import descend
from tfcollide.library.problem import Problem
from tfcollide.recipes.collide.config import CollideConfig
from tfcollide.recipes.collide.experiment import Experiment
from tfcollide.recipes.collide.keeping import FileKeeper
from tfcollide.recipes.collide.pair import pose_pair, write_pair
from tfcollide.recipes.collide.sweep.one_pair import directory_name, failure, result_of, single_pair
from tfcollide.records import PairResult
from tfcollide.settings import flags_text

__all__ = ["Job", "run_batch"]


class Job(NamedTuple):
    """A pair of a sweep: its place, and source and target as asked for."""

    number: int
    source: str
    target: str


class _Posed(NamedTuple):
    job: Job
    config: CollideConfig
    problem: Problem
    out: Path


def run_batch(config: CollideConfig, experiment: Experiment, jobs: Sequence[Job], folder: Path) -> list[PairResult]:
    """Runs pairs, but for those whose directories are there already.

    Args:
        config: of all pairs.
        experiment: prepared for `config`.
        jobs: the pairs of one batch.
        folder: the unfinished sweep.

    Returns:
        What each found; a request that cannot be carried out becomes an error in it.
    """
    outs = {job: folder / directory_name(*job) for job in jobs}
    failures: dict[Job, PairResult] = {}
    if not all(out.exists() for out in outs.values()):
        posed = []
        for job, out in outs.items():
            try:
                single, pair = single_pair(config, experiment, job.source, job.target)
                posed.append(_Posed(job, single, pose_pair(single, experiment, pair), out))
            except RequestError as error:
                failures[job] = failure(job.source, job.target, error)
        failures |= _run(config, experiment, posed, folder)
    return [result_of(job.source, job.target, out) if out.exists() else failures[job] for job, out in outs.items()]


def _run(config: CollideConfig, experiment: Experiment, posed: list[_Posed], folder: Path) -> dict[Job, PairResult]:
    """Descends all, since those that are whole were part of the batch, and writes the others. Returns failures."""
    if all(one.out.exists() for one in posed):
        return {}
    checkpoint, began = folder / _checkpoint_name([one.job.number for one in posed]), time.perf_counter()
    keeper = FileKeeper(checkpoint, config.checkpoint_seconds)
    solutions = descend(experiment.search, [one.problem for one in posed], keeper=keeper)
    share = {"solve": (time.perf_counter() - began) / len(posed)}
    failures = {}
    for one, solution in zip(posed, solutions, strict=True):
        if one.out.exists():
            continue
        directory = RunDirectory(one.out, flags_text(one.config))
        try:
            with directory.at_work():
                write_pair(one.config, experiment, one.problem, solution, directory, share)
        except RequestError as error:
            failures[one.job] = failure(one.job.source, one.job.target, error)
    checkpoint.unlink(missing_ok=True)
    return failures


def _checkpoint_name(numbers: list[int]) -> str:
    """Of the first pair, and one bit for each pair from there on: another batch has another checkpoint."""
    return f".pairs_{numbers[0]:04d}_{sum(1 << (number - numbers[0]) for number in numbers):x}.npz"
