"""The paper's figures 2 and 3: the source, the corners and the target in a row, and what the corners changed."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tfcollide.images import to_uint8
from tfcollide.measure.wording import shares
from tfcollide.records import CornerRecord, EndPoint, Summary
from tfcollide.report.conclusion import conclusion
from tfcollide.report.lettering import line_height, plain, save, wrap
from tfcollide.report.phrases import explained, hull_words
from tfcollide.shapes import Bounds

__all__ = [
    "Note",
    "Panel",
    "absent_panel",
    "change_images",
    "compose",
    "corner_panel",
    "draw",
    "end_panel",
    "folded",
    "write_row",
]

BELOW = (
    "Below each image: what the network takes it for, with its probability. Below a corner: its distances to source and "
    "target, as shares of the distance between those two, and what an independent reader takes it for, where there is one."
)
"""What stands below images."""

MARKED = ("failed", "trivial", "lost")
"""Roles of corners that are no collisions; the title of such a panel says so."""

_COLUMNS = 10
_WIDTH, _GAP, _EDGE = 1.6, 0.16, 0.08  # inches: of a panel, between two, around all
_BELOW = 0.05  # inches between an image and its caption
_LEAST_HEIGHT, _MOST_HEIGHT = 0.4, 2.4  # inches, of the images of a row
_TITLE, _CAPTION, _NOTE, _FOOT = 9.0, 9.5, 8.0, 9.0  # points
_MOST_TITLE, _MOST_LINES = 2, 4
_DARK, _SOFT = "#111111", "#444444"
# Colors that the color-blind tell apart (Paul Tol's); a word above the image says the same.
_EDGES = {
    "source": "#4477aa",
    "corner": "#bbbbbb",
    "change": "#dddddd",
    "target": "#228833",
    "failed": "#cc3311",
    "trivial": "#ee7733",
    "lost": "#aa3377",
}


class Panel(NamedTuple):
    """One image of a figure.

    Attributes:
        title: above it.
        pixels: `[H, W, C]` or `[H, W]` uint8.
        caption: below it, what the network takes it for.
        role: "source", "corner", "change", "target", "failed", "trivial" or "lost"; the color of its frame.
        note: below the caption, in smaller letters.
    """

    title: str
    pixels: np.ndarray
    caption: str
    role: str
    note: str = ""


class Note(NamedTuple):
    """Words in the place of an image."""

    text: str


Cell = Panel | Note | None
_T = TypeVar("_T")


def write_row(
    path: Path, summary: Summary, source: np.ndarray, corners: np.ndarray, target: np.ndarray, bounds: Bounds
) -> None:
    """Draws the images of a run, each over what the network takes it for, and what the corners changed.

    Args:
        path: a PNG file.
        summary: of the run.
        source: `[H, W, C]`.
        corners: `[N, H, W, C]`.
        target: `[H, W, C]`.
        bounds: of all three.
    """
    changes, scale = change_images(source, corners, bounds)
    label = Note(_scale_words(scale, corners.shape[-1]))
    columns: list[tuple[Cell, Cell]] = [(end_panel("source", to_uint8(source, bounds), summary.source, "source"), label)]
    images = zip(to_uint8(corners, bounds), changes, summary.corners, strict=True)
    for n, (pixels, change, record) in enumerate(images):
        if n in summary.absent:
            columns.append((absent_panel(pixels), None))
        else:
            columns.append((corner_panel(n, pixels, record, summary.target.predicted), Panel("", change, "", "change")))
    columns.append((end_panel("target", to_uint8(target, bounds), summary.target, "target"), None))
    rows = [list(row) for line in folded(columns, (None, label)) for row in zip(*line, strict=True)]
    foot = [conclusion(summary), hull_words(summary), explained(summary)]
    draw(path, [row for row in rows if any(isinstance(cell, Panel) for cell in row)], "\n".join(filter(None, foot)))


def change_images(source: np.ndarray, corners: np.ndarray, bounds: Bounds) -> tuple[np.ndarray, float]:
    """What corners changed: `[N, H, W, C]` uint8, gray where nothing, and what white stands for, a share of the range.

    Black stands for as much downwards; the scale is the largest change of all corners.
    """
    change = np.nan_to_num(corners.astype(np.float64) - source, posinf=0.0, neginf=0.0) / bounds.range
    scale = float(np.abs(change).max())
    return np.rint(127.5 + 127.5 * change / (scale or 1.0)).astype(np.uint8), scale


def end_panel(title: str, pixels: np.ndarray, record: EndPoint, role: str) -> Panel:
    """The source or the target of a run, uint8, as a panel."""
    return Panel(title, pixels, _caption(record.predicted, record.probability), role)


def corner_panel(n: int, pixels: np.ndarray, record: CornerRecord, target: str) -> Panel:
    """A corner of a run, uint8, as a panel; `target` is the class that it is to get.

    Numbers of the record may be None, as in a `summary.json` where they are not finite.
    """
    caption = _caption(record.predicted, record.probability)
    if record.predicted != target:
        caption = f'"{_short(record.predicted)}", not "{_short(target)}"  ({_number(record.probability)})'
    failed = "NOT CONVERGED" if record.diverged_at is None else "DIVERGED"
    marks = [("trivial", "TRIVIAL", record.trivial), ("lost", "LOST", record.lost), ("failed", failed, not record.converged)]
    role, title = next(((role, title) for role, title, holds in marks if holds), ("corner", f"corner {n}"))
    return Panel(title, pixels, caption, role, _seen(record))


def absent_panel(pixels: np.ndarray) -> Panel:
    """A white panel of the size of `pixels` `[H, W, C]`, in the place of a corner that was not found."""
    return Panel("NOT FOUND", np.full_like(pixels, 255), "-", "failed")


def folded(cells: Sequence[_T], lead: _T) -> list[list[_T]]:
    """`cells` in lines of at most ten; `lead` comes first in every line but the first."""
    rest = range(_COLUMNS, len(cells), _COLUMNS - 1)
    return [list(cells[:_COLUMNS]), *([lead, *cells[i : i + _COLUMNS - 1]] for i in rest)]


def draw(path: Path, rows: Sequence[Sequence[Cell]], foot: str) -> None:
    """Writes rows of panels with text below them as a PNG."""
    save(compose(rows, foot), path)


def compose(rows: Sequence[Sequence[Cell]], foot: str) -> Figure:
    """Rows of panels over a foot, a paragraph a line of `foot`; text keeps to its panel's width."""
    columns = max(len(row) for row in rows)
    width = columns * (_WIDTH + _GAP) - _GAP + 2 * _EDGE
    heights = [_row_height(row) for row in rows]
    feet = [wrap(paragraph, width - 2 * _EDGE, _FOOT, 20) for paragraph in foot.splitlines()]
    bottom = sum(len(lines) for lines in feet) * line_height(_FOOT) + _GAP
    figure = Figure(figsize=(width, sum(heights) + bottom + 2 * _EDGE))
    top = figure.get_figheight() - _EDGE
    for row, height in zip(rows, heights, strict=True):
        _draw_row(figure, row, top)
        top -= height
    top -= _GAP / 2
    for lines, color in zip(feet, [_DARK] + [_SOFT] * len(feet), strict=False):
        top = _write(figure, _EDGE, top, lines, _Look(_FOOT, color, "left"))
    return figure


