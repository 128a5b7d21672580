"""Work in threads: in order, the first alone, and dropped where the caller stops."""

import threading
import time

import pytest

from tfcollide.runtime.threads import in_threads


def test_results_come_in_order_and_the_first_is_done_alone():
    begun = []

    def work(n):
        begun.append((n, threading.current_thread() is threading.main_thread()))
        time.sleep(0.01 * (5 - n))
        return n * n

    assert list(in_threads(work, range(5))) == [0, 1, 4, 9, 16]
    assert begun[0] == (0, True) and not any(main for _, main in begun[1:])
    assert list(in_threads(work, [])) == []


def test_what_has_not_begun_is_dropped_where_the_caller_stops():
    begun = []

    def work(n):
        begun.append(n)
        time.sleep(0.02)

    with pytest.raises(KeyboardInterrupt):
        for _ in in_threads(work, range(200)):
            raise KeyboardInterrupt
    results = in_threads(work, range(1000, 1200))
    next(results), next(results)
    results.close()
    assert begun[0] == 0 and len(begun) < 100


def test_an_error_reaches_the_caller():
    def work(n):
        if n == 3:
            raise ValueError("three")
        return n

    results = in_threads(work, range(10))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)
