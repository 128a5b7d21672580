"""How curves are drawn: colors that the color-blind tell apart, and lines and marks that print in gray."""

from collections.abc import Sequence
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tfcollide.report.lettering import cut_to_width, plain

__all__ = ["BAD", "GOOD", "LIMIT", "figure_of", "legend", "limit_line", "look_of", "quiet"]

GOOD, BAD, LIMIT = "#4477aa", "#cc3311", "#222222"
_COLORS = ("#4477aa", "#ee7733", "#228833", "#aa3377", "#66ccee", "#ccbb44", "#555555")
_DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1)), (0, (6, 1.5, 1.5, 1.5)))
_MARKS = ("o", "s", "^", "D", "v")


def look_of(n: int) -> dict[str, Any]:
    """Color, dashes and mark of the n-th curve; the first 140 differ."""
    return {"color": _COLORS[n % 7], "linestyle": _DASHES[n % 4], "marker": _MARKS[n % 5], "markersize": 4}


def figure_of(width: float, height: float) -> Figure:
    """An empty figure that makes room for what is written beside its axes, in inches."""
    return Figure(figsize=(width, height), layout="constrained")


def limit_line(axes: Axes, value: float, text: str, *, above: bool = True) -> None:
    """A dotted line across at `value`, with its words above it at the right end, or below it at the left end."""
    axes.axhline(value, color=LIMIT, linewidth=0.9, linestyle=(0, (2, 2)))
    x, up, side = (1.0, 2, "right") if above else (0.01, -10, "left")
    where = axes.get_yaxis_transform()
    axes.annotate(text, (x, value), (0, up), xycoords=where, textcoords="offset points", ha=side, fontsize=7.5, color=LIMIT)


def legend(figure: Figure, columns: int, handles: Sequence[Artist] | None = None) -> None:
    """Names the curves below the axes; `handles` where not those that were drawn."""
    named: dict[str, Any] = {} if handles is None else {"handles": list(handles)}
    drawn = figure.legend(loc="outside lower center", ncols=columns, fontsize=8, frameon=False, **named)
    for text in drawn.get_texts():
        text.set_parse_math(False)  # names may hold a $


def quiet(axes: Axes, title: str, width: float, *, size: float = 10) -> None:
    """Gives axes, `width` inches wide, their title, a light grid and no frame above and on the right."""
    axes.set_title(cut_to_width(plain(title), width, size), fontsize=size, loc="left", color=LIMIT, parse_math=False)
    axes.grid(color="#e5e5e5", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(which="both", labelsize=8)
