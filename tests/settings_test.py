import dataclasses
import math

import pytest

from tfcollide.errors import RequestError
from tfcollide.settings import at_least, flag, positive


@dataclasses.dataclass(frozen=True)
class Config:
    count: float | None = flag(1, "How many.")
    kind: str = flag("a", "Which.", choices=("a", "b"))


def test_a_field_carries_its_help_and_choices():
    count, kind = dataclasses.fields(Config)
    assert (count.default, count.metadata["help"], count.metadata["choices"]) == (1, "How many.", ())
    assert kind.metadata["choices"] == ("a", "b")


@pytest.mark.parametrize("value", [0.9, -1, math.nan, math.inf])
def test_what_is_too_small_or_not_finite_is_refused(value):
    with pytest.raises(RequestError, match=f"--count={value}: expected a number of at least 1"):
        at_least(Config(value), 1, "count")


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf])
def test_what_is_not_positive_is_refused(value):
    with pytest.raises(RequestError, match=f"--count={value}: expected a positive number"):
        positive(Config(value), "count")


@pytest.mark.parametrize("value", [1, 1.5, None])
def test_what_is_large_enough_or_not_said_passes(value):
    at_least(Config(value), 1, "count")
    positive(Config(value), "count")
