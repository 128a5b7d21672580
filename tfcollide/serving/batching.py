"""Requests that wait at the same time run as one batch."""

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from tfcollide.serving.codes import Code, ServingError
from tfcollide.serving.loaded_model import Call

__all__ = ["Batcher"]


class _Task(NamedTuple):
    call: Call
    answer: asyncio.Future


class Batcher:
    """Runs calls in a few threads; what arrives while all are busy is put together.

    A batch is never waited for: under load it forms by itself, and a lone client
    gets its answer at once. A batch that fails is run again one call at a time, so
    that one bad image spoils nobody else's.

    Args:
        max_rows: samples in a batch; a larger request is refused.
        threads: batches at a time.
        max_waiting: requests in the queue; more are refused.
    """

    def __init__(self, *, max_rows: int = 256, threads: int = 2, max_waiting: int = 10_000):
        self._max_rows = max_rows
        self._max_waiting = max_waiting
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="batch")
        self._idle = threads
        self._waiting: dict[object, deque[_Task]] = {}
        self._count = 0
        self._scheduled = False

    async def run(self, call: Call) -> Sequence[np.ndarray]:
        """The outputs of `call`, one array a name.

        Raises:
            ServingError: the request is too large, the queue full, or the model refuses the values.
        """
        if call.rows > self._max_rows:
            raise ServingError(
                Code.INVALID_ARGUMENT,
                f"Task size {call.rows} was larger than maximum input batch size {self._max_rows}",
            )
        if self._count >= self._max_waiting:
            raise ServingError(Code.UNAVAILABLE, "The batch scheduling queue to which this task was submitted is full")
        answer = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(call.key or answer, deque()).append(_Task(call, answer))
        self._count += 1
        self._schedule()
        return await answer

    def close(self) -> None:
        """Waits for what runs and stops the threads."""
        self._pool.shutdown()

    def _schedule(self) -> None:
        """Starts batches once the loop has handed over everything that has arrived already."""
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._start)

    def _start(self) -> None:
        self._scheduled = False
        loop = asyncio.get_running_loop()
        while self._idle and self._waiting:
            batch = self._take()
            if batch:
                self._idle -= 1
                job = self._pool.submit(_run_batch, [task.call for task in batch])
                job.add_done_callback(
                    lambda job, batch=batch: loop.call_soon_threadsafe(self._finish, batch, job)  # type: ignore[misc]
                )

    def _take(self) -> list[_Task]:
        """The oldest key's tasks, as many as fit; those whose client has gone are dropped."""
        key, queue = next(iter(self._waiting.items()))
        batch: list[_Task] = []
        rows = 0
        while queue and rows + queue[0].call.rows <= self._max_rows:
            task = queue.popleft()
            self._count -= 1
            if not task.answer.done():
                rows += task.call.rows
                batch.append(task)
        del self._waiting[key]
        if queue:
            self._waiting[key] = queue  # at the end, so that every key gets its turn
        return batch

    def _finish(self, batch: list[_Task], job: Future) -> None:
        self._idle += 1
        for task, outcome in zip(batch, job.result(), strict=True):
            if task.answer.done():
                continue
            if isinstance(outcome, Exception):
                task.answer.set_exception(outcome)
            else:
                task.answer.set_result(outcome)
        self._schedule()


def _run_batch(calls: list[Call]) -> list[Sequence[np.ndarray] | Exception]:
    """The outputs, or the error, of each call; never raises."""
    if len(calls) == 1:
        return [_run_alone(calls[0])]
    try:
        inputs = [np.concatenate(arrays) for arrays in zip(*(call.inputs for call in calls), strict=True)]
        outputs = calls[0].run(*inputs)
        ends = np.cumsum([call.rows for call in calls])
        starts = ends - [call.rows for call in calls]
        return [[output[i:j] for output in outputs] for i, j in zip(starts, ends, strict=True)]
    except Exception:
        return [_run_alone(call) for call in calls]


def _run_alone(call: Call) -> Sequence[np.ndarray] | Exception:
    try:
        return call.run(*call.inputs)
    except Exception as error:
        return _as_serving_error(error)


def _as_serving_error(error: Exception) -> ServingError:
    """TensorFlow's errors carry gRPC's codes."""
    code = getattr(error, "error_code", None)
    message = getattr(error, "message", None) or str(error)
    return ServingError(Code(code) if code in set(Code) else Code.INTERNAL, message)
