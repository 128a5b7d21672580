"""Text that fits a place: measured in the font, broken between words, shortened where even that is too long."""

import functools
import re
import warnings
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

__all__ = ["cut_to_width", "line_height", "plain", "save", "text_width", "wrap"]

_SAFETY = 1.04  # drawn letters keep to whole pixels, and come out wider than measured
_GAPS, _JOINTS = re.compile(r"(\s+)"), re.compile(r"(?<=\w[-_/])(?=\w)")


def plain(text: str) -> str:
    """`text` in one line, of characters that can be drawn: what is no Unicode, as in names of files, is escaped."""
    return re.sub(r"\s", " ", text.encode(errors="backslashreplace").decode()).strip()


@functools.lru_cache(maxsize=10_000)
def text_width(text: str, size: float) -> float:
    """Inches across `text` in a font of `size` points."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a glyph that the font lacks is drawn as a box, and measured as one
        width, _, _ = text_to_path.get_text_width_height_descent(text, FontProperties(size=size), ismath=False)
    return _SAFETY * width / 72.0


def line_height(size: float) -> float:
    """Inches from line to line in a font of `size` points."""
    return 1.3 * size / 72.0


def cut_to_width(text: str, width: float, size: float) -> str:
    """`text` no wider than `width` inches, its middle left out where it is too long, so that its end can be told."""
    if text_width(text, size) <= width:
        return text
    for kept in range(len(text) - 1, 0, -1):
        tail = min(kept // 3, 6)
        short = f"{text[: kept - tail]}…{text[len(text) - tail :]}"
        if text_width(short, size) <= width:
            return short
    return "…"


def wrap(text: str, width: float, size: float, most: int) -> list[str]:
    """`text` as at most `most` lines no wider than `width` inches; of more lines the last one is kept.

    Lines break between words, and in a word wider than a line after a hyphen, an underscore or a slash.
    """
    lines = [""]
    for part in _parts(plain(text), width, size):
        if text_width((lines[-1] + part).rstrip(), size) <= width:
            lines[-1] += part
        else:
            lines.append(cut_to_width(part.strip(), width, size))
    lines = [line.rstrip() for line in lines if line.strip()]
    if len(lines) <= most:
        return lines
    if most == 1:
        return [cut_to_width(plain(text), width, size)]
    return [*lines[: most - 2], cut_to_width(f"{lines[most - 2]} …", width, size), lines[-1]]


def _parts(text: str, width: float, size: float) -> list[str]:
    """Words and the gaps between them; words wider than `width` in pieces."""
    words = filter(None, _GAPS.split(text))
    return [part for word in words for part in ([word] if text_width(word, size) <= width else _JOINTS.split(word))]


def save(figure: Figure, path: Path) -> None:
    """Writes a figure as a PNG."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(path, dpi=160)
