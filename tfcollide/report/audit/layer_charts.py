"""Charts of where sight is lost: the layer profile by depth, and the spectra."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tfcollide.measure.audit_record import AuditRecord
from tfcollide.measure.layer_look import THRESHOLDS, LayerLook
from tfcollide.report.curve_style import figure_of, legend, look_of, quiet

__all__ = ["draw_layers", "draw_spectra"]

_WIDTH, _MOST_SPECTRA = 4.6, 6
_FLOOR = 1e-8


def draw_layers(record: AuditRecord) -> Figure:
    """By depth: the share of active units, the share of directions that are invisible, and front and rate where known."""
    names = list(dict.fromkeys(look.tap for look in record.layers)) or list(record.taps)
    panels = 3 if len(record.taps) > 1 else 2
    figure = figure_of(max(_WIDTH, 0.42 * len(names)), 1.0 + 1.75 * panels)
    axes = figure.subplots(panels, 1, sharex=True)
    _active(axes[0], record, names)
    _invisible(axes[1], record, names)
    if panels == 3:
        _found(axes[2], record, names)
    axes[-1].set_xticks(range(len(names)), names, rotation=40, ha="right", rotation_mode="anchor")
    axes[-1].set_xlim(-0.5, len(names) - 0.5)
    legend(figure, 1, axes[1].get_legend_handles_labels()[0] + (axes[2].get_legend_handles_labels()[0] if panels == 3 else []))
    return figure


def _active(axes: Axes, record: AuditRecord, names: Sequence[str]) -> None:
    shares = [[look.active_share for look in _at(record, name)] for name in names]
    _ranges(axes, shares, 0, 0.0, "share of active units")
    quiet(axes, "Active units (median, and all images)", _WIDTH, size=9.5)
    _percents(axes)


def _invisible(axes: Axes, record: AuditRecord, names: Sequence[str]) -> None:
    for n, threshold in enumerate(THRESHOLDS):
        looks = [_at(record, name) for name in names]
        ends = [[end / look.dimension for look in at for end in (look.low[n], look.high[n])] for at in looks]
        middle = [float(np.median([look.invisible[n] / look.dimension for look in at])) if at else math.nan for at in looks]
        exact = [all(look.exact for look in at) for at in looks]
        words = f"invisible at {threshold:g} of the largest singular value"
        _ranges(axes, ends, n, 0.1 * (n - 1), words, middle=middle, filled=exact)
    title = (
        "Invisible directions (hollow: estimated)" if not all(one.exact for one in record.layers) else "Invisible directions"
    )
    quiet(axes, title, _WIDTH, size=9.5)
    _percents(axes)


def _found(axes: Axes, record: AuditRecord, names: Sequence[str]) -> None:
    for n, (words, of) in enumerate((("rate at the headline", record.rate), ("median front", record.front))):
        look = look_of(3 + n)
        for tap in record.taps:
            one = of(tap=tap)
            place = names.index(tap) + 0.1 * (n - 0.5)
            if math.isfinite(one.value):
                top = one.high if math.isfinite(one.high) else 1.0
                axes.plot([place, place], [one.low, top], color=look["color"], linewidth=1.5)
                axes.plot(place, one.value, color=look["color"], marker=look["marker"], markersize=6, linestyle="")
        axes.plot([], [], color=look["color"], marker=look["marker"], markersize=6, label=f"{words}, with 95 % interval")
    quiet(axes, "Front (upper bound) and rate (lower bound)", _WIDTH, size=9.5)
    axes.set_ylim(0, 1.05)


def _ranges(
    axes: Axes,
    values: Sequence[Sequence[float]],
    n: int,
    shift: float,
    label: str,
    *,
    middle: Sequence[float] | None = None,
    filled: Sequence[bool] | None = None,
) -> None:
    """Medians joined by a line, over bars from the least to the largest."""
    look, places = look_of(n), np.arange(len(values)) + shift
    medians = middle or [float(np.median(one)) if one else math.nan for one in values]
    axes.plot(places, medians, color=look["color"], linestyle=look["linestyle"], linewidth=1.2)
    for place, one, median, full in zip(places, values, medians, filled or [True] * len(values), strict=True):
        if one:
            axes.plot([place, place], [min(one), max(one)], color=look["color"], linewidth=1.4, alpha=0.7)
            face = look["color"] if full else "white"
            axes.plot(place, median, marker=look["marker"], color=look["color"], markerfacecolor=face, markersize=6)
    axes.plot([], [], **(look | {"markersize": 6}), label=label)


def draw_spectra(record: AuditRecord) -> Figure | None:
    """Singular values of the Jacobian as shares of the largest, the median over images; None where all are estimated."""
    names = [
        name for name in dict.fromkeys(look.tap for look in record.layers) if any(one.spectrum for one in _at(record, name))
    ]
    if not names:
        return None
    chosen = [names[i] for i in np.unique(np.linspace(0, len(names) - 1, _MOST_SPECTRA).round().astype(int))]
    figure = figure_of(_WIDTH, 3.4)
    axes = figure.subplots()
    for n, name in enumerate(chosen):
        curves = np.array([one.spectrum for one in _at(record, name) if one.spectrum])
        middle = np.maximum(np.median(curves, axis=0), _FLOOR)
        axes.plot(np.linspace(0, 1, len(middle)), middle, label=name, linewidth=1.4, **(look_of(n) | {"markevery": 20}))
    for threshold in THRESHOLDS:
        axes.axhline(threshold, color="#999999", linewidth=0.8, linestyle=(0, (2, 2)))
    axes.set_yscale("log")
    axes.set(xlim=(0, 1), ylim=(0.7 * _FLOOR, 2))
    quiet(axes, "How nearly: singular values of the Jacobian", _WIDTH, size=9.5)
    axes.set_xlabel("share of all directions, the most visible first", fontsize=9)
    axes.set_ylabel("share of the largest", fontsize=9)
    axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    legend(figure, 2)
    return figure


def _at(record: AuditRecord, tap: str) -> list[LayerLook]:
    return [look for look in record.layers if look.tap == tap]


def _percents(axes: Axes) -> None:
    axes.set_ylim(-0.03, 1.05)
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
