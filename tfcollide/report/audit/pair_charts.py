"""Charts of what was found: the distribution of fronts, rates by change and spread, outcomes."""

import math

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from tfcollide.measure.audit_record import OUTCOMES, AuditRecord
from tfcollide.report.audit.audit_words import percent
from tfcollide.report.curve_style import GOOD, LIMIT, figure_of, legend, look_of, quiet

__all__ = ["MAP", "draw_fronts", "draw_outcomes", "draw_rates", "ink_on"]

MAP = colormaps["cividis"]
"""Dark is blind. Made for color-blind readers (Nunez, Anderton and Renslow 2018); it prints in gray, as lightness rises."""

_WIDTH = 4.6
_LOOKS = {
    "proven": ("#1b4f72", ""),
    "sampled": ("#4477aa", "//"),
    "trivial": ("#ddcc77", ""),
    "lost": ("#cc6677", "\\\\"),
    "failed": ("#dddddd", ""),
}


def draw_fronts(record: AuditRecord) -> Figure:
    """Which share of the pairs collides within a change, tap by tap; the rest is censored."""
    figure = figure_of(_WIDTH, 3.3)
    axes = figure.subplots()
    many = len(record.taps) > 1
    for n, tap in enumerate(record.taps):
        changes = np.sort(record.changes_at(tap))
        known = changes[np.isfinite(changes)]
        shares = np.arange(1, len(known) + 1) / max(len(changes), 1)
        look = look_of(n) | {"marker": ""}
        edge = max(1.0, float(known.max(initial=0.0)))
        steps = [0.0, *known, edge], [0.0, *shares, shares[-1] if len(shares) else 0.0]
        axes.step(*steps, where="post", linewidth=1.6, label=tap, **look)
    if not many:
        _median(axes, record)
        _censored(axes, record)
    quiet(axes, "Pairs that collide within a change", _WIDTH)
    axes.set(xlim=(0, None), ylim=(0, 1.02))
    axes.set_xlabel("change, 1 = from the source to the target", fontsize=9)
    axes.set_ylabel("share of pairs", fontsize=9)
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    if many:
        legend(figure, 2)
    return figure


def _median(axes: Axes, record: AuditRecord) -> None:
    front = record.front()
    if math.isinf(front.value):
        return
    ends = [max(front.low, 0.0), min(front.high, axes.get_xlim()[1])]  # without ends: all changes
    axes.axvspan(*ends, color=GOOD, alpha=0.18, linewidth=0)
    axes.axvline(front.value, color=LIMIT, linewidth=1.0, linestyle=(0, (4, 2)))
    axes.annotate(f" median {front.value:.2f}", (front.value, 0.03), fontsize=8, color=LIMIT)


def _censored(axes: Axes, record: AuditRecord) -> None:
    share = sum(record.censored().values()) / max(len(record.pairs), 1)
    if not share:
        return
    axes.axhspan(1 - share, 1, facecolor="#eeeeee", edgecolor="#999999", hatch="///", linewidth=0)
    words = ", ".join(f"{count} {name}" for name, count in record.censored().items())
    where = axes.get_yaxis_transform()
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
    axes.annotate(f"censored: {words}", (0.02, 1 - share / 2), xycoords=where, va="center", fontsize=8, bbox=box)


def draw_rates(record: AuditRecord) -> Figure:
    """Rates over the grid, the headline's cell framed."""
    rows, columns = len(record.spreads), len(record.changes)
    figure = figure_of(_WIDTH, 1.3 + 0.62 * rows)
    axes = figure.subplots()
    for cell in record.grid():
        x, y = record.changes.index(cell.change), record.spreads.index(cell.spread)
        color = MAP(1.0 - cell.rate.value)
        axes.add_patch(Rectangle((x, y), 1, 1, facecolor=color, edgecolor="white", linewidth=1.5))
        ink = ink_on(color)
        axes.annotate(percent(cell.rate.value), (x + 0.5, y + 0.62), ha="center", va="center", fontsize=11, color=ink)
        ends = f"{100 * cell.rate.low:.0f} to {100 * cell.rate.high:.0f}"
        axes.annotate(ends, (x + 0.5, y + 0.27), ha="center", va="center", fontsize=8, color=ink)
    if record.headline[0] in record.changes and record.headline[1] in record.spreads:
        place = record.changes.index(record.headline[0]), record.spreads.index(record.headline[1])
        axes.add_patch(Rectangle(place, 1, 1, fill=False, edgecolor="#cc3311", linewidth=3, zorder=3))
    quiet(axes, "Pairs with a hull that is found (headline framed)", _WIDTH, size=9.5)
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.set(xlim=(-0.02, columns + 0.02), ylim=(-0.04, rows + 0.04))
    axes.set_xticks(np.arange(columns) + 0.5, [f"{change:g}" for change in record.changes])
    axes.set_yticks(np.arange(rows) + 0.5, [f"{spread:g}" for spread in record.spreads])
    axes.tick_params(length=0)
    axes.set_xlabel("largest change, 1 = from the source to the target", fontsize=9)
    axes.set_ylabel("smallest spread", fontsize=9)
    return figure


def draw_outcomes(record: AuditRecord) -> Figure:
    """How many pairs are proven, sampled, trivial, lost and failed, tap by tap."""
    figure = figure_of(_WIDTH, 1.15 + 0.42 * len(record.taps))
    axes = figure.subplots()
    for row, tap in enumerate(reversed(record.taps)):
        left = 0
        for name, count in record.outcomes(tap).items():
            color, hatch = _LOOKS[name]
            axes.barh(row, count, left=left, color=color, hatch=hatch, edgecolor="white", height=0.62)
            if count >= 0.05 * len(record.pairs):
                box = {"facecolor": "white", "edgecolor": "none", "pad": 1.2, "alpha": 0.85}
                axes.annotate(f"{count}", (left + count / 2, row), ha="center", va="center", fontsize=8.5, bbox=box)
            left += count
    quiet(axes, "What became of the hulls, pairs by their best", _WIDTH)
    axes.grid(False)
    axes.set_yticks(range(len(record.taps)), list(reversed(record.taps)))
    axes.set_xlim(0, max(len(record.pairs), 1))
    axes.set_xlabel("pairs", fontsize=9)
    handles = [Patch(facecolor=_LOOKS[one][0], hatch=_LOOKS[one][1], edgecolor="white", label=one) for one in OUTCOMES]
    legend(figure, 5, handles)
    return figure


def ink_on(color: tuple[float, ...]) -> str:
    """Black or white, whichever can be read on a color."""
    red, green, blue = color[:3]
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"
