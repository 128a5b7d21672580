import pytest

from tfcollide.errors import RequestError
from tfcollide.optimize.schedules import Schedule, parse_schedule


@pytest.mark.parametrize(
    ("text", "schedule"),
    [
        ("1e-4", Schedule((0,), (1e-4,))),
        ("3", Schedule((0,), (3.0,))),
        ("0:0.001,2200:0.01", Schedule((0, 2200), (0.001, 0.01))),
        ("0:5", Schedule((0,), (5.0,))),
        ("0:1e-3, 10:2", Schedule((0, 10), (1e-3, 2.0))),
        ("cosine:1e-3", Schedule((0,), (1e-3,), cosine=True)),
    ],
)
def test_parse(text, schedule):
    assert parse_schedule(text) == schedule


@pytest.mark.parametrize(
    "text",
    [
        "",
        "fast",
        "0",
        "-1e-4",
        "nan",
        "inf",
        "1e-4,2e-4",
        "5:0.1",  # no rate before step 5
        "0:0.1,10",
        "0:0.1,10:",
        "0:0.1,10:0",
        "0:0.1,10:1:2",
        "0:0.1,1.5:1",
        "0:0.1,20:1,10:2",
        "0:0.1,10:1,10:2",
        "0:0.1,-3:1",
        "cosine:",
        "cosine:-1",
        "cosine:0:1",
        "linear:1",
    ],
)
def test_parse_refuses_other_forms(text):
    with pytest.raises(RequestError, match=f"--learning_rate={text}: expected a positive number, STEP:RATE pairs"):
        parse_schedule(text)


def test_halving():
    schedule = parse_schedule("halving:0.5:20")
    assert (schedule.rates, schedule.half_life, schedule.cosine) == ((0.5,), 20.0, False)


@pytest.mark.parametrize("text", ["halving:0.5", "halving:0:5", "halving:1:0", "halving:x:5", "halving:1:2:3"])
def test_halving_that_cannot_be_read(text):
    with pytest.raises(RequestError, match="halving:RATE:STEPS"):
        parse_schedule(text)
