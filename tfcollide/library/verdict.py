"""Whether a collision was found: every check of the corners and of their hull, and what they say together."""

import dataclasses
import functools
import html
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tfcollide.files.checkpoint import Ledger
from tfcollide.images import from_uint8, to_uint8
from tfcollide.library.descend import validity_of
from tfcollide.library.options import JudgeOptions
from tfcollide.library.problem import Problem
from tfcollide.library.solution import Solution
from tfcollide.library.yardstick import Yardstick
from tfcollide.measure.matching import Match
from tfcollide.measure.validity import Validity, mixture_validity
from tfcollide.models.classifier import Classifier
from tfcollide.models.dense_chain import Unreadable
from tfcollide.polytope.hull import mixing
from tfcollide.polytope.hull.hull_judge import Mixtures
from tfcollide.polytope.hull.worst_mixture import MixtureSearch, clopper_pearson
from tfcollide.records import (
    CornerRecord,
    Distance,
    ExactRecord,
    FailureBound,
    Interpolation,
    MixtureLooks,
    Perceptual,
    PngCheck,
    ReaderRecord,
    Scale,
    WorstMixture,
)
from tfcollide.report.perceptual import perceptual
from tfcollide.runtime.progress import Stopwatch

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Verdict", "corner_records", "distances", "judge_hull", "missing", "mixture_search"]

_NO_CLASS = "the target is features, which have no class that mixtures could be read as"


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Verdict:
    """What the checks of corners and their hull say.

    Attributes:
        found: whether a collision was found.
        missing: what a collision that is found has and this one lacks, a clause each.
        corners: one record each.
        distance: between corners, and from them to both images.
        interpolation: of random mixtures; None where the target has no class.
        png: the same of corners rounded to 8 bits; None likewise.
        worst_mixture: the one of least margin that was found; None where none was searched for.
        failure_bound: how many of the other mixtures may fail; None where the target has no class.
        mixture_looks: which image the mixtures still are; None where the target is no image.
        perceptual: how different corners look; None where there is one.
        reader: who says what corners show.
        scale: what features are measured against.
        mixtures: the samples as the network sees them, `[S]` each.
        weights: `[S, N]` float32, the convex weights of the samples.
        reasons: field -> why it is None.
        seconds: "mixtures", "png" and "worst_mixture" -> seconds spent on them.

    Examples:
        >>> verdict
        Verdict(a collision was found; 100 mixtures, 100.00% as the target; worst margin ...)
    """

    found: bool
    missing: tuple[str, ...]
    corners: tuple[CornerRecord, ...]
    distance: Distance
    interpolation: Interpolation | None
    png: PngCheck | None
    worst_mixture: WorstMixture | None
    failure_bound: FailureBound | None
    mixture_looks: MixtureLooks | None
    perceptual: Perceptual | None
    reader: ReaderRecord
    scale: Scale
    mixtures: Mixtures
    weights: np.ndarray
    reasons: Mapping[str, str] = dataclasses.field(default_factory=dict)
    seconds: Mapping[str, float] = dataclasses.field(default_factory=dict)

    def plot(self) -> "Figure":
        """The margins of the mixtures, as a Matplotlib figure; of features, which have no class, their distances."""
        from tfcollide.report.curve_style import LIMIT, figure_of, quiet

        figure = figure_of(7.0, 3.4)
        axes = figure.subplots()
        values = self.mixtures.margin if self.interpolation else self.mixtures.distance
        axes.hist(values[np.isfinite(values)], bins=40)
        if self.interpolation:
            axes.axvline(0.0, color=LIMIT, linewidth=1.2)
        quiet(axes, f"{len(self.weights):,} mixtures of the corners", 6.0)
        axes.set_xlabel("margin: the target's logit less the largest other" if self.interpolation else "feature distance")
        axes.set_ylabel("mixtures")
        return figure

    def __repr__(self) -> str:
        """In one line."""
        said = "a collision was found" if self.found else f"no collision: {', '.join(self.missing)}"
        parts = (
            [f"{len(self.weights):,} mixtures, {self.interpolation.accuracy:.2%} as the target"] if self.interpolation else []
        )
        parts += [f"worst margin {self.worst_mixture.margin:.3g}"] if self.worst_mixture else []
        return f"Verdict({'; '.join([said, *parts])})"

    def _repr_html_(self) -> str:
        """A table of the corners under one line, for notebooks."""
        names = ("predicted", "probability", "feature_distance", "source_share", "target_share", "trivial", "lost")
        head = "".join(f"<th>{name}</th>" for name in ("corner", *names))
        rows = [
            "<tr>" + "".join(f"<td>{_shown(value)}</td>" for value in (n, *(getattr(one, name) for name in names))) + "</tr>"
            for n, one in enumerate(self.corners)
        ]
        return f"<p>{html.escape(repr(self))}</p><table><tr>{head}</tr>{''.join(rows)}</table>"


