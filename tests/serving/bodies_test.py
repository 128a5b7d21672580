"""Large and compressed bodies: within their limit, and nobody waits for them."""

import asyncio
import gzip
import os
import time
import tracemalloc
import zlib

import pytest

from tfcollide.serving.codes import Code, ServingError
from tfcollide.serving.local import rest_json
from tfcollide.serving.local.bodies import Bodies, TooLarge, unpack

LARGE = 2**21
TEXT = b'{"instances": [1, 2, 3]}' * 50
GZIP = gzip.compress(TEXT, mtime=0)


def in_loop(scenario):
    async def main():
        bodies = Bodies(2**20)
        try:
            return await scenario(bodies)
        finally:
            bodies.close()

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (GZIP, "gzip"),
        (GZIP, "GZIP"),
        (gzip.compress(TEXT[:100], mtime=0) + gzip.compress(TEXT[100:], mtime=0), "gzip"),
        (zlib.compress(TEXT), "deflate"),
        (TEXT, ""),
        (TEXT, "identity"),
    ],
)
def test_unpacks(body, encoding):
    assert in_loop(lambda bodies: bodies.unpacked(body, encoding)) == TEXT


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (TEXT, "gzip"),
        (b"", "gzip"),
        (GZIP[:-8] + b"\0\0\0\0" + GZIP[-4:], "gzip"),
        (GZIP[:-4], "gzip"),
        (GZIP[:40], "gzip"),
        (GZIP + b"more", "gzip"),
        (GZIP, "deflate"),
        (GZIP, "br"),
    ],
    ids=["none", "empty", "checksum", "trailer", "cut", "rubbish behind", "other", "unknown"],
)
def test_refuses_what_is_not_as_it_says(body, encoding):
    with pytest.raises(ServingError) as caught:
        unpack(body, encoding, 2**20)
    assert caught.value.code == Code.INVALID_ARGUMENT


def test_a_bomb_is_unpacked_as_far_as_the_limit_only():
    half = gzip.compress(bytes(2**19))
    assert unpack(half + half, "gzip", 2**20) == bytes(2**20)
    bombs = (gzip.compress(bytes(2**26)), half * 128, gzip.compress(bytes(2**20 + 1)))
    tracemalloc.start()
    try:
        for bomb in bombs:
            with pytest.raises(TooLarge):
                unpack(bomb, "gzip", 2**20)
        assert tracemalloc.get_traced_memory()[1] < 2**23
    finally:
        tracemalloc.stop()


def test_the_loop_goes_on_while_a_large_body_is_read():
    async def scenario(bodies):
        reading = asyncio.create_task(bodies.call(LARGE, time.sleep, 1.0))
        turns = 0
        while not reading.done():
            await asyncio.sleep(0.01)
            turns += 1
        return turns

    assert in_loop(scenario) > 10


def test_what_is_wrong_with_a_large_body_is_said_as_of_a_small_one():
    async def scenario(bodies):
        said = []
        for size in (1, LARGE):
            with pytest.raises(ServingError) as caught:
                await bodies.call(size, rest_json.parse_predict, b"{", {}, "")
            said.append((caught.value.code, caught.value.message))
        return said

    small, large = in_loop(scenario)
    assert small == large
    assert small[0] == Code.INVALID_ARGUMENT


def test_a_reader_that_is_killed_is_replaced():
    async def scenario(bodies):
        with pytest.raises(ServingError) as caught:
            await bodies.call(LARGE, os._exit, 1)
        return caught.value.code, await bodies.call(LARGE, len, b"abc")

    assert in_loop(scenario) == (Code.RESOURCE_EXHAUSTED, 3)


@pytest.mark.parametrize("size", [1, 2**18 - 1, 2**18, 2**18 + 1, 2**20])
def test_unpacks_across_its_pieces(size):
    rough = os.urandom(size)
    for text in (rough, bytes(size), rough[: size // 2] + bytes(size - size // 2)):
        assert unpack(gzip.compress(text, mtime=0), "gzip", size) == text
        assert unpack(zlib.compress(text), "deflate", size) == text
