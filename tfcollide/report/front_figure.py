"""The front: how near features come to the target's, against the change from the source."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from tfcollide.records import FrontEnd, Summary
from tfcollide.report.curve_style import figure_of, legend, limit_line, look_of, quiet
from tfcollide.report.drawn import Drawn
from tfcollide.report.lettering import save, wrap

__all__ = ["VARIANT", "draw", "end_words", "write_front"]


def write_front(path: Path, summary: Summary) -> None:
    """Draws the fronts of one corner and of the hull, with where features begin to match or why they do not.

    Args:
        path: a PNG file.
        summary: of a run that has a front.
    """
    figure = figure_of(7.0, 4.2)
    axes = figure.subplots()
    curves = []
    if summary.front is not None and summary.front_end is not None:
        curves.append(("one corner", summary.front, summary.front_end))
    if summary.hull_front is not None:
        curves.append((f"hull of {len(summary.corners)} corners", summary.hull_front.points, summary.hull_front.end))
    for n, (name, points, end) in enumerate(curves):
        _curve(axes, n, f"{name}: {end_words(end)}", points, end)
    _scales(axes, summary, np.array([point[1] for _, points, _ in curves for point in points], np.float64))
    source, target = (one.predicted.split(",")[0] for one in (summary.source, summary.target))
    quiet(axes, f'"{source}" to "{target}": {summary.model} at {summary.tap}', 6.0)
    axes.set_xlabel("change: distance from the source, as a share of source-to-target", fontsize=9)
    legend(figure, 1)
    save(figure, path)


def end_words(end: FrontEnd) -> str:
    """Where features begin to match, or why there is no such point."""
    if end.censored is None and end.change is not None:
        return f"features match from a change of {end.change:.2f} on, an upper bound"
    return f"no front; {end.censored}"


def _curve(axes: Axes, n: int, label: str, points: Sequence[tuple[float, float]], end: FrontEnd) -> None:
    look = look_of(n)
    change, quantile = np.array(points, np.float64).reshape(-1, 2).T
    axes.plot(change, quantile, **look, linewidth=1.3, label="\n".join(wrap(label, 6.2, 8.0, 4)))
    mark = "X" if end.change is None else "*"
    place = [end.last_change], [end.last_quantile]
    axes.plot(*place, marker=mark, color=look["color"], markersize=13, markeredgecolor="white", zorder=3)


def _scales(axes: Axes, summary: Summary, values: np.ndarray) -> None:
    """A vertical axis with zero on it, logarithmic above the least that can be told from zero."""
    scale = summary.scale
    quantiles = scale is not None and scale.match == "quantile"
    positive = values[values > 0]
    least = 1.0 / scale.pairs if scale and quantiles and scale.pairs else positive.min() if len(positive) else 1e-4
    axes.set_yscale("symlog", linthresh=least, linscale=0.3)
    axes.set_ylim(-0.1 * least, 2.0 * max(1.0, values.max(initial=0.0)))
    axes.set_xlim(left=0.0)
    if scale and quantiles and scale.quantile is not None:
        nearest = f"the nearest {100 * scale.quantile:g} % of pairs of images of one class"
        limit_line(axes, scale.quantile, f"features match: as near as {nearest}", above=False)
    axes.set_ylabel("quantile of the features" if quantiles else "feature distance, a share of the source's", fontsize=9)


def draw(path: Path, drawn: Drawn) -> None:
    """`--figure=front`, of a run that has one."""
    if drawn.summary.front is not None:
        write_front(path, drawn.summary)


VARIANT = draw
