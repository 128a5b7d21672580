"""The one error a user is meant to see."""

import re
import unicodedata
from collections.abc import Sequence

__all__ = ["RequestError", "is_control", "listed", "visible"]

_MARK = re.compile(r"(?<![\w-])--(?=[a-z])")


class RequestError(ValueError):
    """A request that cannot be carried out, told in one line.

    Follows Keras: what was received, what was expected, how to mend it. The
    command line prints the line on standard error and exits with 2. Settings are marked
    by two dashes in it ("--tap=fc9"), as the command line has them; whoever calls from
    Python is told of arguments, see `in_python`.

    Args:
        received: what came in, naming the offending value.
        expected: what would have been accepted.
        mend: what to do next, an imperative sentence; may be empty.
        mend_in_python: the same for whoever calls from Python, where that is more than another name of a setting.

    Examples:
        >>> print(tc.RequestError("--tap=fc9", "a ReLU of vgg16").in_python())
        tap=fc9: expected a ReLU of vgg16.
    """

    def __init__(self, received: str, expected: str, mend: str = "", *, mend_in_python: str | None = None):
        super().__init__(received, expected, mend)
        self._mend_in_python = mend if mend_in_python is None else mend_in_python

    def __str__(self) -> str:
        """The line."""
        received, expected, mend = self.args
        return visible(" ".join(f"{received}: expected {expected}. {mend}".split()))

    def in_python(self) -> "RequestError":
        """The same with settings named as arguments: "tap=fc9"."""
        received, expected, _ = self.args
        return RequestError(*(_MARK.sub("", text) for text in (received, expected, self._mend_in_python)))


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
