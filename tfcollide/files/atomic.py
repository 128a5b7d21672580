"""Files that appear whole or not at all: JSON, arrays, tables; and a hidden folder to make others in."""

import contextlib
import csv
import dataclasses
import io
import json
import math
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfcollide.errors import RequestError
from tfcollide.files.disk import naming
from tfcollide.files.names import to_bytes

__all__ = [
    "check_new",
    "json_bytes",
    "new_folder",
    "scratch_folder",
    "to_json",
    "write_bytes",
    "write_csv",
    "write_json",
    "write_npz",
]

_PREFIX, _STALE_SECONDS = ".saving-", 86_400.0


def to_json(value: object) -> Any:
    """`value` in types that JSON knows: what is not finite becomes null, and fields with a file of their own are left out."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_json(getattr(value, f.name)) for f in dataclasses.fields(value) if "file" not in f.metadata}
    if isinstance(value, Mapping):
        return {str(k): to_json(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(v) for v in value]
    if isinstance(value, np.generic):
        return to_json(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a file whole: beside its place, flushed to disk, then renamed."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with naming(path), open(beside, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def json_bytes(value: object) -> bytes:
    """Records, mappings and sequences as indented JSON, in which names of files that are no UTF-8 are escaped."""
    text = json.dumps(to_json(value), indent=2, allow_nan=False, ensure_ascii=False)
    return f"{text}\n".encode(errors="backslashreplace")


def write_json(path: Path, value: object) -> None:
    """Writes records, mappings and sequences as indented JSON."""
    write_bytes(path, json_bytes(value))


def write_npz(path: Path, arrays: Mapping[str, np.ndarray], *, compressed: bool = False) -> None:
    """Writes arrays; the same arrays give the same bytes."""
    buffer = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(buffer, **arrays)  # type: ignore[arg-type]
    write_bytes(path, buffer.getvalue())


def write_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Writes a table; floats keep every digit."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_bytes(path, to_bytes(buffer.getvalue()))


@contextlib.contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """A new folder in `parent`, removed when the block ends.

    Those that killed processes left there are dropped once they are a day old: a younger
    one may belong to a process that is at work.
    """
    for left in parent.glob(f"{_PREFIX}*"):
        with contextlib.suppress(FileNotFoundError):  # its owner, or another process, was faster
            if time.time() - left.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(left, ignore_errors=True)
    with naming(parent), tempfile.TemporaryDirectory(prefix=_PREFIX, dir=parent) as folder:
        yield Path(folder)


def check_new(folder: Path) -> None:
    """Raises `RequestError` where a folder that a caller names exists."""
    if folder.exists():
        raise RequestError(f"--folder={folder}, which exists", "a new directory", "Choose another.")


@contextlib.contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A folder to fill, which is at `folder` once the block has ended, whole or not at all.

    Raises:
        RequestError: it exists.
    """
    check_new(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with scratch_folder(folder.parent) as scratch:
        inside = scratch / folder.name
        inside.mkdir()
        yield inside
        inside.rename(folder)
