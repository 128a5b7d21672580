"""How far ahead the target's class is in the mixtures of the corners."""

import math
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from tfcollide.numerals import rounded_down, significant
from tfcollide.records import Summary
from tfcollide.report.curve_style import BAD, GOOD, LIMIT, figure_of, legend, quiet
from tfcollide.report.drawn import Drawn
from tfcollide.report.lettering import cut_to_width, plain, save
from tfcollide.report.phrases import in_which_arithmetic

__all__ = ["VARIANT", "draw", "margin_edges", "marked_margins", "write_margins"]

_BARS = 40
_STYLES = {"corner": (GOOD, "-"), "worst": ("#aa3377", (0, (5, 1.5))), "proven": ("#228833", (0, (1.5, 1)))}


def write_margins(path: Path, summary: Summary, margins: np.ndarray) -> None:
    """Draws the histogram of mixtures' margins, with the worst mixture found, the proven margin and zero.

    Args:
        path: a PNG file.
        summary: of the run.
        margins: `[S]`, the target's logit less the largest other, a mixture.
    """
    figure = figure_of(7.0, 3.4)
    axes = figure.subplots()
    known = margins[np.isfinite(margins)]
    one = len(summary.corners) == 1
    if len(known) and not one:
        _bars(axes, known)
    axes.axvline(0.0, color=LIMIT, linewidth=1.2, label="0: below, another class is ahead")
    for kind, (text, value) in marked_margins(summary, margins).items():
        color, dashes = _STYLES[kind]
        axes.axvline(value, color=color, linestyle=dashes, linewidth=1.8, label=text)
    lost = f" ({len(margins) - len(known):,} more are no finite number)" if len(known) < len(margins) else ""
    quiet(axes, "The margin of the corner" if one else f"Margins of {len(known):,} mixtures of the corners{lost}", 6.0)
    name = cut_to_width(plain(summary.target.predicted.split(",")[0]), 3.0, 9.0)
    axes.set_xlabel(f'logit of "{name}" less the largest other', fontsize=9, parse_math=False)
    if one:
        axes.set_yticks([])
    else:
        axes.set_ylabel("mixtures", fontsize=9)
    axes.margins(x=0.03)
    legend(figure, 2)
    save(figure, path)


def marked_margins(summary: Summary, margins: np.ndarray) -> dict[str, tuple[str, float]]:
    """What is marked -> the words for it, and its margin; only what is known and finite.

    A mixture of one corner is that corner: then its own margin stands in the place of the worst mixture's.
    """
    found: dict[str, tuple[str, float]] = {}
    one = len(summary.corners) == 1
    if one:
        found["corner"] = (f"the corner: {significant(margins[0])}", float(margins[0]))
    elif summary.worst_mixture:
        worst = summary.worst_mixture.margin
        found["worst"] = (f"worst mixture found: {significant(worst)}", worst)
    proof = summary.certificate
    if proof and proof.status != "refuted":  # then it is a mixture's own, as the worst one's is
        whole = "the corner" if one else "all mixtures" if proof.share_proven == 1 else "what the proof bounds"
        found["proven"] = (f"proven: {whole} at least {rounded_down(proof.margin)}{in_which_arithmetic(proof)}", proof.margin)
    return {kind: (text, value) for kind, (text, value) in found.items() if math.isfinite(value)}


def margin_edges(values: np.ndarray) -> np.ndarray:
    """Edges of bars over finite `values`; none has zero inside, so that no bar holds both hits and misses."""
    low, high = float(values.min()), float(values.max())
    room = max(high - low, 1e-3 * max(abs(low), abs(high)), 1e-12)
    step = room / _BARS
    if low < 0 <= high:
        return step * np.arange(math.floor(low / step), math.floor(high / step) + 2)
    return np.linspace(low, low + room, _BARS + 1)


def _bars(axes: Axes, values: np.ndarray) -> None:
    counts, edges = np.histogram(values, margin_edges(values))
    ahead = edges[:-1] >= 0
    for those, color, hatch, text in (
        (ahead, GOOD, "", "the target's class is on top"),
        (~ahead, BAD, "////", "another class is on top"),
    ):
        if counts[those].any():
            axes.bar(
                edges[:-1][those],
                counts[those],
                np.diff(edges)[those],
                align="edge",
                color=color,
                hatch=hatch,
                edgecolor="white" if hatch else color,
                linewidth=0.3,
                label=text,
            )


def draw(path: Path, drawn: Drawn) -> None:
    """`--figure=margins`; where an exact solver found nothing there are no margins, as the source stands in for corners."""
    if not drawn.summary.nothing_found:
        write_margins(path, drawn.summary, drawn.curves.margins)


VARIANT = draw
