"""Tables in Markdown that read well as plain text too."""

from collections.abc import Sequence

__all__ = ["markdown_table"]


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose columns are as wide as their widest cell; ends in a new line.

    Args:
        header: a cell per column.
        rows: as many cells each.
    """
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in (header, *rows)]
    lines.insert(1, ["-" * width for width in widths])
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)
