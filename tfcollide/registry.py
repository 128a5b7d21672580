"""From the name of a variant to the variant, without importing the others.

A variant is one file of a package: `tfcollide/objectives/match.py` is
`--objective=match`; or a folder, whose `__init__.py` counts. A file that defines
`VARIANT` is one; files are read for that, so listing them costs no import, and only
the chosen one is imported.
"""

import importlib
import importlib.util
import re
from pathlib import Path
from typing import Any

from tfcollide.errors import RequestError

__all__ = ["BACKENDS", "DATASETS", "EXPORTS", "MODELS", "OBJECTIVES", "PARAMETERIZATIONS", "Registry"]

_DEFINES = re.compile(r"^VARIANT\b", re.MULTILINE)


class Registry:
    """The variants in one package.

    Args:
        kind: what a variant is called in messages, and its flag ("objective").
        package: the package that holds one module a variant.
    """

    def __init__(self, kind: str, package: str):
        self.kind = kind
        self._package = package

    def names(self) -> list[str]:
        """The names of all variants, sorted."""
        spec = importlib.util.find_spec(self._package)
        folders = [Path(folder) for folder in (spec and spec.submodule_search_locations) or ()]
        files = {file.stem: file for folder in folders for file in folder.glob("*.py") if file.stem != "__init__"}
        packages = {file.parent.name: file for folder in folders for file in folder.glob("*/__init__.py")}
        return sorted(name for name, file in (files | packages).items() if _DEFINES.search(file.read_text(encoding="utf-8")))

    def check(self, name: str) -> None:
        """Raises `RequestError` if there is no variant `name`; imports nothing."""
        if name not in self.names():
            raise RequestError(f"--{self.kind}={name}", f"one of {', '.join(self.names())}")

    def load(self, name: str) -> Any:
        """The object called `VARIANT` in the module `name`."""
        self.check(name)
        return importlib.import_module(f"{self._package}.{name}").VARIANT


BACKENDS = Registry("index", "tfcollide.patches.backends")
DATASETS = Registry("dataset", "tfcollide.data")
EXPORTS = Registry("what", "tfcollide.export")
MODELS = Registry("model", "tfcollide.models")
OBJECTIVES = Registry("objective", "tfcollide.objectives")
PARAMETERIZATIONS = Registry("parameterization", "tfcollide.parameterizations")
