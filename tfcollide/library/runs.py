"""Results read back from run directories."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

from tfcollide.errors import RequestError
from tfcollide.library.calling import called
from tfcollide.library.found import Found
from tfcollide.records import Summary
from tfcollide.shapes import Bounds

__all__ = ["load_run"]

_Read = TypeVar("_Read")


def load_run(folder: str | Path) -> Found:
    """A run directory read back, of `collide` or of `Found.save`; no network is loaded.

    Args:
        folder: of one pair.

    Returns:
        A `Found`, with everything that `summary.json` says in `summary`. `judge(network, found)` judges it again.

    Raises:
        RequestError: it is no run directory, is not whole, or is that of a sweep.

    Examples:
        >>> tc.load_run(run).corners.shape
        (2, 4, 4, 1)
    """
    with called():
        path = Path(folder)
        summary = Summary.read(path)
        arrays = _read(path, lambda: dict(np.load(path / "corners.npz")))
        lower, upper = summary.pixel_range or (0.0, 255.0)
        units = np.asarray(arrays["units"]).reshape(len(arrays["corners"]), -1)
        return Found(
            corners=arrays["corners"],
            records=summary.corners,
            source=arrays["source"],
            target=arrays.get("target") if summary.target.predicted else None,
            units=tuple(tuple(int(unit) for unit in group if unit >= 0) for group in units),
            ends=(summary.source, summary.target),
            network=summary.model,
            tap=summary.tap,
            bounds=Bounds(lower, upper),
            steps=summary.steps,
            ended=summary.ended,
            exact=summary.exact,
            summary=summary,
        )


def _read(path: Path, work: Callable[[], _Read]) -> _Read:
    try:
        return work()
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise RequestError(f"--folder={path}, which cannot be read ({error})", "a whole run directory") from error
