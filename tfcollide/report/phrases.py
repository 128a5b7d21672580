"""Words and numbers of tables and figures."""

import math
from collections.abc import Sequence

from tfcollide.numerals import significant
from tfcollide.records import Certificate, Summary, SweepSummary

__all__ = [
    "Row",
    "branches",
    "explained",
    "hull_words",
    "in_which_arithmetic",
    "network",
    "number",
    "or_dashes",
    "probability",
    "quantile",
    "share",
    "stop_words",
    "yes",
]

Row = tuple[str, str, str]
"""Of a run's table: what it is, ours, the paper's."""


def number(value: float | None, form: str) -> str:
    """A number in the form asked for; a dash where there is none."""
    return "-" if value is None else format(value, form)


def quantile(value: float | None, pairs: int | None) -> str:
    """Of a feature distance among those of `pairs` pairs of images; below all of them it is less than one of them is."""
    return f"< {1 / pairs:.2g}" if value == 0 and pairs else number(value, ".2g")


def share(value: float | None) -> str:
    """In percent; cut rather than rounded where rounding would say all."""
    return "-" if value is None else f"{100 * (min(value, 0.9999) if value < 1 else value):.2f} %"


def yes(share: float | None) -> str:
    """Whether a share is all."""
    return "-" if share is None else "yes" if share == 1 else "**no**"


def network(summary: Summary | SweepSummary) -> str:
    """The network, its tap and what it reads."""
    images = "" if summary.dataset == "none" else f" on {summary.dataset}"
    read = getattr(summary, "pixel_range", None)
    pixels = f", pixels {read[0]:g}..{read[1]:g}" if read else ""
    return f"{summary.model}{images}, tap {summary.tap}{pixels}"


def branches(summary: Summary | SweepSummary) -> list[str]:
    """A word on branches that go round the tap."""
    if summary.sole_tap:
        return []
    return [
        f"**Other branches go round {summary.tap}**: equal features there do not make equal outputs, so the class of a mixture "
        "is not what the method says it is."
    ]


def in_which_arithmetic(proof: Certificate) -> str:
    """Behind "certified": nothing for float32; else what the claim is limited to."""
    return "" if proof.arithmetic == "float32" else " in real arithmetic"


def or_dashes(absent: bool, rows: list[Row]) -> list[Row]:
    """Rows of all corners, with a dash for each value where the source stands in for a corner."""
    return [(label, "-", paper) for label, _, paper in rows] if absent else rows


def probability(value: float) -> str:
    """Four digits, cut rather than rounded where rounding would say 1."""
    return f"{min(value, 0.9999) if value < 1 else value:.4f}" if math.isfinite(value) else "-"


def stop_words(losses: Sequence[float]) -> str:
    """The losses to stop below; each corner has its own where they are shares of the start's."""
    least, most = significant(min(losses), 4), significant(max(losses), 4)
    return most if least == most else f"{least} to {most}"


def hull_words(summary: Summary) -> str:
    """How far apart corners are, and what is known of their mixtures."""
    where = f"{summary.model} at {summary.tap}"
    if summary.pixel_range:
        where += f", pixels {summary.pixel_range[0]:g}..{summary.pixel_range[1]:g}"
    if summary.nothing_found:
        return where
    if summary.distance.corner_mean is None:
        return f"{where}: {summary.distance.corner_to_source_mean:.2f} from the source"
    mixtures = summary.interpolation
    hits = f"{round(mixtures.accuracy * mixtures.samples):,} of {mixtures.samples:,}"
    proof = summary.certificate
    others = f", and all others by proof{in_which_arithmetic(proof)}" if proof and proof.status == "certified" else ""
    apart = f"corners {summary.distance.corner_mean:.2f} apart"
    return f'{where}: {apart}; {hits} mixtures of them are "{summary.target.predicted}"{others}'


def explained(summary: Summary) -> str:
    """What stands below a corner; nothing where there is nothing but the class."""
    if all(corner.source_share is None for corner in summary.corners):
        return ""
    text = "Below each image: what the network takes it for, with its probability. Below a corner: its distances to source and "
    text += "target, as shares of the distance between those two"
    if any(corner.reader is not None for corner in summary.corners):
        who = summary.reader.name if summary.reader and summary.reader.name else "another network"
        return f"{text}, and what an independent reader ({who}) takes it for."
    reason = summary.reader.reason if summary.reader else None
    return f"{text}. There is no independent reader: {reason}." if reason else f"{text}."
