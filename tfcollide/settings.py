"""From a dataclass to flags and back: each field of a program's settings is a flag, those that variants declare included.

    flags_of(Settings)            what the command line offers
    flags_text(settings)          a flagfile that says the same
    from_flags(Settings, text)    the settings again

A variant (see `registry`) declares flags of its own as the fields of a frozen dataclass
`OPTIONS` beside its `VARIANT`. Settings decorated with `carrying_variants` have them as
fields too, and `options_of` gives the variant its own part back.
"""

import dataclasses
import inspect
import math
import typing
from collections.abc import Callable, Iterable, Mapping
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from tfcollide.errors import RequestError
from tfcollide.files.names import fits_in_line
from tfcollide.files.run_directory import absolute
from tfcollide.registry import Registry

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = [
    "Flag",
    "OldSpelling",
    "at_least",
    "carrying_variants",
    "check_choices",
    "check_variants",
    "flag",
    "flags_of",
    "flags_text",
    "from_flags",
    "needed",
    "options_of",
    "positive",
    "renamed",
    "with_absolute_paths",
]

_Settings = TypeVar("_Settings", bound="DataclassInstance")
_Value = TypeVar("_Value")


class Flag(NamedTuple):
    """One flag of a program.

    Attributes:
        name: without dashes.
        kind: str, int, float or bool.
        default: its value where it is not given; None: it has none.
        help: what `--help` says, without the default.
        choices: the values that it takes, where it is restricted, or names of variants.
    """

    name: str
    kind: type
    default: Any
    help: str
    choices: tuple[str, ...] = ()


class OldSpelling(NamedTuple):
    """A flag that has another name now; a program's settings list theirs in `OLD_SPELLINGS`.

    Attributes:
        old: its name before.
        new: its name now.
        meant: whether a value means the old flag, where the old name is that of another flag today.
    """

    old: str
    new: str
    meant: Callable[[str], bool] = lambda value: True


def flag(
    default: object, help_text: str, *, choices: tuple[str, ...] = (), variants: Registry | None = None, path: bool = False
) -> Any:
    """A field of a program's settings.

    Args:
        default: of the flag.
        help_text: of the flag.
        choices: the values that it takes, where it is restricted.
        variants: it takes the name of one of these.
        path: it names a file or folder, or is one of `choices`.
    """
    return dataclasses.field(
        default=default, metadata={"help": help_text, "choices": choices, "variants": variants, "path": path, "of": None}
    )


def carrying_variants(cls: type[_Settings]) -> type[_Settings]:
    """Adds to a class, before it becomes a dataclass, the flags of all variants; each after the flag that chooses the variant.

    Raises:
        TypeError: two of them have one name.
    """
    annotations: dict[str, Any] = {}
    for name, kind in inspect.get_annotations(cls).items():
        annotations[name] = kind
        variants = getattr(cls.__dict__.get(name), "metadata", {}).get("variants")
        for variant, options in (variants.options() if variants else {}).items():
            hints = typing.get_type_hints(options)
            for field in dataclasses.fields(options):
                inherited = getattr(cls, "__dataclass_fields__", {}).get(field.name)
                if inherited is not None and inherited.metadata["of"] == (name, variant):
                    continue
                if field.name in annotations or hasattr(cls, field.name):
                    raise TypeError(f"--{field.name} of {name}={variant}: another flag has this name")
                annotations[field.name] = hints[field.name]
                setattr(
                    cls,
                    field.name,
                    dataclasses.field(default=field.default, metadata={**field.metadata, "of": (name, variant)}),
                )
    cls.__annotations__ = annotations
    return cls


def options_of(settings: "DataclassInstance", options: type[_Settings]) -> _Settings:
    """A variant's own part of the settings that carry it."""
    named: Any = dataclasses.fields(options)
    return options(**{field.name: getattr(settings, field.name) for field in named})


def check_choices(settings: "DataclassInstance") -> None:
    """Raises `RequestError` where a restricted field has a value that it does not take; None passes."""
    for field in dataclasses.fields(settings):
        value, choices, variants = getattr(settings, field.name), field.metadata["choices"], field.metadata["variants"]
        if value is None:
            continue
        if variants is not None:
            variants.check(value)
        elif choices and not field.metadata["path"] and value not in choices:
            raise RequestError(f"--{field.name}={value}", f"one of {', '.join(choices)}")


def check_variants(settings: "DataclassInstance") -> None:
    """Checks the flags that variants have declared: those of the chosen ones, and that none is given of the others.

    Raises:
        RequestError: a flag has no use without another variant, or has a value that its variant refuses.
    """
    for chooser in (field for field in dataclasses.fields(settings) if field.metadata["variants"]):
        chosen = getattr(settings, chooser.name)
        for variant, options in chooser.metadata["variants"].options().items():
            if not all(hasattr(settings, field.name) for field in dataclasses.fields(options)):
                continue  # a program that carries none of this kind
            own = options_of(settings, options)
            if variant == chosen:
                own.check()
                continue
            given = [f for f in dataclasses.fields(own) if getattr(own, f.name) != f.default]
            if given:
                words = " ".join(f"--{field.name}={getattr(own, field.name)}" for field in given)
                raise RequestError(words, f"--{chooser.name}={variant} beside it", "Add it, or leave the flag out.")


