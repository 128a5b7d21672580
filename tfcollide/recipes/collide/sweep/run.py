"""Many pairs with one model and one compiled descent; resumable pair by pair."""

import collections
import math
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from tfcollide.data.select import draw_pairs, every_class, parse_selector, resolve
from tfcollide.files.atomic import write_bytes, write_json
from tfcollide.files.names import to_bytes
from tfcollide.files.run_directory import RunDirectory
from tfcollide.images import from_uint8
from tfcollide.recipes.collide.config import CollideConfig
from tfcollide.recipes.collide.experiment import Experiment
from tfcollide.recipes.collide.sweep.batch import Job, run_batch
from tfcollide.recipes.collide.sweep.on_beam import run_on_beam
from tfcollide.recipes.collide.sweep.one_pair import directory_name, run_one
from tfcollide.records import PairResult, Summary, SweepSummary
from tfcollide.report import figure, sweep_table
from tfcollide.report.conclusion import PARTS_OF_CHECKS
from tfcollide.runtime.progress import progress

__all__ = ["run_sweep"]

_DRAWN, _DRAWN_CORNERS = 12, 8


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
    with directory.at_work() as folder:
        if config.runner is not None:
            run_on_beam(config, pairs, folder)  # what it leaves undone is tried again here, and listed
        results = _run_all(config, experiment, [Job(number, *pair) for number, pair in enumerate(pairs)], folder)
        summary = _summarize(config, experiment, results, _seconds(folder, results, seconds))
        _draw(folder, summary)
        write_bytes(folder / "table.md", to_bytes(sweep_table.sweep_table(summary)))
        write_json(folder / "summary.json", summary)
        directory.commit()
        return summary


def _from_every_class(config: CollideConfig, experiment: Experiment) -> list[tuple[str, str]]:
    """An image of each class, save the one that the network takes the target for, to the target."""
    classifier, data, predicted = experiment.classifier, experiment.data, experiment.predicted
    target = resolve("target", parse_selector("target", config.target, data), data, predicted)
    seen = classifier.judge(from_uint8(target.image[None], classifier.bounds)).predicted
    taken = int(classifier.reading.one_class(seen)[0]) if experiment.yardstick.labeled else None
    return [(image, config.target) for image in every_class(data, predicted, but=taken)]


def _run_all(config: CollideConfig, experiment: Experiment, jobs: list[Job], folder: Path) -> list[PairResult]:
    results: list[PairResult] = []
    at_once = experiment.search.pairs_at_once
    with progress(total=len(jobs), desc="pairs", unit=" pairs") as bar:
        for batch in (jobs[start : start + at_once] for start in range(0, len(jobs), at_once)):
            if at_once > 1:
                results += run_batch(config, experiment, batch, folder)
            else:
                results += [run_one(config, experiment, *job[1:], folder / directory_name(*job)) for job in batch]
            bar.update(len(batch))
    return results


def _summarize(
    config: CollideConfig, experiment: Experiment, results: list[PairResult], seconds: Mapping[str, float]
) -> SweepSummary:
    distances = [result.corner_mean for result in results if result.corner_mean is not None]
    mean = experiment.yardstick.dataset_mean
    return SweepSummary(
        dataset=config.dataset_name(),
        model=experiment.classifier.name,
        tap=experiment.tap.name,
        test_accuracy=experiment.yardstick.test_accuracy,
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
        source_shares=_quantiles(result.source_share for result in results),
        target_shares=_quantiles(result.target_share for result in results),
        ssim_source=_quantiles(result.ssim_source for result in results),
        ssim_target=_quantiles(result.ssim_target for result in results),
    )


def _quantiles(values: Iterable[float | None]) -> tuple[float, float, float] | None:
    """The least, median and largest of those that are known."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    least, median, most = np.quantile(known, [0, 0.5, 1]).tolist()
    return least, median, most


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
    done = [Summary.read(folder / pair.directory).seconds for pair in results if pair.directory]
    spent = {**shared, **{name: sum(pair[name] for pair in done) for name in ("solve", "check", "report")}}
    parts = {name: sum(pair.get(name, 0.0) for pair in done) for name in PARTS_OF_CHECKS}
    return {**spent, **parts, "total": sum(spent.values())}


def _draw(folder: Path, summary: SweepSummary) -> None:
    """One row per pair; or one row in all, where each pair has a single corner."""
    done = [pair for pair in summary.pairs if pair.directory]
    rows = [_panels(folder / str(pair.directory)) for pair in done[:_DRAWN]]
    if not rows:
        return
    foot = [_counts(summary)]
    target = rows[0][-1]
    same = all(np.array_equal(row[-1].pixels, target.pixels) for row in rows)
    if same and all(len(row) == 3 for row in rows):
        corners = [row[1]._replace(title=_from(*row[:2])) for row in rows]
        lines = figure.folded([*corners, target._replace(title="target")], None)
    else:
        lines = [[source, *corners[:_DRAWN_CORNERS], target] for source, *corners, target in rows]
        if max(map(len, rows)) > _DRAWN_CORNERS + 2:
            foot.append(f"The first {_DRAWN_CORNERS} corners of each pair.")
    if len(done) > _DRAWN:
        foot.append(f"The first {_DRAWN} pairs of {len(done)}.")
    figure.draw(folder / "figure.png", lines, "\n".join([*foot, figure.BELOW]))


def _from(source: figure.Panel, corner: figure.Panel) -> str:
    """Where a corner comes from, and what is wrong with it."""
    return f'from "{source.title}"' + (f": {corner.title}" if corner.role in figure.MARKED else "")


def _counts(summary: SweepSummary) -> str:
    """For how many pairs a collision was found, and what the others lack."""
    reasons = ", ".join(f"{word} {count}" for word, count in summary.reasons.items())
    text = f"{summary.model} at {summary.tap}. {summary.num_found} of {summary.num_pairs} pairs: a collision was found."
    if reasons:
        return f"{text} Why not in the others: {reasons}."
    marked = [f"{count} {word}" for word, count in (("trivial", summary.num_trivial), ("lost", summary.num_lost)) if count]
    return f"{text} Counted by --allow_trivial: {', '.join(marked)}." if marked else text


def _panels(folder: Path) -> list[figure.Panel]:
    """The images of a pair, from its own files."""
    found = Summary.read(folder)
    source, target = found.source, found.target
    verdict = "found" if found.found else f"not found: {', '.join(found.missing)}"
    images = [_pixels(folder, f"corner_{n}") for n in range(len(found.corners))]
    corners = [
        figure.absent_panel(images[n]) if n in found.absent else figure.corner_panel(n, images[n], corner, target.predicted)
        for n, corner in enumerate(found.corners)
    ]
    first = figure.end_panel(source.label or source.id, _pixels(folder, "source"), source, "source")
    last = figure.end_panel(target.label or target.id, _pixels(folder, "target"), target, "target")
    return [first._replace(note=verdict), *corners, last]


def _pixels(folder: Path, name: str) -> np.ndarray:
    with Image.open(folder / "images" / f"{name}.png") as image:
        return np.asarray(image)
