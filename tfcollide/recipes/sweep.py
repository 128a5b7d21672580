"""Many pairs with one model and one compiled descent; resumable pair by pair."""

import collections
import math
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from tfcollide.data.select import draw_pairs, every_class, parse_selector, resolve
from tfcollide.file_names import to_bytes
from tfcollide.images import from_uint8
from tfcollide.progress import progress
from tfcollide.recipes.beam_sweep import run_on_beam
from tfcollide.recipes.config import CollideConfig
from tfcollide.recipes.experiment import Experiment
from tfcollide.recipes.one_pair import directory_name, run_one, summary_of
from tfcollide.recipes.together import Job, run_together
from tfcollide.records import PairResult, SweepSummary, write_bytes, write_json
from tfcollide.report import figure, sweep_table
from tfcollide.run_directory import RunDirectory

__all__ = ["run_sweep"]

_DRAWN = 12


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
        pairs: sources and targets; None to draw `config.num_pairs`, or one source a class.
        directory: where to write.
        seconds: "load" and "train", spent before.
    """
    if pairs is None and config.num_pairs is None:
        pairs = _from_every_class(config, experiment)
    if pairs is None:
        pairs = draw_pairs(experiment.data, experiment.predicted, config.num_pairs or 1, config.seed)
    folder = directory.open()
    try:
        if config.runner is not None:
            run_on_beam(config, pairs, folder)  # what it leaves undone is tried again here, and listed
        results = _run_all(config, experiment, [Job(number, *pair) for number, pair in enumerate(pairs)], folder)
        summary = _summarise(config, experiment, results, _seconds(folder, results, seconds))
        _draw(folder, summary)
        write_bytes(folder / "table.md", to_bytes(sweep_table.sweep_table(summary)))
        write_json(folder / "summary.json", summary)
        directory.commit()
        return summary
    finally:
        directory.close()


def _from_every_class(config: CollideConfig, experiment: Experiment) -> list[tuple[str, str]]:
    """An image of each class, save the one that the network takes the target for, to the target."""
    classifier, data, predicted = experiment.classifier, experiment.data, experiment.predicted
    target = resolve("target", parse_selector("target", config.target, data), data, predicted)
    seen = classifier.judge(from_uint8(target.image[None], classifier.bounds)).predicted
    taken = int(classifier.reading.one_class(seen)[0]) if experiment.labelled else None
    return [(image, config.target) for image in every_class(data, predicted, but=taken)]


def _run_all(config: CollideConfig, experiment: Experiment, jobs: list[Job], folder: Path) -> list[PairResult]:
    results: list[PairResult] = []
    at_once = experiment.pairs_at_once
    with progress(total=len(jobs), desc="pairs", unit=" pairs") as bar:
        for batch in (jobs[start : start + at_once] for start in range(0, len(jobs), at_once)):
            if at_once > 1:
                results += run_together(config, experiment, batch, folder)
            else:
                results += [run_one(config, experiment, *job[1:], folder / directory_name(*job)) for job in batch]
            bar.update(len(batch))
    return results


def _summarise(
    config: CollideConfig, experiment: Experiment, results: list[PairResult], seconds: Mapping[str, float]
) -> SweepSummary:
    distances = [result.corner_mean for result in results if result.corner_mean is not None]
    mean = experiment.dataset_mean
    return SweepSummary(
        dataset=config.dataset_name(),
        model=experiment.classifier.name,
        tap=experiment.tap.name,
        test_accuracy=experiment.test_accuracy,
        dataset_mean=mean,
        converged=all(result.converged for result in results),
        num_pairs=len(results),
        num_converged=sum(result.converged for result in results),
        num_colliding=sum(result.collides for result in results),
        median_corner_mean=float(np.median(distances)) if distances else None,
        corner_mean_shares=tuple(np.quantile(distances, [0, 0.5, 1]) / mean) if distances and mean else None,
        pairs=tuple(results),
        seconds=seconds,
        sole_tap=experiment.tap.sole,
        num_found=sum(result.found for result in results),
        num_trivial=sum(result.trivial > 0 for result in results),
        num_lost=sum(result.lost > 0 and not result.trivial for result in results),
        fronts=_fronts(results) if config.front else None,
        num_censored=sum(result.front is None for result in results) if config.front else None,
        reasons=_counted(
            reason for result in results for reason in result.missing or ["could not be run"] * bool(result.error)
        ),
        ended=_counted(result.ended for result in results if result.ended),
    )


def _fronts(results: list[PairResult]) -> tuple[float | None, float | None, float | None]:
    """The smallest, median and largest front; pairs without one are larger than any."""
    values = sorted(math.inf if result.front is None else result.front for result in results) or [math.inf]
    middle = (values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2
    least, median, most = (value if math.isfinite(value) else None for value in (values[0], middle, values[-1]))
    return least, median, most


def _counted(words: Iterable[str]) -> dict[str, int]:
    return dict(collections.Counter(words).most_common())


def _seconds(folder: Path, results: list[PairResult], shared: Mapping[str, float]) -> dict[str, float]:
    """What was spent once and what all pairs took together, those of earlier tries included."""
    done = [summary_of(folder / pair.directory)["seconds"] for pair in results if pair.directory]
    spent = {**shared, **{name: sum(pair[name] for pair in done) for name in ("solve", "check", "report")}}
    return spent | {"total": sum(spent.values())}


def _draw(folder: Path, summary: SweepSummary) -> None:
    """One row a pair; or one row in all, where each pair has a single corner."""
    done = [pair for pair in summary.pairs if pair.directory][:_DRAWN]
    rows = [_panels(folder / str(pair.directory), pair) for pair in done]
    if not rows:
        return
    target = rows[0][-1]
    same = all(np.array_equal(row[-1].pixels, target.pixels) for row in rows)
    if same and all(len(row) == 3 for row in rows):
        corners = [row[1]._replace(title=f'looks like "{row[0].title}"') for row in rows]
        rows = [[*corners, target._replace(title="target")]]
        foot = f"{summary.model} at {summary.tap}: all of these are the target to the network"
    else:
        foot = f"{summary.model} at {summary.tap}: {summary.num_converged} of {summary.num_pairs} pairs converged"
    figure.draw(folder / "figure.png", rows, foot)


def _panels(folder: Path, pair: PairResult) -> list[figure.Panel]:
    """The images of a pair, from its own files."""
    found = summary_of(folder)
    ends = {}
    for name in ("source", "target"):
        caption = f'"{found[name]["predicted"]}"  {_or_nan(found[name]["probability"]):.3f}'
        title = found[name]["label"] or found[name]["id"]
        ends[name] = figure.Panel(title, _pixels(folder, name), caption, name)
    corners = [
        figure.Panel(
            f"corner {n}",
            _pixels(folder, f"corner_{n}"),
            figure.corner_caption(corner["predicted"], _or_nan(corner["probability"]), found["target"]["predicted"]),
            "corner" if corner["converged"] else "failed",
        )
        for n, corner in enumerate(found["corners"])
    ]
    return [ends["source"], *corners, ends["target"]]


def _pixels(folder: Path, name: str) -> np.ndarray:
    with Image.open(folder / "images" / f"{name}.png") as image:
        return np.asarray(image)


def _or_nan(value: float | None) -> float:
    """A number of a summary: JSON has no NaN, and none is written instead."""
    return float("nan") if value is None else value
