from types import SimpleNamespace

import pytest

from tfcollide.recipes.collide.config import CollideConfig
from tfcollide.recipes.collide.experiment import pairs_of_a_batch

GIB = 2**30


def found(*, forward_bytes=1, samples=0, **flags):
    return pairs_of_a_batch(CollideConfig(**{"num_pairs": 8} | flags), SimpleNamespace(forward_bytes=forward_bytes), samples)


def test_what_was_asked_for():
    assert found(pairs_together=7, forward_bytes=GIB) == 7
    assert found(pairs_together=3, device="GPU:0") == 3


def test_one_on_a_cpu():
    assert found() == found(device="CPU:0,CPU:1") == found(device="all") == 1


@pytest.mark.parametrize(
    ("forward_bytes", "samples", "pairs"),
    [(1, 0, 16), (GIB // 20, 0, 16), (GIB // 20, 5, 8), (GIB // 20, 15, 4), (GIB, 0, 1)],
)
def test_as_many_as_4_gib_hold_on_a_gpu(forward_bytes, samples, pairs):
    """5 corners and the mixtures, a forward pass each: 16 pairs of 5 rows of 1/20 GiB are 4 GiB."""
    assert found(device="GPU:0", forward_bytes=forward_bytes, samples=samples) == pairs


@pytest.mark.parametrize(
    "flags",
    [
        {"num_pairs": None},
        {"solver": "exact"},
        {"parameterization": "composite"},
        {"runner": "DirectRunner"},
        {"spread": "max"},
    ],
)
def test_what_cannot_be_batched(flags):
    assert found(device="GPU:0", **flags) == 1
