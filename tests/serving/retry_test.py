import pytest

from tfcollide.serving.client.retry import retrying
from tfcollide.serving.codes import Code, ServingError


class Clock:
    """Time that passes only by waiting."""

    def __init__(self):
        self.now, self.waits = 0.0, []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        self.waits.append(seconds)


def failing(times, code=Code.UNAVAILABLE):
    left = [times]

    def action():
        if left[0]:
            left[0] -= 1
            raise ServingError(code, "away")
        return "answer"

    return action


def test_comes_back_when_the_server_does():
    clock = Clock()
    assert retrying(failing(5), seconds=60, sleep=clock.sleep, clock=clock) == "answer"
    assert len(clock.waits) == 5
    for i, wait in enumerate(clock.waits):
        assert 0.05 * 2**i <= wait <= 0.1 * 2**i


def test_waits_no_longer_than_it_may():
    clock = Clock()
    with pytest.raises(ServingError, match="away"):
        retrying(failing(10**6), seconds=30, sleep=clock.sleep, clock=clock)
    assert clock.now == pytest.approx(30)
    assert max(clock.waits) <= 5


@pytest.mark.parametrize("code", [code for code in Code if code != Code.UNAVAILABLE])
def test_other_errors_are_final(code):
    clock = Clock()
    with pytest.raises(ServingError):
        retrying(failing(1, code), seconds=60, sleep=clock.sleep, clock=clock)
    assert not clock.waits


def test_http_statuses_are_read_back():
    for code in (Code.INVALID_ARGUMENT, Code.NOT_FOUND, Code.UNAVAILABLE, Code.RESOURCE_EXHAUSTED, Code.DEADLINE_EXCEEDED):
        assert Code.of_http(code.http) == code
    assert Code.of_http(413) == Code.RESOURCE_EXHAUSTED
    assert Code.of_http(500) == Code.UNKNOWN
