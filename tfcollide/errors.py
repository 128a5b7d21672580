"""The one error a user is meant to see."""

import re
import unicodedata
from collections.abc import Sequence

__all__ = ["RequestError", "is_control", "listed", "visible"]

_MARK = re.compile(r"(?<![\w-])--(?=[a-z])")
_IN_PYTHON = {
    "Say --solver=gradient": "Take find_corners",
    "or --solver=gradient": "or find_corners",
    "collide --out=DIR": "found.save(DIR), or with the program collide",
    "group units with --units": "group units, as in units=[(3, 9), (12, 40)]",
}
"""What the command line is told to say -> what Python is."""


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

    Examples:
        >>> print(tc.RequestError("--tap=fc9", "a ReLU of vgg16").in_python())
        tap=fc9: expected a ReLU of vgg16.
    """

    def __init__(self, received: str, expected: str, mend: str = ""):
        line = f"{received}: expected {expected}." + (f" {mend}" if mend else "")
        super().__init__(visible(" ".join(line.split())))

    def in_python(self) -> "RequestError":
        """The same with settings named as arguments: "tap=fc9"."""
        told, line = RequestError("", ""), str(self)
        for flags, words in _IN_PYTHON.items():
            line = line.replace(flags, words)
        told.args = (_MARK.sub("", line),)
        return told


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
