"""Many pairs with one model and one compiled descent; resumable pair by pair."""

import dataclasses
import json
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from absl import logging
from tqdm import tqdm

from tfcollide.data.select import draw_pairs
from tfcollide.errors import RequestError
from tfcollide.recipes.config import CollideConfig, flags_text
from tfcollide.recipes.experiment import Experiment
from tfcollide.recipes.pair import run_pair
from tfcollide.recipes.request import parse_pair
from tfcollide.records import PairResult, SweepSummary, write_json
from tfcollide.report import table
from tfcollide.run_directory import RunDirectory

__all__ = ["run_sweep"]


def run_sweep(
    config: CollideConfig,
    experiment: Experiment,
    pairs: list[tuple[str, str]] | None,
    directory: RunDirectory,
    seconds: Mapping[str, float],
) -> SweepSummary:
    """Runs every pair into a directory of its own, then writes the summary.

    A pair that fails is listed and skipped; one that is there already is kept.

    Args:
        config: what to do, resolved.
        experiment: prepared for `config`.
        pairs: sources and targets, or None to draw `config.num_pairs`.
        directory: where to write.
        seconds: "load" and "train", spent before.
    """
    if pairs is None:
        pairs = draw_pairs(experiment.data, experiment.predicted, config.num_pairs or 1, config.seed)
    folder = directory.open()
    try:
        results = []
        for number, (source, target) in enumerate(tqdm(pairs, desc="pairs", unit=" pairs")):
            single = dataclasses.replace(config, source=source, target=target, pairs=None, num_pairs=None)
            results.append(_run_one(single, experiment, folder / _name(number, source, target)))
        summary = _summarise(config, experiment, results, seconds)
        (folder / "table.md").write_text(table.sweep_table(summary), encoding="utf-8")
        write_json(folder / "summary.json", summary)
        directory.commit()
        return summary
    finally:
        directory.close()


def _run_one(config: CollideConfig, experiment: Experiment, out: Path) -> PairResult:
    """One pair; a request that cannot be carried out becomes a line of the table."""
    if not out.exists():
        try:
            pair = parse_pair(config, experiment.data)
            run_pair(config, experiment, pair, RunDirectory(out, flags_text(config)), {})
        except RequestError as error:
            logging.warning("%s -> %s: %s", config.source, config.target, error)
            return PairResult(config.source, config.target, None, False, str(error))
    found = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    return PairResult(
        source=config.source,
        target=config.target,
        directory=out.name,
        converged=found["converged"],
        error=None,
        classes=(found["source"]["predicted"], found["target"]["predicted"]),
        steps=found["steps"],
        max_active_match=max(corner["active_match"] for corner in found["corners"]),
        corner_mean=found["distance"]["corner_mean"],
        accuracy=found["interpolation"]["accuracy"],
        mean_probability=found["interpolation"]["mean_probability"],
        png_accuracy=found["png"]["accuracy"],
    )


def _summarise(
    config: CollideConfig, experiment: Experiment, results: list[PairResult], seconds: Mapping[str, float]
) -> SweepSummary:
    distances = [result.corner_mean for result in results if result.corner_mean is not None]
    return SweepSummary(
        dataset=config.dataset,
        model=experiment.classifier.name,
        tap=config.tap,
        test_accuracy=experiment.test_accuracy,
        dataset_mean=experiment.dataset_mean,
        converged=all(result.converged for result in results),
        num_pairs=len(results),
        num_converged=sum(result.converged for result in results),
        median_corner_mean=float(np.median(distances)) if distances else None,
        pairs=tuple(results),
        seconds=seconds,
    )


def _name(number: int, source: str, target: str) -> str:
    safe = (re.sub(r"[^A-Za-z0-9]+", "-", Path(text).stem or text)[:40] for text in (source, target))
    return f"pair_{number:04d}_" + "_to_".join(safe)
