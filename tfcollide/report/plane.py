"""Figure 1 of the paper: collisions of a network of two inputs, drawn in their plane.

Everything shown is read from a `Polytope`: its half-spaces, the polygon that they
leave, and the corners that moving one of them finds.
"""

from collections.abc import Sequence
from pathlib import Path

import matplotlib.patheffects as effects
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.spatial import ConvexHull, HalfspaceIntersection

from tfcollide.errors import RequestError
from tfcollide.polytope.exact.geometry import affine_dimension, chebyshev
from tfcollide.polytope.exact.halfspaces import Polytope
from tfcollide.polytope.exact.vertices import exact_corners

__all__ = ["draw_plane", "polygon"]

_BLUE, _RED, _GREEN = "#4477aa", "#cc3311", "#228833"
_TITLES = (
    "The half-spaces of all units,\nand the collisions they share",
    "One half-space moved until\nit leaves a single point",
    "A corner for each of three units:\nall their mixtures collide too",
)
_HALO = [effects.withStroke(linewidth=3, foreground="white")]


def polygon(polytope: Polytope) -> np.ndarray:
    """The vertices `[V, 2]` of a polytope in the plane, counterclockwise.

    Raises:
        RequestError: it has equalities, another dimension than two, or no end.
    """
    flat = polytope.size != 2 or len(polytope.values) > 0 or affine_dimension(polytope) < 2
    ball = None if flat else chebyshev(polytope)
    if ball is None or not np.isfinite(ball.radius):
        raise RequestError("a polytope that is no polygon", "two coordinates, no equalities, and an end in every direction")
    points = HalfspaceIntersection(np.column_stack(_sides(polytope)), ball.center).intersections
    return points[ConvexHull(points).vertices]


def draw_plane(path: Path, polytope: Polytope, target: np.ndarray, units: Sequence[int]) -> None:
    """Draws the half-spaces and their polytope; the first unit's half-space moved; a corner a unit and their hull.

    Args:
        path: a PNG file.
        polytope: of two inputs, each inequality a unit that the target leaves off.
        target: `[2]`, in the polytope.
        units: that corners push, three or more.
    """
    corners = exact_corners(polytope, polytope.inequalities[list(units)]).points
    figure = Figure(figsize=(10.5, 4.0), layout="constrained")
    panels = figure.subplots(1, 3, sharex=True, sharey=True)
    for axis, title in zip(panels, _TITLES, strict=True):
        _frame(axis, polytope, title)
        axis.fill(*polygon(polytope).T, color=_BLUE, alpha=0.18, linewidth=0)
    panels[0].set_ylabel("second input")
    for number in range(len(polytope.limits)):
        _boundary(panels[0], polytope, number, polytope.limits[number], ticks=True)
        _name(panels[0], polytope, number)
        for axis in panels[1:]:
            _boundary(axis, polytope, number, polytope.limits[number], color="#bbbbbb")
    _moved(panels[1], polytope, units[0], corners[0])
    _hull(panels[2], corners, units)
    for axis in panels:
        _point(axis, target, "target", _GREEN, "o")
    figure.savefig(path, dpi=160)


def _sides(polytope: Polytope) -> tuple[np.ndarray, np.ndarray]:
    """Rows and offsets of rows x + offsets <= 0, bounds included; without rows of zeros."""
    some, eye = polytope.inequalities.any(axis=1), np.eye(polytope.size)
    low, high = np.isfinite(polytope.lower), np.isfinite(polytope.upper)
    rows = np.concatenate([polytope.inequalities[some], -eye[low], eye[high]])
    return rows, np.concatenate([-polytope.limits[some], polytope.lower[low], -polytope.upper[high]])


def _frame(axis: Axes, polytope: Polytope, title: str) -> None:
    """The bounds of the inputs are the frame."""
    axis.set(xlim=(polytope.lower[0], polytope.upper[0]), ylim=(polytope.lower[1], polytope.upper[1]), aspect="equal")
    axis.set_title(title, fontsize=11)
    axis.set(xticks=[], yticks=[], xlabel="first input")


def _boundary(
    axis: Axes, polytope: Polytope, number: int, level: float, *, color: str = _BLUE, style: str = "-", ticks: bool = False
) -> None:
    """The line where a unit's pre-activation has one value; ticks on the side where it is larger."""
    row = polytope.inequalities[number]
    normal = row / np.linalg.norm(row)
    start, along = level / np.linalg.norm(row) * normal, np.array([-normal[1], normal[0]])
    width = float(np.max(polytope.upper - polytope.lower))
    middle = start + along * ((polytope.lower + polytope.upper) / 2 - start).dot(along)
    ends = np.stack([middle - 2 * width * along, middle + 2 * width * along])
    axis.plot(*ends.T, color=color, linestyle=style, linewidth=1.6)
    if ticks:
        marks = middle + np.arange(-1.0, 1.0, 0.04)[:, None] * width * along
        axis.plot(*np.stack([marks, marks + 0.03 * width * normal]).transpose(2, 0, 1), color=color, linewidth=0.7)


def _name(axis: Axes, polytope: Polytope, unit: int) -> None:
    """The unit's number within the polygon, at the middle of its edge, if it has one."""
    row, corners = polytope.inequalities[unit], polygon(polytope)
    edge = corners[np.abs(corners @ row - polytope.limits[unit]) < 1e-9]
    if len(edge):
        place = edge.mean(axis=0) - 0.07 * np.max(polytope.upper - polytope.lower) * row / np.linalg.norm(row)
        _text(axis, f"unit {unit}", place, _BLUE)


def _moved(axis: Axes, polytope: Polytope, unit: int, corner: np.ndarray) -> None:
    """The boundary of `unit` where it was, on its way, and at its last point of the polytope."""
    row, first = polytope.inequalities[unit], polytope.limits[unit]
    last = float(row @ corner)
    for level, style in ((first, "-"), ((2 * first + last) / 3, ":"), ((first + 2 * last) / 3, ":"), (last, "-")):
        _boundary(axis, polytope, unit, level, color=_RED, style=style)
    push = (last - first) / (row @ row) * row
    axis.annotate(
        "", tuple(corner), tuple(corner - push), arrowprops={"arrowstyle": "-|>", "color": _RED, "shrinkA": 0, "shrinkB": 7}
    )
    _point(axis, corner, f"corner of unit {unit}", _RED, "*")


def _hull(axis: Axes, corners: np.ndarray, units: Sequence[int]) -> None:
    """The corners and the polygon of their mixtures."""
    outline = corners[ConvexHull(corners).vertices]
    axis.fill(*outline.T, facecolor=_RED, alpha=0.25, linewidth=0)
    axis.plot(*np.concatenate([outline, outline[:1]]).T, color=_RED, linewidth=1.2)
    for unit, corner in zip(units, corners, strict=True):
        _point(axis, corner, f"unit {unit}", _RED, "*")


def _point(axis: Axes, place: np.ndarray, text: str, color: str, marker: str) -> None:
    size = 13 if marker == "*" else 8
    axis.plot(*place, marker, color=color, markersize=size, markeredgecolor="white", clip_on=False, zorder=5)
    right = place[0] > np.mean(axis.get_xlim())
    _text(axis, text, place, color, shift=(-9, 6) if right else (9, 6), ha="right" if right else "left")


def _text(axis: Axes, text: str, place: np.ndarray, color: str, *, shift: tuple[int, int] = (0, 0), ha: str = "center") -> None:
    at = (float(place[0]), float(place[1]))
    axis.annotate(text, at, shift, textcoords="offset points", ha=ha, color=color, path_effects=_HALO, zorder=6)
