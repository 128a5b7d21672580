"""An audit as tables: one row per pair, per hull, or per image and ReLU. docs/audit.md has what the columns mean."""

import dataclasses
import typing
from typing import TYPE_CHECKING

from tfcollide.errors import RequestError
from tfcollide.measure.audit_record import OUTCOMES, AuditRecord, PairFront, PairHull, held_pairs
from tfcollide.measure.layer_look import THRESHOLDS

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["COLUMNS", "frame"]


_TYPES = {str: "string", int: "int64", float: "float64", bool: "bool"}


def _columns(kind: type) -> dict[str, str]:
    hints = typing.get_type_hints(kind)
    return {name: _TYPES[(typing.get_args(hint) or (hint,))[0]] for name, hint in hints.items()}


_COUNTED = [f"{name}_{threshold:g}" for threshold in THRESHOLDS for name in ("invisible", "low", "high")]

COLUMNS: dict[str, dict[str, str]] = {
    "pairs": {**_columns(PairFront), "outcome": "string", "in_headline": "bool"},
    "hulls": _columns(PairHull),
    "layers": {
        "tap": "string",
        "depth": "int64",
        "image": "int64",
        "units": "int64",
        "active": "int64",
        "dimension": "int64",
        "exact": "bool",
        "largest": "float64",
        **dict.fromkeys(_COUNTED, "float64"),
    },
}
"""Table -> column -> its type in pandas."""


def frame(record: AuditRecord, table: str = "pairs") -> "DataFrame":
    """A table of an audit.

    Args:
        record: the audit.
        table: "pairs": one row per pair and tap, with its front and the outcome of its best hull; "hulls": one per pair, tap
            and spread; "layers": one per image and ReLU.

    Raises:
        RequestError: there is no such table.
    """
    import pandas  # a second to import

    rows = {"pairs": _pairs, "hulls": _hulls, "layers": _layers}
    if table not in rows:
        raise RequestError(f"--table={table}", f"one of {', '.join(rows)}")
    made = pandas.DataFrame(rows[table](record), columns=list(COLUMNS[table]))
    return made.astype(COLUMNS[table])


def _pairs(record: AuditRecord) -> list[dict]:
    rows = []
    for tap in record.taps:
        hulls = record.hulls_at(tap)
        held = held_pairs(hulls, len(record.pairs), *record.headline)
        for front in record.fronts_at(tap):
            own = [OUTCOMES.index(hull.outcome) for hull in hulls if hull.pair == front.pair]
            outcome = OUTCOMES[min(own)] if own else None
            rows.append({**dataclasses.asdict(front), "outcome": outcome, "in_headline": bool(held[front.pair])})
    return rows


def _hulls(record: AuditRecord) -> list[dict]:
    return [dataclasses.asdict(hull) for tap in record.taps for hull in record.hulls_at(tap)]


def _layers(record: AuditRecord) -> list[dict]:
    rows = []
    for look in record.layers:
        counted = zip(look.invisible, look.low, look.high, strict=True)
        row = {
            name: getattr(look, name) for name in ("tap", "depth", "image", "units", "active", "dimension", "exact", "largest")
        }
        rows.append(row | dict(zip(_COUNTED, (one for three in counted for one in three), strict=True)))
    return rows
