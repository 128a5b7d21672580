"""A hidden folder to write into, beside the place where what is written will go."""

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tfcollide.files.disk import naming

__all__ = ["scratch_folder"]

_PREFIX, _STALE_SECONDS = ".saving-", 86_400.0


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
