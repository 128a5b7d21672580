"""The files of an audit."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tfcollide.files.atomic import to_json, write_bytes, write_json
from tfcollide.files.names import to_bytes
from tfcollide.measure.audit_record import AuditRecord
from tfcollide.measure.audit_tables import COLUMNS, frame
from tfcollide.measure.kept_audit import KeptHull, write_hulls
from tfcollide.report.audit.audit_page import page
from tfcollide.report.audit.audit_words import verdict
from tfcollide.report.audit.essentials import essentials
from tfcollide.report.audit.worst_pairs import PairPictures

__all__ = ["numbers", "write_audit"]


def write_audit(folder: Path, record: AuditRecord, pictures: Mapping[int, PairPictures], hulls: Sequence[KeptHull]) -> None:
    """Writes everything but `run.flags`.

    Args:
        folder: exists.
        record: the audit.
        pictures: of the pairs that the report shows.
        hulls: that were found.
    """
    for table in COLUMNS:
        made = frame(record, table)
        write_bytes(folder / f"{table}.csv", made.to_csv(index=False, lineterminator="\n").encode())
        write_bytes(folder / f"{table}.parquet", made.to_parquet(index=False))
    write_hulls(folder, hulls)
    write_bytes(folder / "table.md", to_bytes(essentials(record)))
    write_bytes(folder / "report.html", page(record, pictures).encode())
    write_json(folder / "audit.json", numbers(record))


def numbers(record: AuditRecord) -> dict:
    """What `audit.json` holds: the record, and what its rows say together."""
    own = to_json(record)
    taps = {
        tap: {
            "front": record.front(tap),
            "rate": record.rate(tap=tap),
            "outcomes": record.outcomes(tap),
            "censored": record.censored(tap),
            "grid": record.grid(tap),
        }
        for tap in record.taps
    }
    return {"verdict": verdict(record), "converged": record.converged, "taps": to_json(taps), **own}
