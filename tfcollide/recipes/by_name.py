"""The flagfiles that come with the package, by name: `--recipe=mnist`."""

import difflib
import re
from collections.abc import Container, Mapping
from pathlib import Path

from tfcollide.errors import RequestError

__all__ = ["recipe_file", "recipe_flags", "recipe_list", "recipe_names", "recipes_of"]

_FOLDER = Path(__file__).parent / "flagfiles"


def recipe_names() -> tuple[str, ...]:
    """The names of all of them, sorted."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.flags")))


def recipe_file(name: str) -> Path:
    """The flagfile of this name.

    Raises:
        RequestError: there is none.
    """
    known = {path.stem: path for path in _FOLDER.glob("*.flags")}
    if name not in known:
        near = difflib.get_close_matches(name, sorted(known), n=1)
        raise RequestError(
            f"--recipe={name}", "a name that --recipe=help lists", f"Did you mean --recipe={near[0]}?" if near else ""
        )
    return known[name]


def recipe_list(flags: Container[str]) -> str:
    """Name and first comment of each recipe of a program."""
    listed = [f"--recipe={name}\n{_comment(text)}" for name, text in recipes_of(flags).items()]
    return "\n\n".join(listed) or "There is no recipe for this program."


def recipes_of(flags: Container[str]) -> Mapping[str, str]:
    """Name and text of each recipe whose flags are all among these, a program's."""
    texts = {path.stem: path.read_text(encoding="utf-8") for path in sorted(_FOLDER.glob("*.flags"))}
    return {name: text for name, text in texts.items() if all(flag in flags for flag in _flags(text))}


def recipe_flags(name: str) -> list[str]:
    """The flags that a recipe sets."""
    return _flags(recipe_file(name).read_text(encoding="utf-8"))


def _flags(text: str) -> list[str]:
    return re.findall(r"^--(\w+)", text, re.MULTILINE)


def _comment(text: str) -> str:
    return "\n".join(f"    {line[1:].strip()}" for line in text.splitlines() if line.startswith("#"))
