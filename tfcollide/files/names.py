"""Names of files in any encoding: as text, and as bytes of a file that quotes them.

Python stands in for a byte that is no UTF-8 with a lone surrogate, which is written back as that byte.
"""

import os

from tfcollide.errors import is_control, visible

__all__ = ["fits_in_line", "is_hidden", "readable", "to_bytes", "to_text"]

_OF_SYSTEMS = frozenset({"__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found"})


def is_hidden(name: str) -> bool:
    """Whether programs and systems keep a file or folder of this name for themselves: ".ipynb_checkpoints", "__MACOSX"."""
    return name.startswith(".") or name in _OF_SYSTEMS


def readable(name: str) -> str:
    """A file's name to show: its bytes as UTF-8, or else as Latin-1; control characters as escapes."""
    content = os.fsencode(name)
    try:
        return visible(content.decode())
    except UnicodeDecodeError:
        return visible(content.decode("latin-1"))


def fits_in_line(text: str) -> bool:
    """Whether a line of a file, without blanks at its end, can hold `text`."""
    return text == text.rstrip() and not any(map(is_control, text))


def to_bytes(text: str) -> bytes:
    """`text` in UTF-8, and the names of files in it as they are."""
    return text.encode(errors="surrogateescape")


def to_text(content: bytes) -> str:
    """What `to_bytes` wrote, without the mark that some editors put first."""
    return content.decode(errors="surrogateescape").removeprefix("\ufeff")
