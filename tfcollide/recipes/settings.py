"""Fields of a config that become flags, and the checks that many of them share."""

import dataclasses
import math
from typing import Any

from tfcollide.errors import RequestError

__all__ = ["at_least", "flag", "positive"]


def flag(default: Any, help_text: str, *, choices: tuple[str, ...] = ()) -> Any:
    """A field of a config with the help of its flag and, where it is restricted, the values it takes."""
    return dataclasses.field(default=default, metadata={"help": help_text, "choices": choices})


def at_least(config: Any, least: float, *names: str) -> None:
    """Raises `RequestError` where a named field is a number below `least` or not finite; None passes."""
    for name in names:
        value = getattr(config, name)
        if value is not None and not (math.isfinite(value) and value >= least):
            raise RequestError(f"--{name}={value}", f"a number of at least {least}")


def positive(config: Any, *names: str) -> None:
    """Raises `RequestError` where a named field is a number that is not positive and finite; None passes."""
    for name in names:
        value = getattr(config, name)
        if value is not None and not (math.isfinite(value) and value > 0):
            raise RequestError(f"--{name}={value}", "a positive number")
