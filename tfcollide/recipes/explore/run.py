"""A page for a finished run, beside its other files.

run(ExploreConfig(run="runs/first"))
"""

from pathlib import Path

from tfcollide.files.atomic import write_bytes
from tfcollide.files.names import to_bytes
from tfcollide.files.run_directory import absolute
from tfcollide.recipes.collide.request import check_classifier
from tfcollide.recipes.explore.config import ExploreConfig
from tfcollide.recipes.explore.sweep import read_sweep, sweep_html
from tfcollide.recipes.finished_run import read_run
from tfcollide.runtime.progress import progress, stage
from tfcollide.runtime.quiet import import_tensorflow

__all__ = ["PAGE", "run"]

PAGE = "explore.html"
"""In a run directory."""


def run(config: ExploreConfig) -> list[Path]:
    """Writes the page of a run; of a sweep that of each pair, and one of all pairs.

    Args:
        config: which run, and how.

    Returns:
        What was written, the page to begin with first.

    Raises:
        RequestError: the request cannot be carried out; nothing is written then.
    """
    config.check()
    folder = absolute(config.run or "")
    sweep = read_sweep(folder)
    runs = [read_run(path) for path in sweep.folders] if sweep else [read_run(folder)]
    data = check_classifier(runs[0].config)

    with stage("loading TensorFlow"):
        import_tensorflow()  # after all that can be refused without it
        from tfcollide.recipes.classifier.open import open_classifier
        from tfcollide.recipes.explore.opened import open_run, scene_of_run
        from tfcollide.report.explore.page import explore_html

    opened = open_classifier(runs[0].config, data)
    index = absolute(config.index) if config.index else None
    written: list[Path] = []
    with progress(runs, desc="pages", unit=" pages", disable=len(runs) < 2) as bar:
        for finished in bar:
            scene = scene_of_run(open_run(finished, opened), points=config.points, in_page=config.in_page, index=index)
            write_bytes(finished.path / PAGE, to_bytes(explore_html(scene)))
            written.append(finished.path / PAGE)
    if sweep:
        write_bytes(folder / PAGE, to_bytes(sweep_html(sweep, PAGE)))
        written.insert(0, folder / PAGE)
    return written
