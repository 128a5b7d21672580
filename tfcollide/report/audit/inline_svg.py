"""Figures as SVG within a page: text stays text, and nothing is asked of a network."""

import io
import re
import warnings

import matplotlib
from matplotlib.figure import Figure

__all__ = ["inline_svg"]


def inline_svg(figure: Figure, label: str, key: str) -> str:
    """An `<svg>` element; the same figure gives the same text.

    Args:
        figure: what to draw.
        label: read aloud in its place.
        key: of this figure; ids of two figures of a page differ with it.
    """
    file = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": key}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = _own_ids(text, key)
    width = float(figure.get_figwidth()) * 96
    return text.replace("<svg", f'<svg role="img" aria-label="{_quoted(label)}" style="max-width:{1.25 * width:.0f}px"', 1)


def _own_ids(text: str, key: str) -> str:
    """Ids such as `axes_1` are those of every figure: with the key before them they are this one's."""
    for name in set(re.findall(r' id="([^"]+)"', text)):
        text = text.replace(f'id="{name}"', f'id="{key}-{name}"').replace(f'"#{name}"', f'"#{key}-{name}"')
        text = text.replace(f"url(#{name})", f"url(#{key}-{name})")
    return text


def _quoted(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
