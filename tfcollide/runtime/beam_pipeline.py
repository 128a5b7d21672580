"""Apache Beam where it is installed: a pipeline on a runner that is named by a flag."""

import contextlib
import functools
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tfcollide.errors import RequestError
from tfcollide.runtime.progress import shown, watched
from tfcollide.runtime.quiet import import_tensorflow

__all__ = ["for_each", "import_beam", "new_pipeline", "running"]

_ONE_AT_A_TIME = threading.Lock()
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

    asked = PipelineOptions([f"--runner={runner}", *options.split()])
    try:
        flow = beam.Pipeline(options=asked)
    except (ImportError, ValueError, AttributeError) as error:
        raise RequestError(
            f"--runner={runner} ({error})", "DirectRunner, DaskRunner, or another runner of Apache Beam"
        ) from error
    # Beam leaves out what it does not know; options of the runner itself are known by now.
    unknown = asked.get_all_options(retain_unknown_options=True).keys() - asked.get_all_options().keys()
    if unknown:
        named = ", ".join(sorted(unknown))
        raise RequestError(
            f"--beam_options={options.strip()} with {named}", "options of Beam and of its runner", "Check the names."
        )
    return flow


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


def for_each(
    items: Sequence[tuple],
    work: Callable[..., object],
    *more: object,
    runner: str,
    options: str,
    done: Callable[[], int],
    unit: str,
) -> None:
    """Calls `work` with each item on the workers of a runner, each of which takes one after the other.

    Args:
        items: tuples of plain values, in any order.
        work: a function of an item and of `more`, in a module that imports TensorFlow within functions alone. What it finds it
            writes where all see it.
        *more: the same for all items.
        runner: as of `new_pipeline`.
        options: as of `new_pipeline`.
        done: how many items are done, as can be seen from here, for a bar.
        unit: what the bar calls an item, in the plural.

    Raises:
        RequestError: Beam is missing, or has no such runner.
    """
    beam, flow = import_beam(), new_pipeline(runner, options)
    with watched(done, total=len(items), desc=f"{unit} on {runner}", unit=f" {unit}"), running(flow):
        flow | "items" >> beam.Create(items) | "spread" >> beam.Reshuffle() | "work" >> beam.Map(_alone, work, more)


@functools.cache
def _prepare() -> None:
    """Imports TensorFlow as the programs do, before any work imports it by itself."""
    import_tensorflow()


def _alone(item: tuple, work: Callable[..., object], more: tuple) -> None:
    with _ONE_AT_A_TIME, shown(False):  # threads share what is open; the bar of the whole stands elsewhere
        _prepare()
        work(item, *more)


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
