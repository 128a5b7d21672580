"""What all verbs have in common: errors name arguments, and nothing is drawn unless it is asked for."""

import contextlib
import dataclasses
import difflib
import reprlib
from collections.abc import Iterator, Mapping
from typing import TypeVar

from tfcollide.errors import RequestError
from tfcollide.runtime.progress import shown

__all__ = ["called", "record_of"]

_Record = TypeVar("_Record")


@contextlib.contextmanager
def called(progress: bool = False) -> Iterator[None]:
    """The body of a verb: a `RequestError` names arguments in place of flags; bars are drawn with `progress` alone."""
    with shown(progress):
        try:
            yield
        except RequestError as error:
            raise error.in_python() from error.__cause__


def record_of(kind: type[_Record], settings: Mapping[str, object]) -> _Record:
    """A record of settings from a verb's keyword arguments.

    Raises:
        RequestError: it has no such setting.
    """
    known = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    for name in settings:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            mend = f"Did you mean {near[0]}?" if near else ""
            raise RequestError(f"{name}={reprlib.repr(settings[name])}", f"one of {', '.join(known)}", mend)
    return kind(**settings)
