"""The pairs of a sweep on Apache Beam, for sweeps that one machine would take too long for.

    pairs -> one directory per pair, in a folder that all workers share

The pairs are run as on one machine, so what they write is equal on machines that
are alike. The summary is made afterwards, by whoever started the pipeline.
"""

from pathlib import Path

from tfcollide.recipes.collide.config import CollideConfig
from tfcollide.recipes.collide.sweep.one_pair import directory_name, run_single
from tfcollide.runtime.beam_pipeline import import_beam, new_pipeline, running

__all__ = ["run_on_beam"]

_Job = tuple[int, str, str]


def run_on_beam(config: CollideConfig, pairs: list[tuple[str, str]], folder: Path) -> None:
    """Runs every pair that has no directory yet.

    Args:
        config: of all pairs; its `runner` and `beam_options` say where.
        pairs: sources and targets.
        folder: the unfinished sweep, which every worker can write.

    Raises:
        RequestError: Beam is missing, or has no such runner.
    """
    beam = import_beam()
    jobs: list[_Job] = [(number, *pair) for number, pair in enumerate(pairs)]
    with running(new_pipeline(config.runner or "DirectRunner", config.beam_options)) as flow:
        flow | "pairs" >> beam.Create(jobs) | "spread" >> beam.Reshuffle() | "collide" >> beam.Map(_run, config, folder)


def _run(job: _Job, config: CollideConfig, folder: Path) -> bool:
    number, source, target = job
    return run_single(config, source, target, folder / directory_name(number, source, target))
