"""A comparison as tables; docs/how-to/compare.md says what the columns of pairs.csv mean."""

import dataclasses
from typing import TYPE_CHECKING, Any

from tfcollide.errors import RequestError
from tfcollide.measure.compare_record import CompareRecord

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["compare_frame"]

_TABLES = {name: name for name in ("networks", "tests", "seeds", "transfers", "shared")} | {"pairs": "rows"}


def compare_frame(record: CompareRecord, table: str) -> "DataFrame":
    """A table of a comparison, one row per record; an interval becomes three columns.

    Raises:
        RequestError: there is no such table.
    """
    import pandas  # a second to import

    if table not in _TABLES:
        raise RequestError(f"--table={table}", f"one of {', '.join(sorted(_TABLES))}")
    return pandas.DataFrame([_flat(dataclasses.asdict(one)) for one in getattr(record, _TABLES[table])])


def _flat(row: dict) -> dict[str, Any]:
    cells: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, dict):
            cells |= {name: value["value"], f"{name}_low": value["low"], f"{name}_high": value["high"]}
        else:
            cells[name] = value
    return cells
