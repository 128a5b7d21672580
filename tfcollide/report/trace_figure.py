"""The terms of the corners along the search."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, MaxNLocator

from tfcollide.records import Summary, Trace
from tfcollide.registry import HULL_TERMS, OBJECTIVES, PARAMETERIZATIONS
from tfcollide.report.curve_style import figure_of, legend, limit_line, look_of, quiet
from tfcollide.report.drawn import Drawn
from tfcollide.report.lettering import save

__all__ = ["VARIANT", "draw", "limits_of", "write_trace"]

_MOST_NAMED = 12  # corners in the legend
_WIDE = 3.0  # from least to most, from where on a logarithm shows more


def write_trace(path: Path, summary: Summary, trace: Trace) -> None:
    """Draws every term over the steps, a curve a corner, with the limits that are known.

    Args:
        path: a PNG file.
        summary: of the run.
        trace: the terms along the way.
    """
    rows = -(-len(trace.terms) // 2)
    figure = figure_of(9.0, 1.9 * rows + 0.6)
    grid = figure.subplots(rows, 2, squeeze=False, sharex=True).ravel()
    limits, words = limits_of(summary), _words()
    for axes, (name, values) in zip(grid, trace.terms.items(), strict=False):
        _draw_term(axes, f"{name}: {words[name]}" if name in words else name, trace.steps, values, limits.get(name, {}))
    for axes in grid[len(trace.terms) :]:
        axes.remove()
    for axes in grid[max(0, len(trace.terms) - 2) : len(trace.terms)]:
        axes.set_xlabel("step", fontsize=9)
        axes.tick_params(labelbottom=True)
    _name_corners(figure, len(summary.corners))
    save(figure, path)


def limits_of(summary: Summary) -> dict[str, dict[str, float]]:
    """Term -> what is said of a limit -> the limit, as far as the summary knows it."""
    term = OBJECTIVES.load(summary.objective).progress_term
    least, most = min(summary.stop_loss), max(summary.stop_loss)
    words = "to stop below" if least == most else "to stop below, the laxest corner"
    found = {term: {words: most}}
    if summary.scale and summary.scale.distance is not None:
        for name in ("feature_distance", "hull_match"):
            found[name] = found.get(name, {}) | {f"a match (quantile {summary.scale.quantile:g})": summary.scale.distance}
    return found


def _words() -> dict[str, str]:
    """Term -> what it is, as its own file says."""
    found = {"source_pull": "mean squared change from the source"}
    for declared in (OBJECTIVES.all(), PARAMETERIZATIONS.all()):
        found |= {term: words for one in declared.values() for term, words in one.words.items()}
    return found | {name: term.words for name, term in HULL_TERMS.all().items()}


def _draw_term(axes: Axes, title: str, steps: np.ndarray, values: np.ndarray, limits: dict[str, float]) -> None:
    """Curves of one term; in a single black one where all corners share it."""
    values = np.where(np.isfinite(values), values, np.nan).astype(np.float64)
    mark = {"marker": None} if len(steps) > 1 else {}
    if values.shape[1] > 1 and np.array_equal(values, np.repeat(values[:, :1], values.shape[1], 1), equal_nan=True):
        axes.plot(steps, values[:, 0], color="black", linewidth=1.3, marker=None if len(steps) > 1 else "o")
    else:
        for n, column in enumerate(values.T):
            axes.plot(steps, column, **(look_of(n) | mark), linewidth=1.3)
    known = values[np.isfinite(values)]
    if len(known) and known.min() > 0 and known.max() > _WIDE * known.min():
        axes.set_yscale("log")
    for text, limit in limits.items():
        if np.isfinite(limit) and (limit > 0 or axes.get_yscale() == "linear"):
            limit_line(axes, limit, text)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True) if len(steps) > 1 else FixedLocator(steps.tolist()))
    axes.yaxis.get_offset_text().set_fontsize(8)
    quiet(axes, title, 4.2, size=8)
    if not len(known):
        axes.text(0.5, 0.5, "no finite number", transform=axes.transAxes, ha="center", va="center", fontsize=9)


def _name_corners(figure: Figure, count: int) -> None:
    named = [Line2D([], [], **look_of(n) | {"marker": None}, label=f"corner {n}") for n in range(min(count, _MOST_NAMED))]
    if count > 1:
        named.append(Line2D([], [], color="black", label="all corners"))
    legend(figure, 7, named)


def draw(path: Path, drawn: Drawn) -> None:
    """`--figure=trace`, of a descent; an exact solver has no way to show."""
    if len(drawn.curves.trace.steps) > 1:
        write_trace(path, drawn.summary, drawn.curves.trace)


VARIANT = draw