def judge_hull(
    yardstick: Yardstick,
    problem: Problem,
    solution: Solution,
    options: JudgeOptions,
    *,
    read_back: np.ndarray | None = None,
    ledger: Ledger | None = None,
) -> Verdict:
    """Judges corners and their hull through the network, whatever the solver says of them.

    Args:
        yardstick: what a data set tells.
        problem: what was asked.
        solution: the corners, and how they were come by.
        options: how many mixtures, and which.
        read_back: `[N, H, W, C]` float32, the corners from their 8-bit files; None: rounded here.
        ledger: keeps what is finished.
    """
    corners, bounds, ledger = solution.corners, problem.network.bounds, ledger or Ledger()
    if read_back is None:
        read_back = from_uint8(to_uint8(corners, bounds), bounds)
    weights = mixing.convex_weights(options.samples, len(corners), sampling=options.sampling, seed=options.seed)
    judge, classed = problem.judge, problem.seen.predicted is not None
    watch = Stopwatch()
    with watch("mixtures"):
        mixtures = judge.mixtures(corners, weights, ledger=ledger)
    records = corner_records(problem, solution)
    interpolation = mixtures.record(options.sampling) if classed else None
    distance = distances(yardstick, problem, solution)
    with watch("png"):
        png = judge.saved(read_back, weights, ledger=ledger) if classed else None
    with watch("worst_mixture"):
        worst = _worst(problem, corners, mixtures, weights, options, ledger)
    verdict = Verdict(
        found=False,
        missing=(),
        corners=records,
        distance=distance,
        interpolation=interpolation,
        png=png,
        worst_mixture=worst,
        failure_bound=_failure_bound(interpolation),
        perceptual=perceptual(corners, bounds),
        reader=_reader_record(yardstick, problem),
        scale=_scale(problem),
        mixture_looks=_looks_of_mixtures(problem, corners, weights),
        mixtures=mixtures,
        weights=weights,
        reasons={} if classed else dict.fromkeys(("interpolation", "png", "worst_mixture", "failure_bound"), _NO_CLASS),
        seconds=watch.seconds,
    )
    read_as = problem.network.name_of(problem.seen.predicted) if problem.seen.predicted is not None else None
    lacks = missing(verdict, problem.match, read_as, exact=solution.exact, allow_trivial=options.allow_trivial)
    return dataclasses.replace(verdict, found=not lacks, missing=lacks)


@functools.lru_cache(maxsize=8)
def mixture_search(network: Classifier) -> MixtureSearch:
    """The search for the worst mixture of hulls of a network, compiled on first use."""
    return MixtureSearch(network.logits, network.image_shape, network.class_names, reading=network.reading)


def missing(
    verdict: Verdict, match: Match, read_as: str | None, *, exact: ExactRecord | None = None, allow_trivial: bool = False
) -> tuple[str, ...]:
    """What a collision that is found has and this one lacks, a few words each.

    Args:
        verdict: all but `found` and `missing`.
        match: how near features must come.
        read_as: the name of the target's class; None where it has none.
        exact: what an exact solver says.
        allow_trivial: whether trivial and lost corners count as found.
    """
    corners, worst, png = verdict.corners, verdict.worst_mixture, verdict.png
    misread = read_as is not None and any(corner.predicted != read_as for corner in corners)
    missed = [one.accuracy < 1.0 for one in (verdict.interpolation, png) if one is not None]
    missed += [not worst.margin > 0] if worst is not None else []
    diverged = any(corner.diverged_at is not None for corner in corners)
    lacks = {
        "diverged": diverged,
        "not converged": not all(corner.converged for corner in corners) and not diverged,
        "too close": exact is not None and exact.too_close,
        "trivial": any(corner.trivial for corner in corners) and not allow_trivial,
        "lost": any(corner.lost for corner in corners) and not allow_trivial,
        "a corner misses the class": misread or bool(png and png.misread),
        "a mixture misses the class": not misread and any(missed),
        "features do not match": match.excess(_worst_terms(verdict)) > 1.0,
    }
    return tuple(word for word, holds in lacks.items() if holds)


