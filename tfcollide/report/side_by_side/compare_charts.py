"""Charts of a comparison: the fronts of both sides pair by pair, and how the pairs fall."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from tfcollide.measure.compare_record import CompareRecord
from tfcollide.report.curve_style import GOOD, LIMIT, figure_of, legend, quiet

__all__ = ["draw_falls", "draw_pair_fronts"]

_WIDTH = 4.6
_FALLS = (("easier in A", "#1b4f72", ""), ("alike", "#dddddd", ""), ("easier in B", "#cc6677", "//"))


def draw_pair_fronts(record: CompareRecord) -> Figure:
    """A mark per pair at the first tap: its front in A across, in B up; censored ones at the edge."""
    rows = [one for one in record.rows if one.tap_a == record.rows[0].tap_a]
    fronts = np.array([[np.nan if f is None else f for f in (one.front_a, one.front_b)] for one in rows])
    edge = 1.12 * float(np.nanmax(fronts, initial=1.0))
    placed = np.where(np.isnan(fronts), edge, fronts)
    censored = np.isnan(fronts).any(axis=1)
    figure = figure_of(_WIDTH, 4.4)
    axes = figure.subplots()
    axes.plot([0, edge], [0, edge], color=LIMIT, linewidth=0.9, linestyle=(0, (4, 2)))
    for chosen, face in ((~censored, GOOD), (censored, "white")):
        axes.scatter(
            placed[chosen, 0], placed[chosen, 1], s=22, facecolor=face, edgecolor=GOOD, linewidth=1.0, alpha=0.85, zorder=3
        )
    quiet(axes, "Change that collides, pair by pair", _WIDTH)
    axes.set(xlim=(0, 1.04 * edge), ylim=(0, 1.04 * edge), aspect="equal")
    axes.set_xlabel(f"in A, at {record.rows[0].tap_a}", fontsize=9, parse_math=False)
    axes.set_ylabel(f"in B, at {record.rows[0].tap_b}", fontsize=9, parse_math=False)
    return figure


def draw_falls(record: CompareRecord) -> Figure:
    """Per test, how many pairs are easier in A, alike, and easier in B."""
    figure = figure_of(_WIDTH, 1.2 + 0.42 * len(record.tests))
    axes = figure.subplots()
    names = []
    for row, test in enumerate(reversed(record.tests)):
        left = 0
        names.append(f"{'hull' if test.what == 'rate' else 'front'}, {test.tap_a}")
        for count, (_, color, hatch) in zip((test.easier_a, test.alike, test.easier_b), _FALLS, strict=True):
            axes.barh(row, count, left=left, color=color, hatch=hatch, edgecolor="white", height=0.62)
            if count >= 0.06 * record.pairs:
                box = {"facecolor": "white", "edgecolor": "none", "pad": 1.2, "alpha": 0.85}
                axes.annotate(f"{count}", (left + count / 2, row), ha="center", va="center", fontsize=8.5, bbox=box)
            left += count
    quiet(axes, "In which of the two a pair collides more easily", _WIDTH)
    axes.grid(False)
    axes.set_yticks(range(len(names)), names, parse_math=False)
    axes.set_xlim(0, max(record.pairs, 1))
    axes.set_xlabel("pairs", fontsize=9)
    legend(figure, 3, [Patch(facecolor=color, hatch=hatch, edgecolor="white", label=name) for name, color, hatch in _FALLS])
    return figure
