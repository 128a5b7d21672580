"""The corners of a composite run, made again from the index.

run(RebuildConfig(run="runs/composite"), Path("rebuilt"))
"""

import zipfile
from pathlib import Path

import numpy as np

from tfcollide.errors import RequestError
from tfcollide.files.run_directory import RunDirectory, absolute
from tfcollide.parameterizations.composite.saved import read_composite
from tfcollide.recipes.composite.config import RebuildConfig
from tfcollide.records import Summary
from tfcollide.runtime.quiet import import_tensorflow

__all__ = ["run"]


def run(config: RebuildConfig, out: Path, *, overwrite: bool = False) -> float:
    """Writes `corner_0.png`, ... and returns the largest difference from the corners that the run saved.

    Args:
        config: which run, and the index.
        out: the directory to write.
        overwrite: whether a directory that is there may be replaced.

    Raises:
        RequestError: the run is of no composite, or the index is missing or another; nothing is written then.
    """
    config.check()
    folder = absolute(config.run or "")
    directory = RunDirectory(out, f"--run={folder}\n", overwrite=overwrite)
    directory.check()
    try:
        made_of = Summary.read(folder).composite
        if made_of is None:
            raise ValueError(folder)
        index = absolute(config.index or made_of.index)
        with np.load(folder / "corners.npz") as arrays:
            saved = arrays["corners"]
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise RequestError(f"--run={folder}, which is no run of a composite", "a run directory", "Check the path.") from error
    composite = read_composite(folder, index)
    import_tensorflow()
    from tfcollide.images import to_uint8, write_png
    from tfcollide.report.composite_files import rebuild

    corners = rebuild(composite)
    partial = directory.open()
    try:
        for n, corner in enumerate(to_uint8(corners, composite.bounds)):
            write_png(partial / f"corner_{n}.png", corner)
        directory.commit()
    finally:
        directory.close()
    return float(np.abs(corners - saved).max())