class _Lines(NamedTuple):
    """The text of a panel, broken."""

    title: list[str]
    caption: list[str]
    note: list[str]


def _lines(panel: Panel) -> _Lines:
    return _Lines(
        wrap(panel.title, _WIDTH, _TITLE, _MOST_TITLE),
        wrap(panel.caption, _WIDTH, _CAPTION, _MOST_LINES),
        [line for part in panel.note.splitlines() for line in wrap(part, _WIDTH, _NOTE, _MOST_LINES)],
    )


def _measures(row: Sequence[Cell]) -> tuple[float, float, float]:
    """Inches of the titles, of the images and of the text below, of a row."""
    panels = [cell for cell in row if isinstance(cell, Panel)]
    texts = [_lines(panel) for panel in panels]
    title = max(len(text.title) for text in texts) * line_height(_TITLE)
    below = max(len(text.caption) * line_height(_CAPTION) + len(text.note) * line_height(_NOTE) for text in texts)
    image = max(_WIDTH * panel.pixels.shape[0] / panel.pixels.shape[1] for panel in panels)
    notes = [len(_note_lines(cell)) * line_height(_NOTE) for cell in row if isinstance(cell, Note)]
    return title, max(min(max(image, _LEAST_HEIGHT), _MOST_HEIGHT), *notes, 0.0), below


