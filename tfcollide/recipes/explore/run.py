"""A page for a finished run, beside its other files.

run(ExploreConfig(run="runs/first"))
"""

from collections.abc import Callable

from tfcollide.errors import RequestError
from tfcollide.files.atomic import write_bytes
from tfcollide.files.names import to_bytes
from tfcollide.files.run_directory import absolute, check_writable
from tfcollide.recipes.classifiers.network_request import network_data
from tfcollide.recipes.explore.config import ExploreConfig
from tfcollide.recipes.explore.sweep_pages import read_sweep, sweep_html
from tfcollide.recipes.finished_run import read_run
from tfcollide.runtime.progress import progress, stage
from tfcollide.runtime.quiet import import_tensorflow

__all__ = ["PAGE", "run"]

PAGE = "explore.html"
"""In a run directory."""


def run(config: ExploreConfig, say: Callable[[str], None] = print) -> None:
    """Writes the page of a run, of a sweep that of each pair and one of all pairs; or serves it until interrupted.

    Args:
        config: which run, and how.
        say: is told what was written, a path a call, or where the page is served.

    Raises:
        RequestError: the request cannot be carried out; nothing is written then.
    """
    config.check()
    folder = absolute(config.run or "")
    sweep = read_sweep(folder)
    if sweep and (config.serve or config.animate):
        flag = "--serve" if config.serve else f"--animate={config.animate}"
        mend = f"Say --run={sweep.folders[0]}." if sweep.folders else ""
        raise RequestError(f"{flag} with the sweep {folder}", "the directory of one pair", mend)
    runs = [read_run(path) for path in sweep.folders] if sweep else [read_run(folder)]
    if sweep and not runs:
        raise RequestError(f"--run={folder}, a sweep of which no pair could be run", "one with a pair that was run")
    data = network_data(runs[0].config)
    film = absolute(config.animate) if config.animate else None
    for place in (folder, *([film.parent] if film else [])):
        check_writable("animate" if film and place == film.parent else "run", place)

    with stage("loading TensorFlow"):
        import_tensorflow()  # after all that can be refused without it
        from tfcollide.recipes.classifiers.open import open_classifier
        from tfcollide.recipes.explore.opened import Opening, OpenRun, serve
        from tfcollide.report.explore.page import explore_html

    opening = Opening(open_classifier(runs[0].config, data))
    index = absolute(config.index) if config.index else None
    if config.serve:
        serve(OpenRun(runs[0], opening), config, index, say)
        return
    with progress(runs, desc="pages", unit=" pages", disable=len(runs) < 2) as bar:
        for finished in bar:
            scene = OpenRun(finished, opening).scene(points=config.points, in_page=config.in_page, index=index)
            scene = scene._replace(up=f"../{PAGE}" if sweep else None)
            write_bytes(finished.path / PAGE, to_bytes(explore_html(scene)))
            if not sweep:
                say(str(finished.path / PAGE))
    if sweep:
        write_bytes(folder / PAGE, to_bytes(sweep_html(sweep, PAGE)))
        say(str(folder / PAGE))
    if film:
        write_bytes(film, OpenRun(runs[0], opening).film(film.suffix.lower()[1:], config.seconds))
        say(str(film))
