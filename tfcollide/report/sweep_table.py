"""`table.md` of a sweep: one line per pair."""

from collections.abc import Callable

from tfcollide.numerals import rounded_down, significant
from tfcollide.records import PairResult, SweepSummary
from tfcollide.report.conclusion import sweep_conclusion
from tfcollide.report.markdown import markdown_table
from tfcollide.report.phrases import branches, network, number, quantile, share, yes

__all__ = ["sweep_table"]

_EVERY_MIXTURE = "every mixture gets the target's class: the sampled ones, those from PNG files, and the worst found."
_SWEEP_LEGEND = (
    "To source, to target: mean distances of the corners, shares of source-to-target. SSIM: to source and target, mean of the "
    "corners. Reads: what an independent reader takes most corners for. Quantile: the largest feature "
    "distance of a corner among those of pairs of images of one class."
)


def _shown(value: float | None, form: str | Callable[[float], str]) -> str:
    if value is None:
        return ""
    return format(value, form) if isinstance(form, str) else form(value)


_SOMETIMES: dict[str, Callable[[PairResult], str]] = {
    "front": lambda pair: _shown(pair.front, ".2f") or (pair.front_end or "").partition(":")[0],
    "worst margin": lambda pair: _shown(pair.worst_margin, significant),
    "proof": lambda pair: " ".join(filter(None, [pair.proof, _shown(pair.proven_margin, rounded_down)])),
    "feature difference": lambda pair: _shown(pair.feature_difference, ".1e"),
    "change": lambda pair: _shown(pair.change, ".4g"),
    "duality gap": lambda pair: _shown(pair.duality_gap, ".1e"),
    "low frequencies": lambda pair: _shown(pair.low_frequency_share, ".1%"),
    "MS-SSIM": lambda pair: _shown(pair.ms_ssim, ".3f"),
}
"""Columns that appear where some pair has something to say."""


def sweep_table(summary: SweepSummary) -> str:
    """The table of a sweep, one line per pair, as Markdown."""
    title = f"# {_pairs(summary.num_pairs)}: {network(summary)}\n"
    header = ["pair", "classes", "found", "steps", "ended", "to source", "to target", "SSIM", "reads", "quantile"]
    header += _judged_header(summary)
    rows = [
        [
            f"{pair.source} to {pair.target}",
            " to ".join(pair.classes) if pair.classes else "-",
            "yes" if pair.found else f"**no**: {', '.join(pair.missing) or 'could not be run'}",
            number(pair.steps, "d"),
            pair.ended or "-",
            number(pair.source_share, ".2f"),
            number(pair.target_share, ".2f"),
            _similar(pair),
            pair.reader or "-",
            quantile(pair.feature_quantile, pair.null_pairs),
            *_judged(summary, pair),
        ]
        for pair in summary.pairs
    ]
    for name, show in _SOMETIMES.items():
        values = [show(pair) for pair in summary.pairs]
        if any(values):
            header.append(name)
            rows = [[*row, value or "-"] for row, value in zip(rows, values, strict=True)]
    foot = [
        sweep_conclusion(summary),
        f"{summary.num_converged} of {_pairs(summary.num_pairs)} converged; in {summary.num_colliding} "
        + ("the corner gets the target's class, from its PNG file too." if _one_corner_each(summary) else _EVERY_MIXTURE),
        _distances(summary),
        *_looks(summary),
        *_fronts(summary),
        _SWEEP_LEGEND,
        *(f"- {remark}" for remark in branches(summary)),
        *(f"- {pair.source} to {pair.target}: {pair.error}" for pair in summary.pairs if pair.error),
    ]
    return "\n".join([title, markdown_table(header, rows), *foot]) + "\n"


def _similar(pair: PairResult) -> str:
    both = (pair.ssim_source, pair.ssim_target)
    return "-" if both == (None, None) else ", ".join(number(value, ".2f") for value in both)


def _looks(summary: SweepSummary) -> list[str]:
    """Which image the corners of all pairs still are."""
    known = {
        "to source": summary.source_shares,
        "to target": summary.target_shares,
        "SSIM to source": summary.ssim_source,
        "SSIM to target": summary.ssim_target,
    }
    said = [f"{name} {' / '.join(f'{value:.2f}' for value in three)}" for name, three in known.items() if three]
    return [f"Least / median / most of the pairs: {', '.join(said)}."] if said else []


def _fronts(summary: SweepSummary) -> list[str]:
    if summary.fronts is None:
        return []
    least, median, most = (number(value, ".2f") if value is not None else "none" for value in summary.fronts)
    text = (
        f"The smallest change at which one corner's features match: {least} of source-to-target at the least, {median} in the "
    )
    return [f"{text}median, {most} at the most; {_pairs(summary.num_censored or 0)} without one count as the largest."]


def _one_corner_each(summary: SweepSummary) -> bool:
    """Whether the pairs have one corner each; then there is nothing to mix."""
    ran = [pair for pair in summary.pairs if pair.directory]
    return bool(ran) and all(pair.corner_mean is None for pair in ran)


def _judged_header(summary: SweepSummary) -> list[str]:
    return (
        ["target's class", "p", "from PNG"]
        if _one_corner_each(summary)
        else ["corner distance", "mixtures", "mean p", "from PNG"]
    )


def _judged(summary: SweepSummary, pair: PairResult) -> list[str]:
    """What the model says of the mixtures of a pair, or of its only corner."""
    p = number(pair.mean_probability, ".4f")
    if _one_corner_each(summary):
        return [yes(pair.accuracy), p, yes(pair.png_accuracy)]
    return [number(pair.corner_mean, ".2f"), share(pair.accuracy), p, share(pair.png_accuracy)]


def _distances(summary: SweepSummary) -> str:
    accuracy = "" if summary.test_accuracy is None else f"Test accuracy {share(summary.test_accuracy)}."
    if _one_corner_each(summary):
        return accuracy
    text = f"Median corner distance {number(summary.median_corner_mean, '.2f')}"
    if summary.dataset_mean is not None:
        text += f"; two images of the data set are {summary.dataset_mean:.2f} apart"
    if summary.corner_mean_shares:
        least, median, most = (f"{100 * share:.0f} %" for share in summary.corner_mean_shares)
        text += f", and corners from {least} of that to {most}, median {median}"
    return f"{text}. {accuracy}".rstrip()


def _pairs(count: int) -> str:
    return "1 pair" if count == 1 else f"{count} pairs"
