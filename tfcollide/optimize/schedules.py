"""Learning-rate schedules, as the user writes them."""

from typing import NamedTuple

from tfcollide.errors import RequestError

__all__ = ["Schedule", "parse_schedule"]


_LAST_STEP = 2**31 - 1


class Schedule(NamedTuple):
    """A learning rate that is piecewise constant, a cosine, or one that halves again and again.

    Attributes:
        starts: the step from which each rate holds; the first is 0.
        rates: one per start.
        cosine: whether the one rate decays to zero at the last step.
        half_life: steps in which the one rate halves; 0: it does not.
    """

    starts: tuple[int, ...]
    rates: tuple[float, ...]
    cosine: bool = False
    half_life: float = 0.0


def parse_schedule(text: str) -> Schedule:
    """Reads "1e-4" (fixed), "0:0.001,2200:0.01" (changes at steps), "cosine:1e-3" or "halving:1e-2:100".

    Raises:
        RequestError: the text is of another form.
    """
    try:
        return _parse(text)
    except ValueError as error:
        raise RequestError(
            f"--learning_rate={text}",
            "a positive number, STEP:RATE pairs from step 0 on (0:1e-3,2200:1e-2), cosine:RATE, or halving:RATE:STEPS",
        ) from error


def _parse(text: str) -> Schedule:
    if text.startswith("cosine:"):
        return Schedule((0,), (_positive(text.removeprefix("cosine:")),), cosine=True)
    if text.startswith("halving:"):
        rate, steps = text.removeprefix("halving:").split(":")
        return Schedule((0,), (_positive(rate),), half_life=_positive(steps))
    if ":" not in text:
        return Schedule((0,), (_positive(text),))
    pairs = [entry.split(":") for entry in text.split(",")]
    starts = tuple(int(start) for start, _ in pairs)
    if starts[-1] > _LAST_STEP or starts[0] != 0 or list(starts) != sorted(set(starts)):
        raise ValueError(text)
    return Schedule(starts, tuple(_positive(rate) for _, rate in pairs))


def _positive(text: str) -> float:
    value = float(text)
    if not 0.0 < value < float("inf"):
        raise ValueError(text)
    return value
