"""`BASE/NAME/VERSION`, as TF Serving lays models out; a version appears whole or not at all."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from tfcollide.errors import RequestError
from tfcollide.files.atomic import scratch_folder
from tfcollide.files.run_directory import check_writable

__all__ = ["check_version_path", "new_version", "version_number"]


def version_number(name: str) -> int | None:
    """The version that a folder of this name holds: TF Serving's are whole numbers of 63 bits. None: it holds none."""
    number = int(name) if name.isascii() and name.isdecimal() else 2**63
    return number if number < 2**63 else None


def check_version_path(path: Path) -> None:
    """Raises `RequestError` unless a new version can be expected to be written at `path`."""
    if not version_number(path.name) or not path.parent.name:
        raise RequestError(
            f"--out={path}", "BASE/NAME/VERSION with a whole number at its end", f"Say, for example, --out={path / '1'}."
        )
    if os.path.lexists(path):
        raise RequestError(
            f"--out={path}, which exists", "a new version", f"Say --out={path.parent / str(_free(path.parent))}."
        )
    check_writable("out", path)


@contextlib.contextmanager
def new_version(path: Path) -> Iterator[Path]:
    """A folder to write into, renamed to `path` when the block ends without an error and removed when it does not.

    Its name is no number until then, so that a server which watches NAME leaves it alone.
    """
    check_version_path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with scratch_folder(path.parent) as folder:
        inside = folder / path.name
        inside.mkdir()  # with the modes that the user's umask gives, which the outer folder has not
        yield inside
        try:
            os.rename(inside, path)
        except OSError as error:
            raise RequestError(
                f"--out={path}, which another process has written meanwhile", "a new version", "Choose the next number."
            ) from error


def _free(folder: Path) -> int:
    """The number after the largest version in `folder`."""
    return 1 + max((version_number(entry.name) or 0 for entry in folder.iterdir()), default=0)
