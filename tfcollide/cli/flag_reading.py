"""Settings as absl flags, and absl flags as settings."""

import difflib
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import flags

from tfcollide import __version__
from tfcollide.cli.flag_lines import define_files, flag_lines, recipes_help
from tfcollide.errors import RequestError
from tfcollide.recipes.collide.config import HEADINGS
from tfcollide.recipes.collide.presets import preset_values
from tfcollide.settings import Flag, flags_of, renamed

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["config_of", "define_out", "define_report", "define_version", "parse"]

_EXAMPLES = {
    "collide": (
        "  collide --out=first                                      digits, a 3 to a 7",
        "  collide --source=0 --target=test:17 --out=zero           any pair; test:17 is a test image",
        "  collide --solver=exact --nearest=l2 --out=nearest        the collision closest to the source",
        "  collide --dataset=mnist --num_pairs=10 --out=sweep       ten random pairs",
        "",
    )
}


def parse(
    argv: list[str], config: "type[DataclassInstance]", define: Callable[[flags.FlagValues], None]
) -> dict[str, Any] | None:
    """The values of all flags, presets applied; None where --help or --version has been answered.

    Args:
        argv: the program's name, then flags.
        config: a dataclass of settings, a flag each.
        define: adds the flags of the program that are no settings.

    Raises:
        RequestError: a flag is unknown, or its value is of another type.
    """
    known = flags.FlagValues()
    define_files(known)
    flags.DEFINE_boolean("help", False, "Show this help.", short_name="h", flag_values=known)
    flags.DEFINE_boolean("version", False, "Show the version.", flag_values=known)
    define(known)
    for one in flags_of(config):
        _define(known, one)
    shown = [*known]
    for old in _old_names(config, known):
        flags.DEFINE_string(old, None, "An old spelling.", flag_values=known)
    rest = _read(known, argv)
    if known["recipe"].value is not None:
        print(recipes_help(known))
        return None
    if known["version"].value:
        print(f"tfcollide {__version__}")
        return None
    if known["help"].value:
        print(_help(argv[0], known, shown))
        return None
    if len(rest) > 1:
        raise RequestError(f"argument {rest[1]!r}", "flags only, as --name=value")
    given, warnings = renamed(config, {name: known[name].value for name in known if known[name].present})
    for sentence in warnings:
        print(f"warning: {sentence}", file=sys.stderr)
    values = {name: known[name].default for name in shown} | given
    return values | {name: value for name, value in preset_values(values.get("preset")).items() if name not in given}


def _old_names(config: "type[DataclassInstance]", known: flags.FlagValues) -> list[str]:
    """Flags that a program has under another name today, but for those whose old name is that of another flag."""
    return sorted({one.old for one in getattr(config, "OLD_SPELLINGS", ())} - set(known))


def _read(known: flags.FlagValues, argv: list[str]) -> list[str]:
    """Reads the flags; returns what is none. One that is unknown is answered with the nearest that this program has."""
    try:
        return known([*flag_lines(argv)])
    except flags.UnrecognizedFlagError as error:
        near = difflib.get_close_matches(error.flagname, sorted(known), n=1)
        mend = f"Did you mean --{near[0]}?" if near else ""
        raise RequestError(f"--{error.flagname}", "a flag that --help lists", mend) from error
    except flags.Error as error:
        raise _flag_error(error) from error


def define_out(known: flags.FlagValues) -> None:
    """Where a program writes a directory."""
    flags.DEFINE_string("out", None, "The directory to write.", flag_values=known)
    flags.DEFINE_boolean("overwrite", False, "Replace the directory if it exists.", flag_values=known)


def define_version(known: flags.FlagValues) -> None:
    """Where an export writes a version."""
    flags.DEFINE_string(
        "out", None, "The version to write, BASE/NAME/VERSION; TF Serving watches BASE/NAME.", flag_values=known
    )


def define_report(known: flags.FlagValues) -> None:
    """Where a program may write its numbers."""
    flags.DEFINE_string("out", None, "Also write the numbers to this JSON file.", flag_values=known)


def _define(known: flags.FlagValues, one: Flag) -> None:
    define: Any = {
        str: flags.DEFINE_string,
        int: flags.DEFINE_integer,
        float: flags.DEFINE_float,
        bool: flags.DEFINE_boolean,
    }[one.kind]
    define(one.name, one.default, one.help, flag_values=known)


def config_of(config: "type[DataclassInstance]", values: dict[str, object]) -> Any:
    """The settings among the values of all flags."""
    return config(**{one.name: values[one.name] for one in flags_of(config)})


def _help(program: str, known: flags.FlagValues, shown: Iterable[str]) -> str:
    called = Path(program).name
    lines = [f"Usage: {called} --flagfile=FILE or --name=value ...", "", *_EXAMPLES.get(called, ())]
    for name in shown:
        flag = known[name]
        if name in HEADINGS:
            lines += ["", HEADINGS[name]]
        if name == flag.name and name != "undefok":  # once, not again by its short name
            default = "" if flag.default in (None, "", False) else f" (default: {flag.default})"
            lines.append(f"  --{name}\n      {flag.help}{default}")
    return "\n".join(lines)


def _flag_error(error: flags.Error) -> RequestError:
    """What absl says of a flag, as a line that says how to mend it."""
    if isinstance(error, flags.CantOpenFlagFileError):
        return RequestError(f"--flagfile: {str(error).removeprefix('ERROR:: ')}", "a readable file with a flag a line")
    found = re.match(r"flag (--\w+=.*?): (.*)", str(error), re.DOTALL)
    if found:
        kinds = {"int": "a whole number", "float": "a number", "boolean": "true or false"}
        kind = next((words for name, words in kinds.items() if name in found[2]), "another value")
        return RequestError(found[1], kind)
    return RequestError(str(error).rstrip("."), "flags that --help lists")
