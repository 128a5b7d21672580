"""A finished audit read back: its record, and the hulls that it found, kept in 8 bits for whoever judges them next."""

import dataclasses
import json
import math
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfcollide.errors import RequestError
from tfcollide.files.atomic import write_npz
from tfcollide.measure.audit_record import AuditRecord
from tfcollide.records.from_json import record_from_json

__all__ = ["KeptHull", "read_hulls", "read_record", "write_hulls"]

_RECORD, _HULLS = "audit.json", "hulls.npz"


class KeptHull(NamedTuple):
    """One hull.

    Attributes:
        tap: the ReLU.
        pair: the number of the pair.
        spread_asked: how far apart corners were to be, a share of the pixel range.
        corners: `[N, H, W, C]` uint8.
        source: `[H, W, C]` uint8.
        target: `[H, W, C]` uint8.
    """

    tap: str
    pair: int
    spread_asked: float
    corners: np.ndarray
    source: np.ndarray
    target: np.ndarray


def read_record(folder: Path, *, flag: str) -> AuditRecord:
    """The record of a finished audit.

    Args:
        folder: of the audit.
        flag: that named it, for messages.

    Raises:
        RequestError: it is none, or is not whole.
    """
    try:
        record = record_from_json(AuditRecord, json.loads((folder / _RECORD).read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        received = f"--{flag}={folder}, whose {_RECORD} cannot be read ({error})"
        raise RequestError(received, "the folder of a finished audit", "Make one with collide-audit --out=DIR.") from error
    again = record.convergence
    if again is None:
        return record
    ends = {name: math.inf for name in ("front", "front_again") if getattr(again, name) is None}  # JSON knows no infinity
    return dataclasses.replace(record, convergence=dataclasses.replace(again, **ends))


def write_hulls(folder: Path, hulls: Sequence[KeptHull]) -> None:
    """Writes `hulls.npz`; an array per field, its rows the hulls."""
    columns = {name: [getattr(hull, name) for hull in hulls] for name in KeptHull._fields}
    write_npz(folder / _HULLS, {name: np.array(column) for name, column in columns.items()})


def read_hulls(folder: Path, *, flag: str) -> list[KeptHull]:
    """What `write_hulls` wrote.

    Args:
        folder: of an audit.
        flag: that named it, for messages.

    Raises:
        RequestError: the file is not there, or cannot be read.
    """
    try:
        with np.load(folder / _HULLS) as arrays:
            columns = [arrays[name] for name in KeptHull._fields]
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        received = f"--{flag}={folder}, whose {_HULLS} cannot be read ({error})"
        raise RequestError(received, "a finished audit", "Audit again.") from error
    return [KeptHull(str(tap), int(pair), float(spread), *images) for tap, pair, spread, *images in zip(*columns, strict=True)]
