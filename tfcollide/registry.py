"""From the name of a variant to the variant, without importing the others.

A variant is one file of a package: `tfcollide/objectives/match.py` is
`--objective=match`; or a folder, whose `__init__.py` counts. A file that defines
`VARIANT` is one; files are read for that, so listing them costs no import, and only
the chosen one is imported. What each kind of variant is to say of itself stands in BUILD.md.

A file may also define `OPTIONS`, a frozen dataclass whose fields become flags (see
`settings`). Those files are imported when flags are defined, and so import no TensorFlow.
"""

import importlib
import importlib.util
import re
from pathlib import Path
from typing import Any

from tfcollide.errors import RequestError

__all__ = [
    "BACKENDS",
    "DATASETS",
    "EXPORTS",
    "HULL_TERMS",
    "MODELS",
    "OBJECTIVES",
    "PARAMETERIZATIONS",
    "PICTURES",
    "UPDATE_RULES",
    "Registry",
]

_DEFINES = re.compile(r"^VARIANT\b", re.MULTILINE)
_HAS_OPTIONS = re.compile(r"^OPTIONS\b", re.MULTILINE)


class Registry:
    """The variants in one package.

    Args:
        kind: what a variant is called in messages, and its flag ("objective").
        package: the package that holds one module per variant.
        suffix: of the modules' names, where the package holds other modules too; no part of a variant's name.
    """

    def __init__(self, kind: str, package: str, suffix: str = ""):
        self.kind = kind
        self._package, self._suffix = package, suffix

    def names(self) -> list[str]:
        """The names of all variants, sorted."""
        return sorted(self._texts())

    def check(self, name: str) -> None:
        """Raises `RequestError` if there is no variant `name`; imports nothing."""
        if name not in self.names():
            raise RequestError(f"--{self.kind}={name}", f"one of {', '.join(self.names())}")

    def load(self, name: str) -> Any:
        """The object called `VARIANT` in the module `name`."""
        self.check(name)
        return self._module(name).VARIANT

    def all(self) -> dict[str, Any]:
        """Name -> variant, of all of them."""
        return {name: self._module(name).VARIANT for name in self.names()}

    def options(self) -> dict[str, type[Any]]:
        """Name -> `OPTIONS`, of the variants that declare flags."""
        texts = self._texts()
        return {name: self._module(name).OPTIONS for name in sorted(texts) if _HAS_OPTIONS.search(texts[name])}

    def _module(self, name: str) -> Any:
        return importlib.import_module(f"{self._package}.{name}{self._suffix}")

    def _texts(self) -> dict[str, str]:
        """Name -> text of its file."""
        spec = importlib.util.find_spec(self._package)
        folders = [Path(folder) for folder in (spec and spec.submodule_search_locations) or ()]
        files = {file.stem: file for folder in folders for file in folder.glob(f"*{self._suffix}.py")}
        files |= {file.parent.name: file for folder in folders for file in folder.glob(f"*{self._suffix}/__init__.py")}
        files.pop("__init__", None)
        texts = {name.removesuffix(self._suffix): file.read_text(encoding="utf-8") for name, file in files.items()}
        return {name: text for name, text in texts.items() if _DEFINES.search(text)}


BACKENDS = Registry("search", "tfcollide.patches.backends")
DATASETS = Registry("dataset", "tfcollide.data")
EXPORTS = Registry("what", "tfcollide.exports", suffix="_export")
HULL_TERMS = Registry("term_weights", "tfcollide.optimize.hull_terms")
MODELS = Registry("model", "tfcollide.models")
OBJECTIVES = Registry("objective", "tfcollide.objectives")
PARAMETERIZATIONS = Registry("parameterization", "tfcollide.parameterizations")
PICTURES = Registry("figure", "tfcollide.report", suffix="_figure")
UPDATE_RULES = Registry("optimizer", "tfcollide.optimize.update_rules")
