"""Between which classes: the front by source class and target class."""

import math

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from tfcollide.measure.audit_record import AuditRecord
from tfcollide.report.audit.pair_charts import MAP, ink_on
from tfcollide.report.curve_style import figure_of, legend, quiet
from tfcollide.report.lettering import cut_to_width, plain

__all__ = ["class_fronts", "draw_classes"]

_CELL, _LETTERING = 0.36, 8.0


def class_fronts(record: AuditRecord) -> dict[tuple[str, str], float]:
    """(source class, target class) -> the median front of its pairs; infinite where that is censored."""
    found: dict[tuple[str, str], list[float]] = {}
    for one in record.fronts_at(record.tap):
        change = math.inf if one.change is None else one.change
        found.setdefault((one.source_class, one.target_class), []).append(change)
    # Of two middle ones the smaller, or a collision would be hidden by a pair that has none.
    return {ends: sorted(changes)[(len(changes) - 1) // 2] for ends, changes in found.items()}


def draw_classes(record: AuditRecord) -> Figure:
    """The heat map: a row per source class, a column per target class; darker is blinder."""
    found = class_fronts(record)
    ordered = [name for name in record.class_names if any(name in ends for ends in found)]
    names = ordered + sorted({name for ends in found for name in ends} - set(ordered))
    side = max(4.6, 1.4 + _CELL * len(names))
    figure = figure_of(side, side + 0.1)
    axes = figure.subplots()
    known = [front for front in found.values() if math.isfinite(front)]
    low, high = min(known, default=0.0), max(known, default=1.0)
    for (source, target), front in found.items():
        x, y = names.index(target), names.index(source)
        if math.isinf(front):
            axes.add_patch(Rectangle((x, y), 1, 1, facecolor="white", edgecolor="#999999", hatch="////", linewidth=0))
            continue
        color = MAP((front - low) / (high - low) if high > low else 0.0)
        axes.add_patch(Rectangle((x, y), 1, 1, facecolor=color, edgecolor="white", linewidth=0.8))
        text = f"{front:.2f}".removeprefix("0") if front < 1 else f"{front:.1f}"
        axes.annotate(text, (x + 0.5, y + 0.5), ha="center", va="center", fontsize=7.5, color=ink_on(color))
    quiet(axes, "Median front, source (row) to target (column)", side, size=9.5)
    axes.grid(False)
    axes.set(xlim=(0, len(names)), ylim=(len(names), 0), aspect="equal")
    short = [cut_to_width(plain(name), 1.1, _LETTERING) for name in names]
    axes.set_xticks(np.arange(len(names)) + 0.5, short, rotation=45, ha="right", rotation_mode="anchor", parse_math=False)
    axes.set_yticks(np.arange(len(names)) + 0.5, short, parse_math=False)
    axes.set_xlabel("target class", fontsize=9)
    axes.set_ylabel("source class", fontsize=9)
    for place in range(1, len(names)):
        axes.axhline(place, color="#e5e5e5", linewidth=0.6, zorder=0)
        axes.axvline(place, color="#e5e5e5", linewidth=0.6, zorder=0)
    shades = (
        [Patch(facecolor=MAP(share), label=f"{low + share * (high - low):.2f}") for share in (0.0, 0.5, 1.0)] if known else []
    )
    hatched = Patch(facecolor="white", edgecolor="#999999", hatch="////", label="censored")
    legend(figure, 4, [*shades, hatched])
    return figure
