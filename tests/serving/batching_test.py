import asyncio
import threading

import numpy as np
import pytest

from tests.limits import HANG_SECONDS
from tfcollide.serving.codes import Code, ServingError
from tfcollide.serving.local.batching import Batcher
from tfcollide.serving.local.loaded_model import CheckedCall


class Doubler:
    """A model that doubles numbers, remembers its batches, and can be held up."""

    def __init__(self):
        self.batches, self.gate = [], threading.Event()
        self.gate.set()

    def __call__(self, values):
        self.gate.wait(HANG_SECONDS)
        self.batches.append(len(values))
        if (values < 0).any():
            raise ValueError("negative")
        return [2 * values]

    def call(self, *values, key="k"):
        return CheckedCall(key, [np.array(values)], len(values), ("y",), self)


def in_loop(scenario, **options):
    async def main():
        batcher = Batcher(**options)
        try:
            return await scenario(batcher)
        finally:
            batcher.close()

    return asyncio.run(main())


def test_what_waits_together_runs_together():
    model = Doubler()

    async def scenario(batcher):
        model.gate.clear()
        first = asyncio.create_task(batcher.run(model.call(1)))
        await asyncio.sleep(0.05)
        rest = [asyncio.create_task(batcher.run(model.call(i, i + 0.5))) for i in range(10)]
        await asyncio.sleep(0.05)
        model.gate.set()
        return await first, await asyncio.gather(*rest)

    first, rest = in_loop(scenario)
    assert model.batches == [1, 20]
    assert first[0].tolist() == [2]
    assert [answer[0].tolist() for answer in rest] == [[2 * i, 2 * i + 1] for i in range(10)]


def test_batches_keep_to_their_limit_and_to_their_key():
    model = Doubler()

    async def scenario(batcher):
        calls = [model.call(i, key="a" if i % 2 else "b") for i in range(20)] + [model.call(1, key=None)]
        return await asyncio.gather(*map(batcher.run, calls))

    answers = in_loop(scenario, max_rows=4)
    assert [answer[0].tolist() for answer in answers] == [[2 * i] for i in range(20)] + [[2]]
    assert max(model.batches) <= 4


def test_one_bad_call_spoils_nobody_elses():
    model = Doubler()

    async def scenario(batcher):
        return await asyncio.gather(*(batcher.run(model.call(v)) for v in (1, -1, 3)), return_exceptions=True)

    good, bad, also_good = in_loop(scenario)
    assert (good[0].tolist(), also_good[0].tolist()) == ([2], [6])
    assert isinstance(bad, ServingError)
    assert (bad.code, bad.message) == (Code.INTERNAL, "negative")


def test_limits():
    model = Doubler()

    async def too_large(batcher):
        await batcher.run(model.call(1, 2, 3))

    with pytest.raises(ServingError):
        in_loop(too_large, max_rows=2)

    async def too_many(batcher):
        model.gate.clear()
        waiting = [asyncio.create_task(batcher.run(model.call(1))) for _ in range(4)]
        await asyncio.sleep(0.05)
        waiting += [asyncio.create_task(batcher.run(model.call(1))) for _ in range(5)]
        await asyncio.sleep(0.05)
        model.gate.set()
        return await asyncio.gather(*waiting, return_exceptions=True)

    answers = in_loop(too_many, max_waiting=4)
    refused = [answer for answer in answers if isinstance(answer, ServingError)]
    assert len(refused) == 1
    assert refused[0].code == Code.UNAVAILABLE


def test_a_client_that_has_gone_is_skipped():
    model = Doubler()

    async def scenario(batcher):
        model.gate.clear()
        first = asyncio.create_task(batcher.run(model.call(1)))
        await asyncio.sleep(0.05)
        gone, stays = (asyncio.create_task(batcher.run(model.call(v))) for v in (-1, 5))
        await asyncio.sleep(0.05)
        gone.cancel()
        await asyncio.sleep(0)
        model.gate.set()
        return await first, await stays

    assert in_loop(scenario)[1][0].tolist() == [10]
    assert model.batches == [1, 1]