def _row_height(row: Sequence[Cell]) -> float:
    return sum(_measures(row)) + _BELOW + _GAP


def _note_lines(note: Note) -> list[str]:
    return wrap(note.text, _WIDTH, _NOTE, 20)


def _draw_row(figure: Figure, row: Sequence[Cell], top: float) -> None:
    title, height, _ = _measures(row)
    floor = top - title - height
    for column, cell in enumerate(row):
        left = _EDGE + column * (_WIDTH + _GAP)
        if isinstance(cell, Note):
            lines = _note_lines(cell)
            middle = floor + (height + len(lines) * line_height(_NOTE)) / 2
            _write(figure, left, middle, lines, _Look(_NOTE, _SOFT, "left"))
        elif cell is not None:
            _draw_panel(figure, cell, left, floor, height)


def _draw_panel(figure: Figure, panel: Panel, left: float, floor: float, height: float) -> None:
    """A panel whose image fills what lies `height` above `floor`, in inches."""
    text, (across, up), middle = _lines(panel), figure.get_size_inches(), left + _WIDTH / 2
    _show(figure.add_axes((left / across, floor / up, _WIDTH / across, height / up)), panel)
    above = _Look(_TITLE, _EDGES[panel.role], weight="bold") if panel.role in MARKED else _Look(_TITLE, _SOFT)
    _write(figure, middle, floor + height + len(text.title) * line_height(_TITLE), text.title, above)
    under = _write(figure, middle, floor - _BELOW, text.caption, _Look(_CAPTION, _DARK))
    _write(figure, middle, under, text.note, _Look(_NOTE, _SOFT))


class _Look(NamedTuple):
    """How text is drawn: points, color, which way it is aligned, how heavy."""

    size: float
    color: str
    align: str = "center"
    weight: str = "normal"


def _write(figure: Figure, x: float, top: float, lines: Sequence[str], look: _Look) -> float:
    """Lines of text below `top`, in inches; returns where they end."""
    across, up = figure.get_size_inches()
    for line in lines:
        text = figure.text(x / across, top / up, line, size=look.size, color=look.color, weight=look.weight)
        text.set(ha=look.align, va="top", parse_math=False)  # names may hold a $
        top -= line_height(look.size)
    return top


def _show(axis: Axes, panel: Panel) -> None:
    gray = panel.pixels.ndim == 3 and panel.pixels.shape[2] == 1
    axis.imshow(panel.pixels[..., 0] if gray else panel.pixels, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axis.set_xticks([])
    axis.set_yticks([])
    for spine in axis.spines.values():
        spine.set(color=_EDGES[panel.role], linewidth=1 if panel.role == "change" else 2)


def _caption(name: str, probability: float | None) -> str:
    return f'"{_short(name)}"  {_number(probability)}'


def _short(name: str) -> str:
    """The first of the synonyms that a class name may list."""
    return plain(name.split(",")[0])


def _number(value: float | None) -> str:
    return "no number" if value is None else f"{value:.3f}"


def _seen(record: CornerRecord) -> str:
    """How far a corner is from both images, and what a reader sees in it."""
    lines = []
    if record.source_share is not None and record.target_share is not None:
        near, far = (text.removeprefix("0") for text in shares(record.source_share, record.target_share))
        lines.append(f"source {near} · target {far}")
    if record.reader is not None:
        lines.append(f'reader: "{_short(record.reader)}"')
    return "\n".join(lines)


def _scale_words(scale: float, channels: int) -> str:
    if not scale:
        return "The change: corner less source. Gray: there is none."
    each = ", in each color channel" if channels > 1 else ""
    return f"The change: corner less source. Gray: none. Black: -{scale:.2g}, white: +{scale:.2g} of the pixel range{each}."
