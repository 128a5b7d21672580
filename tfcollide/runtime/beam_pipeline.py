"""Apache Beam where it is installed: a pipeline on a runner that is named by a flag."""

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

from tfcollide.errors import RequestError

__all__ = ["import_beam", "new_pipeline", "running"]

_DASK = "apache_beam.runners.dask.dask_runner.DaskRunner"
"""The path of a class, by which alone Beam knows this runner."""


def import_beam() -> Any:
    """Apache Beam.

    Raises:
        RequestError: it is not installed.
    """
    try:
        import apache_beam
    except ImportError as error:
        raise RequestError(
            "--runner without Apache Beam", "an installation with it", 'Run pip install "tfcollide[beam]".'
        ) from error
    return apache_beam


def new_pipeline(runner: str, options: str) -> Any:
    """A pipeline that has not begun; that there is one shows that it can.

    Args:
        runner: as Beam names it: "DirectRunner", "DaskRunner", "FlinkRunner", "DataflowRunner", or the path of a class.
        options: more options, as on a command line.

    Raises:
        RequestError: Beam is missing, or has no such runner, or what the runner needs is missing.
    """
    beam = import_beam()
    if runner in ("DaskRunner", _DASK):
        _check_dask()
        runner, options = _DASK, f"{_one_by_one(options)} {options}"
    from apache_beam.options.pipeline_options import PipelineOptions

    try:
        return beam.Pipeline(options=PipelineOptions([f"--runner={runner}", *options.split()]))
    except (ImportError, ValueError, AttributeError) as error:
        raise RequestError(f"--runner={runner} ({error})", "a runner of Apache Beam, such as DirectRunner") from error


@contextlib.contextmanager
def running(flow: contextlib.AbstractContextManager[object]) -> Iterator[Any]:
    """A pipeline of `new_pipeline`, which runs when the block ends, and is waited for."""
    try:
        with flow:
            yield flow
    finally:
        client: Any = getattr(getattr(flow, "result", None), "client", None)
        if hasattr(client, "close"):  # Dask's, and with it the workers that it started here
            client.close()


def _one_by_one(options: str) -> str:
    """That each worker takes one element after the other, where nothing else is said; Dask's own default is 128 at a time."""
    return "" if "--dask_npartitions" in options or "--dask_partition_size" in options else "--dask_partition_size=1"


def _check_dask() -> None:
    """Raises `RequestError` where what the runner needs is not installed; else silences it, but for errors."""
    try:
        import dask.distributed  # noqa: F401
    except ImportError as error:
        mend = 'Run pip install "tfcollide[dask]".'
        raise RequestError("--runner=DaskRunner without dask.distributed", "an installation with it", mend) from error
    logging.getLogger("distributed").setLevel(logging.ERROR)
