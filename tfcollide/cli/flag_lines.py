"""Flagfiles of any name and any bytes, and those of the package."""

import codecs
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from tfcollide.errors import RequestError
from tfcollide.files.names import to_text
from tfcollide.recipes.by_name import recipe_file, recipe_list

__all__ = ["flag_lines", "recipes_help"]


def flag_lines(argv: Iterable[str]) -> Iterator[str]:
    """`argv`; in place of a recipe its flagfile, and of a flagfile that absl does not read its lines.

    That is one with names of files that are no UTF-8, or with the byte order mark of some editors.
    """
    for word in argv:
        recipe = re.fullmatch("--?recipe=(?!help$)(.*)", word)
        word = f"--flagfile={recipe_file(recipe[1])}" if recipe else word
        path = Path(word.partition("=")[2])
        if not re.match("--?flagfile=", word) or not path.is_file() or not _quotes_bytes(path.read_bytes()):
            yield word
            continue
        lines = (line.strip() for line in to_text(path.read_bytes()).split("\n"))
        yield from flag_lines(line for line in lines if line and not line.startswith(("#", "//")))


def _quotes_bytes(content: bytes) -> bool:
    """Whether this is text with a byte order mark, or not all of it UTF-8."""
    marked = content.startswith(codecs.BOM_UTF8)
    return b"\0" not in content and (marked or content != content.decode(errors="ignore").encode())


def recipes_help(name: str, known: Iterable[str]) -> str:
    """What `--recipe=help` prints; another value comes here where it stands apart from the flag.

    Args:
        name: the value of the flag.
        known: the flags of the program.
    """
    if name != "help":
        raise RequestError(f"--recipe {name}", f"--recipe={name}, in one word")
    return recipe_list([*known])