def with_absolute_paths(settings: _Settings) -> _Settings:
    """The same with every file and folder named from the root."""
    values = {field.name: getattr(settings, field.name) for field in _fields(settings) if field.metadata["path"]}
    taken = {field.name: field.metadata["choices"] for field in _fields(settings)}
    paths: Any = {name: str(absolute(value)) for name, value in values.items() if value and value not in taken[name]}
    return dataclasses.replace(settings, **paths)


def flags_of(settings: "type[DataclassInstance]") -> list[Flag]:
    """The flags of a program, in the order of the fields."""
    kinds = _kinds(settings)
    return [Flag(field.name, kinds[field.name], field.default, _help(field), _choices(field)) for field in _fields(settings)]


def flags_text(settings: "DataclassInstance") -> str:
    """Every field as a line of a flagfile; those that are None say nothing.

    Raises:
        RequestError: a value that a line cannot hold.
    """
    lines = []
    for field in _fields(settings):
        value = getattr(settings, field.name)
        if isinstance(value, str) and not fits_in_line(value):
            expected = "no line break, control character or blank at the end"
            raise RequestError(f"--{field.name}={value!r}", expected, "Rename the file or folder.")
        if isinstance(value, bool):
            lines.append(f"--{'' if value else 'no'}{field.name}")
        elif value is not None:
            lines.append(f"--{field.name}={value}")
    return "\n".join(lines) + "\n"


def from_flags(settings: type[_Settings], text: str) -> _Settings:
    """The settings that `flags_text` wrote, with the spellings of then or of now.

    Raises:
        RequestError: a line is not such a flag, or has a value of another kind.
    """
    kinds = _kinds(settings) | {one.old: str for one in getattr(settings, "OLD_SPELLINGS", ())}
    values: dict[str, Any] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("#"):
            continue
        name, equals, value = line.removeprefix("--").partition("=")
        negated = not equals and name.startswith("no") and kinds.get(name[2:]) is bool
        name = name[2:] if negated else name
        try:
            values[name] = not negated if kinds[name] is bool else kinds[name](value)
        except (KeyError, ValueError) as error:
            raise RequestError(f"run.flags with the line {line}", "a flag that collide writes there") from error
    return settings(**renamed(settings, values)[0])


def renamed(settings: "type[DataclassInstance]", values: Mapping[str, object]) -> tuple[dict[str, Any], list[str]]:
    """The values of flags under the names of now, and a sentence on each that had another.

    Args:
        settings: whose `OLD_SPELLINGS` count.
        values: of the flags that are given, by name.
    """
    found, said = dict(values), []
    for old, new, meant in getattr(settings, "OLD_SPELLINGS", ()):
        if found.get(old) is None or not meant(found[old]):
            continue
        value = found.pop(old)
        if found.get(new) not in (None, value):
            raise RequestError(f"--{old}={value} with --{new}={found[new]}", "one of the two", f"Leave --{old} out.")
        found[new] = value
        said.append(f"--{old}={value} is the old spelling of --{new}={value}")
    return found, said


def at_least(settings: "DataclassInstance", least: float, *names: str) -> None:
    """Raises `RequestError` where a named field is a number below `least` or not finite; None passes."""
    _check_numbers(settings, names, lambda value: value >= least, f"a number of at least {least}")


def positive(settings: "DataclassInstance", *names: str) -> None:
    """Raises `RequestError` where a named field is a number that is not positive and finite; None passes."""
    _check_numbers(settings, names, lambda value: value > 0, "a positive number")


def needed(value: _Value | None, name: str, expected: str, mend: str) -> _Value:
    """`value`; raises `RequestError` where a flag that a program cannot do without was not given."""
    if value is None:
        raise RequestError(f"no --{name}", expected, mend)
    return value


def _check_numbers(settings: "DataclassInstance", names: Iterable[str], passes: Callable[[Any], bool], expected: str) -> None:
    kinds = _kinds(type(settings))
    for name in names:
        value = getattr(settings, name)
        if value is None:
            continue
        if not isinstance(value, Real):
            raise RequestError(f"--{name}={value!r}", expected)
        if not math.isfinite(value):
            raise RequestError(f"--{name}={value}", f"{expected}, and finite")
        if not passes(value):
            raise RequestError(f"--{name}={value}", expected)
        if kinds[name] is int and not isinstance(value, Integral):
            raise RequestError(f"--{name}={value}", "a whole number")


def _fields(settings: "DataclassInstance | type[DataclassInstance]") -> tuple[Any, ...]:
    return dataclasses.fields(settings)


def _kinds(settings: "type[DataclassInstance]") -> dict[str, Any]:
    """Field -> its type, that of a value where it may be None."""
    hints = {field.name: hint for field, hint in _hinted(settings)}
    return {name: next(t for t in (typing.get_args(hint) or (hint,)) if t is not type(None)) for name, hint in hints.items()}


def _hinted(settings: "type[DataclassInstance]") -> list[tuple[Any, Any]]:
    hints = typing.get_type_hints(settings)
    return [(field, hints[field.name]) for field in _fields(settings)]


def _help(field: dataclasses.Field) -> str:
    names = () if field.metadata["path"] else _choices(field)
    return field.metadata["help"] + (f" One of: {', '.join(names)}." if names else "")


def _choices(field: dataclasses.Field) -> tuple[str, ...]:
    variants = field.metadata["variants"]
    return tuple(variants.names()) if variants else field.metadata["choices"]
