"""Settings as absl flags, and absl flags as settings."""

import difflib
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import flags

from tfcollide import __version__
from tfcollide.cli.flag_help import bash_completion, full_help, short_help, zsh_completion
from tfcollide.cli.flag_lines import flag_lines, recipes_help
from tfcollide.errors import RequestError
from tfcollide.recipes.by_name import recipe_flags, recipe_names
from tfcollide.recipes.collide.config import HEADINGS
from tfcollide.recipes.collide.presets import preset_values
from tfcollide.settings import Flag, flags_of, renamed

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["DIRECTORY", "REPORT", "VERSION", "config_of", "parse"]

_COMMON = (
    Flag("flagfile", str, "", "Read flags from this file."),
    Flag("recipe", str, None, "A flagfile of the package; help: lists them.", (*recipe_names(), "help")),
)
_QUESTIONS = (
    Flag("help", bool, False, "Show the flags that matter first."),
    Flag("helpshort", bool, False, "The same as --help."),
    Flag("helpfull", bool, False, "Show every flag."),
    Flag("version", bool, False, "Show the version."),
    Flag("completion", str, None, "Print a script by which the shell completes flags.", ("bash", "zsh")),
)
_SHELLS = {"bash": bash_completion, "zsh": zsh_completion}
DIRECTORY = (
    Flag("out", str, None, "The directory to write."),
    Flag("overwrite", bool, False, "Replace the directory if it exists."),
)
"""Where a program writes a directory."""
VERSION = Flag("out", str, None, "The version to write, BASE/NAME/VERSION; TF Serving watches BASE/NAME.")
"""Where an export writes a version."""
REPORT = Flag("out", str, None, "Also write the numbers to this JSON file.")
"""Where a program may write its numbers."""


def parse(argv: list[str], config: "type[DataclassInstance]", *beside: Flag) -> dict[str, Any] | None:
    """The values of all flags, presets applied; None where a question such as --help has been answered.

    Args:
        argv: the program's name, then flags.
        config: a dataclass of settings, a flag each.
        beside: flags of the program that are no settings.

    Raises:
        RequestError: a flag is unknown, or its value is of another type.
    """
    known = flags.FlagValues()
    own = [*beside, *flags_of(config)]
    for one in [*_COMMON, *_QUESTIONS, *own]:
        _define(known, one)
    flags.DEFINE_string("undefok", "", "", flag_values=known)  # absl asks for its value
    for old in _old_names(config, known):
        flags.DEFINE_string(old, None, "An old spelling.", flag_values=known)
    usual = {f"no_{one.name}": one.name for one in flags_of(config) if one.kind is bool and one.default is True}
    for name in usual:
        flags.DEFINE_boolean(name, False, "Another spelling.", flag_values=known)
    rest = _read(known, argv)
    if (answer := _answer(Path(argv[0]).name, known, config, own)) is not None:
        print(answer)
        return None
    if len(rest) > 1:
        mend = f"Did you mean --recipe={rest[1]}?" if rest[1] in recipe_names() else ""
        raise RequestError(f"argument {rest[1]!r}", "flags only, as --name=value", mend)
    present = {name: known[name].value for name in known if known[name].present}
    present |= {name: False for other, name in usual.items() if present.pop(other, False)}
    given, warnings = renamed(config, present)
    for sentence in warnings:
        print(f"warning: {sentence}", file=sys.stderr)
    values = {one.name: one.default for one in own} | given
    return values | {name: value for name, value in preset_values(values.get("preset")).items() if name not in given}


def _answer(called: str, known: flags.FlagValues, config: "type[DataclassInstance]", own: Sequence[Flag]) -> str | None:
    """What --help, --helpfull, --version, --recipe=help or --completion print; None where none of them is given."""
    asked = {one.name: known[one.name].value for one in [*_COMMON, *_QUESTIONS]}
    short = asked["help"] or asked["helpshort"]
    if short and asked["helpfull"]:
        raise RequestError("--help with --helpfull", "one of the two", "--helpfull shows every flag.")
    if asked["recipe"] is not None:
        return recipes_help(asked["recipe"], known)
    if asked["version"]:
        return f"tfcollide {__version__}"
    shown, first = [*_COMMON, *own, *_QUESTIONS], getattr(config, "FIRST", ())
    if asked["completion"] not in (None, *_SHELLS):
        raise RequestError(f"--completion={asked['completion']}", " or ".join(f"--completion={shell}" for shell in _SHELLS))
    if asked["completion"]:
        return _SHELLS[asked["completion"]](called, shown)
    if asked["helpfull"] or (short and not first):
        return full_help(called, shown, HEADINGS)
    return short_help(called, shown, first, getattr(config, "NEXT", ())) if short else None


def _old_names(config: "type[DataclassInstance]", known: flags.FlagValues) -> list[str]:
    """Flags that a program has under another name today, but for those whose old name is that of another flag."""
    return sorted({one.old for one in getattr(config, "OLD_SPELLINGS", ())} - set(known))


def _read(known: flags.FlagValues, argv: list[str]) -> list[str]:
    """Reads the flags; returns what is none. One that is unknown is answered with the nearest that this program has."""
    try:
        return known([*flag_lines(argv)])
    except flags.UnrecognizedFlagError as error:
        for name in _recipes_among(argv):
            if error.flagname in recipe_flags(name):
                received, expected = f"--recipe={name}, which sets --{error.flagname}", "a recipe that --recipe=help lists"
                raise RequestError(received, expected, "It is one of another program.") from error
        near = difflib.get_close_matches(error.flagname, sorted(known), n=1)
        mend = f"Did you mean --{near[0]}?" if near else ""
        raise RequestError(f"--{error.flagname}", "a flag that --helpfull lists", mend) from error
    except flags.Error as error:
        raise _flag_error(error) from error


def _recipes_among(argv: list[str]) -> list[str]:
    return [found[1] for word in argv if (found := re.fullmatch("--?recipe=(.*)", word))]


def _define(known: flags.FlagValues, one: Flag) -> None:
    define: Any = {
        str: flags.DEFINE_string,
        int: flags.DEFINE_integer,
        float: flags.DEFINE_float,
        bool: flags.DEFINE_boolean,
    }[one.kind]
    short = {"short_name": "h"} if one.name == "help" else {}
    define(one.name, one.default, one.help, flag_values=known, **short)


def config_of(config: "type[DataclassInstance]", values: dict[str, object]) -> Any:
    """The settings among the values of all flags."""
    return config(**{one.name: values[one.name] for one in flags_of(config)})


def _flag_error(error: flags.Error) -> RequestError:
    """What absl says of a flag, as a line that says how to mend it."""
    if isinstance(error, flags.CantOpenFlagFileError):
        return RequestError(f"--flagfile: {str(error).removeprefix('ERROR:: ')}", "a readable file with a flag a line")
    found = re.match(r"flag (--\w+=.*?): (.*)", str(error), re.DOTALL)
    if found:
        kinds = {"int": "a whole number", "float": "a number", "boolean": "true or false"}
        kind = next((words for name, words in kinds.items() if name in found[2]), "another value")
        return RequestError(found[1], kind)
    return RequestError(str(error).rstrip("."), "flags that --helpfull lists")
