"""What the pages of reports are made of; each is one file that opens from disk, without a network and without scripts."""

import html
from collections.abc import Sequence

from matplotlib.figure import Figure

from tfcollide.report.audit.inline_svg import inline_svg
from tfcollide.report.audit.page_style import STYLE

__all__ = ["bullets", "chart", "table", "text", "tiles", "whole_page"]

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def whole_page(title: str, parts: Sequence[str]) -> str:
    """A page from its parts, which are HTML already."""
    return _PAGE.format(title=text(title), style=STYLE, body="\n".join(parts))


def tiles(shown: Sequence[tuple[str, str]]) -> str:
    """Numbers in large print, each over a line that says what it is."""
    cells = "".join(f'<div class="tile"><b>{text(big)}</b><span>{text(small)}</span></div>' for big, small in shown)
    return f'<div class="tiles">{cells}</div>'


def chart(figure: Figure, key: str, label: str, words: str, *, wide: bool = False) -> str:
    """A figure over its caption; `label` is read aloud in its place."""
    kind = "chart wide" if wide else "chart"
    drawn, caption = inline_svg(figure, label, key), f"<figcaption>{text(words)}</figcaption>"
    return f'<figure class="{kind}" id="chart-{key}">{drawn}{caption}</figure>'


def table(header: Sequence[str], rows: Sequence[Sequence[str]], kind: str = "tight") -> str:
    """A table that scrolls where the screen is narrow."""
    head = "".join(f"<th>{text(cell)}</th>" for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{text(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table class="{kind}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def bullets(sentences: Sequence[str]) -> str:
    """A list of sentences."""
    return "<ul>" + "".join(f"<li>{text(one)}</li>" for one in sentences) + "</ul>"


def text(words: str) -> str:
    """Words in which HTML means nothing."""
    return html.escape(words)