def distances(yardstick: Yardstick, problem: Problem, solution: Solution) -> Distance:
    """Between corners, and from them to both images."""
    corners, bounds, target = solution.corners, problem.network.bounds, problem.goal_image
    to_source = _lengths(corners - problem.start)
    return Distance(
        dataset_mean=yardstick.dataset_mean,
        corner_mean=mixing.mean_distance(corners),
        corner_to_source_mean=float(to_source.mean()),
        source_to_target=None if target is None else float(_lengths((problem.start - target)[None])[0]),
        corner_to_target_mean=None if target is None else float(_lengths(corners - target).mean()),
        spread_asked=solution.spread,
        spread_reached=_spread(corners, bounds.range),
    )


_SHARED = [field.name for field in dataclasses.fields(Validity) if field.name != "ssim_reason"]


def corner_records(problem: Problem, solution: Solution) -> tuple[CornerRecord, ...]:
    """One record per corner, judged through the network: its terms, which image it still is, the quantile of its features."""
    corners, ends = solution.corners, {"converged": solution.converged, "failed_at": solution.failed_at}
    records = problem.judge.corners(corners, units=problem.units, **ends)
    null, judged = problem.match.null, validity_of(problem, corners) or (None,) * len(records)
    return tuple(
        dataclasses.replace(
            record,
            feature_quantile=null.quantile(record.feature_distance) if null else None,
            **({name: getattr(found, name) for name in _SHARED} if found else {}),
        )
        for record, found in zip(records, judged, strict=True)
    )


def _worst(
    problem: Problem, corners: np.ndarray, mixtures: Mixtures, weights: np.ndarray, options: JudgeOptions, ledger: Ledger
) -> WorstMixture | None:
    """The worst mixture that a search finds, the lowest of those judged among its starts; None where none was asked for."""
    network, code = problem.network, problem.seen.predicted
    starts = options.starts(isinstance(network.chain, Unreadable))
    if not starts or code is None:
        return None
    return mixture_search(network)(
        corners,
        code,
        known=weights[mixtures.lowest(starts)],
        random_starts=starts,
        batch_size=network.batch_size,
        seed=options.seed,
        ledger=ledger,
    )


def _failure_bound(found: Interpolation | None) -> FailureBound | None:
    if found is None:
        return None
    return clopper_pearson(round((1 - found.accuracy) * found.samples), found.samples, sampling=found.sampling)


def _looks_of_mixtures(problem: Problem, corners: np.ndarray, weights: np.ndarray) -> MixtureLooks | None:
    """Which image the mixtures still are."""
    if problem.goal_image is None:
        return None
    found = mixture_validity(
        weights,
        corners,
        problem.start,
        problem.goal_image,
        problem.network.bounds,
        reader=problem.reader.reader,
        target_label=problem.labels[1],
    )
    return MixtureLooks(**dataclasses.asdict(found))


def _shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else html.escape(str(value))


def _lengths(changes: np.ndarray) -> np.ndarray:
    return np.linalg.norm(changes.reshape(len(changes), -1), axis=1)


def _spread(corners: np.ndarray, pixel_range: float) -> float | None:
    """Between the two corners nearest to each other, as a root mean square and a share of the range."""
    if len(corners) < 2:
        return None
    flat = corners.reshape(len(corners), -1).astype(np.float64) / pixel_range
    return float(min(np.sqrt(np.mean(np.square(flat[i] - flat[:i]), axis=1)).min() for i in range(1, len(flat))))


def _reader_record(yardstick: Yardstick, problem: Problem) -> ReaderRecord:
    """Who says what corners show, or why nobody does."""
    who = yardstick.reader
    return ReaderRecord(who.name if who else None, who.accuracy if who else None, problem.reader.reason)


def _scale(problem: Problem) -> Scale:
    """What features are measured against."""
    match, null = problem.match, problem.match.null
    features = problem.goal.post_activation.numpy().astype(np.float64)
    return Scale(
        match="quantile" if null else "unscaled",
        quantile=match.quantile if null else None,
        distance=match.distance,
        pairs=len(null.same) if null else 0,
        median_same=float(np.median(null.same)) if null else None,
        median_different=float(np.median(null.different)) if null and len(null.different) else None,
        start_active_match=match.start["active_match"],
        start_feature_distance=match.start["feature_distance"],
        start_inactive_violation=match.start["inactive_violation"],
        feature_size=float(np.square(features).sum()),
        note=null.note if null else "no data set whose images could tell how far apart features usually are",
    )


def _worst_terms(verdict: Verdict) -> dict[str, np.ndarray]:
    corners = verdict.corners
    far = [*(corner.feature_distance for corner in corners), float(verdict.mixtures.distance.max())]
    far += [verdict.png.max_feature_distance] if verdict.png else []
    return {
        "feature_distance": np.array(far, np.float64),
        "active_match": np.array([corner.active_match for corner in corners]),
        "inactive_violation": np.array([corner.inactive_violation for corner in corners]),
    }
