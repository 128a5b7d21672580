"""Fields of a config that become flags, and the checks that many of them share."""

import dataclasses
from typing import Any

from tfcollide.errors import check_at_least as at_least
from tfcollide.errors import check_positive as positive

__all__ = ["at_least", "flag", "positive"]


def flag(default: Any, help_text: str, *, choices: tuple[str, ...] = ()) -> Any:
    """A field of a config with the help of its flag and, where it is restricted, the values it takes."""
    return dataclasses.field(default=default, metadata={"help": help_text, "choices": choices})
