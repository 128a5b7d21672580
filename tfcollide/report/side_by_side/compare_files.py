"""The files of a comparison."""

from pathlib import Path

from tfcollide.files.atomic import to_json, write_bytes, write_json
from tfcollide.files.names import to_bytes
from tfcollide.measure.compare_record import CompareRecord
from tfcollide.measure.compare_tables import compare_frame
from tfcollide.report.markdown import markdown_table
from tfcollide.report.side_by_side.compare_page import compare_page
from tfcollide.report.side_by_side.compare_rows import network_cells, shared_cells, test_cells, transfer_cells
from tfcollide.report.side_by_side.compare_words import caveats, compare_verdict, seed_words

__all__ = ["compare_table", "write_compare"]


def write_compare(folder: Path, record: CompareRecord) -> None:
    """Writes everything but `run.flags` and the audits themselves into a folder that exists."""
    write_bytes(folder / "pairs.csv", compare_frame(record, "pairs").to_csv(index=False, lineterminator="\n").encode())
    write_bytes(folder / "table.md", to_bytes(compare_table(record)))
    write_bytes(folder / "report.html", compare_page(record).encode())
    write_json(folder / "compare.json", {"verdict": compare_verdict(record), "easier": record.easier, **to_json(record)})


def compare_table(record: CompareRecord) -> str:
    """The essentials in Markdown."""
    parts = [f"**{compare_verdict(record)}**\n", markdown_table(*test_cells(record)), markdown_table(*network_cells(record))]
    parts += [f"- {seed_words(one)}\n" for one in record.seeds]
    if record.transfers:
        parts += ["Hulls, judged by each: whole; mixtures read as the target; as the source.\n"]
        parts += [markdown_table(*transfer_cells(record))]
    if record.shared:
        parts += ["Images that collide in both at once:\n", markdown_table(*shared_cells(record))]
    return "\n".join([*parts, *(f"- {one}" for one in caveats(record))]) + "\n"
