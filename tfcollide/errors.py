"""The one error a user is meant to see."""

import unicodedata
from collections.abc import Sequence

__all__ = ["RequestError", "is_control", "listed", "visible"]


class RequestError(ValueError):
    """A request that cannot be carried out, told in one line.

    Follows Keras: what was received, what was expected, how to mend it. The
    command line prints the line on standard error and exits with 2.

    Args:
        received: what came in, naming the offending value.
        expected: what would have been accepted.
        mend: what to do next, an imperative sentence; may be empty.
    """

    def __init__(self, received: str, expected: str, mend: str = ""):
        line = f"{received}: expected {expected}." + (f" {mend}" if mend else "")
        super().__init__(visible(" ".join(line.split())))


def listed(names: Sequence[str], where: str, *, shown: int = 12) -> str:
    """Names to choose from; of many the first, how many more there are, and where to see them."""
    if len(names) <= shown:
        return ", ".join(names)
    return f"{', '.join(names[:shown])} and {len(names) - shown} more, all in {where}"


def visible(text: str) -> str:
    """`text` with line breaks and control characters as Python writes them in a string."""
    return "".join(repr(char)[1:-1] if is_control(char) else char for char in text)


def is_control(char: str) -> bool:
    """Whether a character breaks lines or does what terminals obey."""
    return unicodedata.category(char) in ("Cc", "Zl", "Zp")
