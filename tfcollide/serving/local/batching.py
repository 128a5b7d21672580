"""Requests that wait at the same time run as one batch."""

import asyncio
from collections import deque
from collections.abc import Hashable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from tfcollide.serving.codes import Code, ServingError
from tfcollide.serving.local.loaded_model import CheckedCall

__all__ = ["Batcher"]


_PATIENCE = 0.25
"""How long clients that have been answered are waited for at most, as a share of what their batch took."""


class _Task(NamedTuple):
    call: CheckedCall
    answer: asyncio.Future


class Batcher:
    """Runs calls in threads, of each key one batch at a time; what arrives meanwhile forms the next.

    A lone client gets its answer at once. Under load the next batch waits until as
    many requests are there as there were a moment ago, at most a quarter of the time
    that the last batch took; else clients fall into two groups that take turns, in
    batches half as large. A batch that fails is run again one call at a time, so that
    one bad image spoils nobody else's.

    Args:
        max_rows: samples in a batch; a larger request is refused.
        threads: keys that run at a time.
        max_waiting: requests in all queues; more are refused.
    """

    def __init__(self, *, max_rows: int = 256, threads: int = 4, max_waiting: int = 10_000):
        self._max_rows = max_rows
        self._max_waiting = max_waiting
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="batch")
        self._waiting: dict[Hashable, deque[_Task]] = {}
        self._busy: set[Hashable] = set()  # keys whose batch runs, or is about to
        self._gathering: dict[Hashable, tuple[int, asyncio.TimerHandle]] = {}  # requests hoped for, and until when
        self._count = 0

    async def run(self, call: CheckedCall) -> Sequence[np.ndarray]:
        """The outputs of `call`, one array per name.

        Raises:
            ServingError: the request is too large, the queue full, or the model refuses the values.
        """
        if call.rows > self._max_rows:
            raise ServingError(
                Code.INVALID_ARGUMENT,
                f"The request has {call.rows} rows, expected at most {self._max_rows}",
            )
        if self._count >= self._max_waiting:
            raise ServingError(Code.UNAVAILABLE, "The queue is full")
        loop = asyncio.get_running_loop()
        answer = loop.create_future()
        key = answer if call.key is None else call.key
        queue = self._waiting.setdefault(key, deque())
        queue.append(_Task(call, answer))
        self._count += 1
        if key not in self._busy:
            self._busy.add(key)
            loop.call_soon(self._start, key)  # once the loop has handed over all that has arrived already
        elif key in self._gathering and len(queue) >= self._gathering[key][0]:
            self._gathering.pop(key)[1].cancel()
            self._start(key)
        return await answer

    def close(self) -> None:
        """Waits for what runs and stops the threads."""
        self._pool.shutdown()

    def _start(self, key: Hashable) -> None:
        self._gathering.pop(key, None)
        batch = self._take(key)
        if not batch:
            self._busy.discard(key)
            return
        loop = asyncio.get_running_loop()
        began = loop.time()
        job = self._pool.submit(_run_batch, [task.call for task in batch])
        job.add_done_callback(lambda job: loop.call_soon_threadsafe(self._finish, key, batch, job, began))

    def _take(self, key: Hashable) -> list[_Task]:
        """The oldest tasks of a key, as many as fit; those whose client has gone are dropped."""
        queue = self._waiting.get(key, deque())
        batch: list[_Task] = []
        rows = 0
        while queue and rows + queue[0].call.rows <= self._max_rows:
            task = queue.popleft()
            self._count -= 1
            if not task.answer.done():
                rows += task.call.rows
                batch.append(task)
        if not queue:
            self._waiting.pop(key, None)
        return batch

    def _finish(self, key: Hashable, batch: list[_Task], job: Future, began: float) -> None:
        for task, outcome in zip(batch, job.result(), strict=True):
            if task.answer.done():
                continue
            if isinstance(outcome, Exception):
                task.answer.set_exception(outcome)
            else:
                task.answer.set_result(outcome)
        loop = asyncio.get_running_loop()
        crowd = len(batch) + len(self._waiting.get(key, ()))
        if crowd > 1:
            self._gathering[key] = crowd, loop.call_later(_PATIENCE * (loop.time() - began), self._start, key)
        else:
            self._start(key)


def _run_batch(calls: list[CheckedCall]) -> list[Sequence[np.ndarray] | Exception]:
    """The outputs, or the error, of each call; never raises."""
    if len(calls) == 1:
        return [_run_by_itself(calls[0])]
    try:
        inputs = [np.concatenate(arrays) for arrays in zip(*(call.inputs for call in calls), strict=True)]
        outputs = calls[0].run(*inputs)
        ends = np.cumsum([call.rows for call in calls])
        starts = ends - [call.rows for call in calls]
        return [[output[i:j] for output in outputs] for i, j in zip(starts, ends, strict=True)]
    except Exception:
        return [_run_by_itself(call) for call in calls]


def _run_by_itself(call: CheckedCall) -> Sequence[np.ndarray] | Exception:
    try:
        return call.run(*call.inputs)
    except Exception as error:
        return _as_serving_error(error)


def _as_serving_error(error: Exception) -> ServingError:
    """TensorFlow's errors carry gRPC's codes."""
    code = getattr(error, "error_code", None)
    message = getattr(error, "message", None) or str(error)
    return ServingError(Code(code) if code in set(Code) else Code.INTERNAL, message)
