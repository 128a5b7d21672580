"""Trying again while a server is away."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from tfcollide.serving.codes import Code, ServingError

__all__ = ["retrying"]

_FIRST_WAIT, _LONGEST_WAIT = 0.1, 5.0
_Answer = TypeVar("_Answer")


def retrying(
    action: Callable[[], _Answer],
    *,
    seconds: float,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> _Answer:
    """`action()`, repeated while it fails with UNAVAILABLE; any other error is final.

    Waits double from 0.1 to 5 seconds, each shortened at random by up to half, so
    that many clients do not come back at the same moment.

    Args:
        action: asks a server.
        seconds: after which the last error is raised.
        sleep: waits.
        clock: tells the time in seconds.
    """
    end, wait = clock() + seconds, _FIRST_WAIT
    while True:
        try:
            return action()
        except ServingError as error:
            if error.code != Code.UNAVAILABLE or clock() >= end:
                raise
        sleep(min(wait * random.uniform(0.5, 1.0), max(0.0, end - clock())))
        wait = min(2 * wait, _LONGEST_WAIT)
