"""The table of a check: served, here and recorded, side by side."""

from tfcollide.report.markdown import markdown_table
from tfcollide.serving.client.judged import Judged

__all__ = ["served_table"]


def served_table(title: str, columns: dict[str, Judged], remarks: list[str]) -> str:
    """Markdown.

    Args:
        title: a line.
        columns: name -> numbers; the first is the served model's.
        remarks: lines below the table.
    """
    first = next(iter(columns.values()))
    target = next(reversed(columns.values())).target
    rows: list[tuple[str, list[str]]] = [
        ("class of the source", [f'"{c.source}"' for c in columns.values()]),
        ("class of the target", [f'"{c.target}"' for c in columns.values()]),
        (f'probability of "{target}": target', [_number(c.target_probability) for c in columns.values()]),
        (f"- mean of {first.mixtures:,} mixtures", [_number(c.mean_probability) for c in columns.values()]),
        ("- smallest of them", [_number(c.min_probability) for c in columns.values()]),
        (f'corners classified as "{target}"', [_share(c.corners) for c in columns.values()]),
        (f'mixtures classified as "{target}"', [_share(c.accuracy) for c in columns.values()]),
        ("- with corners read back from 8-bit PNG", [_share(c.png_accuracy) for c in columns.values()]),
        ("worst mixture found: class", [f'"{c.worst}"' if c.worst is not None else "-" for c in columns.values()]),
        (f'- probability of "{target}"', [_number(c.worst_probability) for c in columns.values()]),
    ]
    table = markdown_table(["", *columns], [[name, *cells] for name, cells in rows])
    return "\n".join([f"# {title}", "", table, *remarks]) + "\n"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _share(value: float) -> str:
    return f"{100 * value:.2f} %"
