"""The pairs of a sweep on Apache Beam, for sweeps that one machine would take too long for.

    pairs -> one directory per pair, in a folder that all workers share

The pairs are run as on one machine, so what they write is equal on machines that
are alike. The summary is made afterwards, by whoever started the pipeline.
"""

from pathlib import Path

from tfcollide.recipes.collide.config import CollideConfig
from tfcollide.runtime.beam_pipeline import for_each

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
    from tfcollide.recipes.collide.sweep.one_pair import directory_name

    jobs: list[_Job] = [(number, *pair) for number, pair in enumerate(pairs)]
    outs = [folder / directory_name(*job) for job in jobs]
    for_each(
        jobs,
        _run,
        config,
        folder,
        runner=config.runner or "DirectRunner",
        options=config.beam_options,
        done=lambda: sum(out.exists() for out in outs),
        unit="pairs",
    )


def _run(job: _Job, config: CollideConfig, folder: Path) -> None:
    from tfcollide.recipes.collide.sweep.one_pair import directory_name, run_single

    run_single(config, *job[1:], folder / directory_name(*job))
