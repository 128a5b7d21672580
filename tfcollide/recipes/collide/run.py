"""Corners of one polytope, or of the polytopes of many pairs: the main job.

run(CollideConfig(dataset="mnist", source="3", target="7"), Path("runs/3-7"))
"""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from tfcollide.data.select import parse_selector
from tfcollide.files.run_directory import RunDirectory
from tfcollide.recipes.collide.config import CollideConfig
from tfcollide.recipes.collide.request import parse_pair, read_pairs, request_data, with_absolute_files
from tfcollide.records import Summary, SweepSummary
from tfcollide.runtime.progress import stage
from tfcollide.runtime.quiet import import_tensorflow
from tfcollide.settings import flags_text

if TYPE_CHECKING:
    from tfcollide.recipes.collide.layer_space import LayerReport

__all__ = ["run"]


def run(config: CollideConfig, out: Path, *, overwrite: bool = False) -> "Summary | SweepSummary | LayerReport":
    """Finds corners, checks them and writes the run directory `out`.

    Args:
        config: what to do; with `pairs` or `num_pairs` it is a sweep.
        out: the run directory; `out` with ".partial" is used on the way, and found
            again when an interrupted run is repeated.
        overwrite: whether a run that is there may be replaced.

    Returns:
        The content of `summary.json`, or with `space="layer"` of `polytope.json`.

    Raises:
        RequestError: the request cannot be carried out; nothing is written then.
    """
    began = time.perf_counter()
    config = config.resolved()
    RunDirectory(out.absolute(), flags_text(config), overwrite=overwrite).check_place()
    data = request_data(config)
    asked = read_pairs(Path(config.pairs), data) if config.pairs else None
    sweep = config.is_sweep()
    if config.source == "every" and asked is None and config.num_pairs is None:
        parse_selector("target", config.target, data)
    pair = None if sweep else parse_pair(config, data)
    config = with_absolute_files(config, pair) if pair else config
    directory = RunDirectory(out.absolute(), flags_text(config), overwrite=overwrite)
    directory.check()

    # From here on TensorFlow is needed: it waits for everything that can be refused without it.
    with stage("loading TensorFlow"):
        import_tensorflow()
        from tfcollide.recipes.collide.experiment import prepare
        from tfcollide.recipes.collide.layer_space import run_layer
        from tfcollide.recipes.collide.pair import run_pair
        from tfcollide.recipes.collide.sweep.run import run_sweep
        from tfcollide.runtime.devices import on_devices

    with on_devices(config.devices()) as strategy:
        with stage(f"loading {config.model}"):
            experiment = prepare(config, data, strategy)
        spent = time.perf_counter() - began
        seconds = {"load": spent - experiment.seconds_training, "train": experiment.seconds_training}
        if pair is not None and config.space == "layer":
            return run_layer(config, experiment, pair, directory)
        if pair is None:
            return run_sweep(config, experiment, asked, directory, seconds)
        return run_pair(config, experiment, pair, directory, seconds)
