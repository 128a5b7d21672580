"""From the name of a variant to the variant, without importing the others.

A variant is one file of a package: `tfcollide/objectives/match.py` is
`--objective=match`. Names are read from the folder, so listing them costs no
import; only the chosen file is imported.
"""

import importlib
import importlib.util
import pkgutil
from typing import Any

from tfcollide.errors import RequestError

__all__ = ["BACKENDS", "DATASETS", "EXPORTS", "MODELS", "OBJECTIVES", "PARAMETERIZATIONS", "Registry"]


class Registry:
    """The variants in one package.

    Args:
        kind: what a variant is called in messages, and its flag ("objective").
        package: the package that holds one module a variant.
        shared: modules of the package that are not variants.
    """

    def __init__(self, kind: str, package: str, *, shared: tuple[str, ...] = ()):
        self.kind = kind
        self._package = package
        self._shared = shared

    def names(self) -> list[str]:
        """The names of all variants, sorted."""
        spec = importlib.util.find_spec(self._package)
        folders = spec.submodule_search_locations if spec else None
        return sorted(m.name for m in pkgutil.iter_modules(folders) if m.name not in self._shared)

    def check(self, name: str) -> None:
        """Raises `RequestError` if there is no variant `name`; imports nothing."""
        if name not in self.names():
            raise RequestError(f"--{self.kind}={name}", f"one of {', '.join(self.names())}")

    def load(self, name: str) -> Any:
        """The object called `VARIANT` in the module `name`."""
        self.check(name)
        return importlib.import_module(f"{self._package}.{name}").VARIANT


BACKENDS = Registry("index", "tfcollide.patches.backends")
DATASETS = Registry(
    "dataset",
    "tfcollide.data",
    shared=("catalog", "folder", "from_tfds", "images_on_demand", "labelled", "select"),
)
EXPORTS = Registry(
    "what", "tfcollide.export", shared=("hull", "parts", "saved_model", "verdict", "version_directory", "vnnlib", "warmup")
)
MODELS = Registry(
    "model",
    "tfcollide.models",
    shared=(
        "affine",
        "applications",
        "class_names",
        "classifier",
        "dense_chain",
        "graph",
        "loading",
        "logits",
        "model_file",
        "pixel_range",
        "precision",
        "predictions",
        "rectifier",
        "saved_model",
        "taps",
        "training",
    ),
)
OBJECTIVES = Registry("objective", "tfcollide.objectives", shared=("hull", "terms", "units"))
PARAMETERIZATIONS = Registry("parameterization", "tfcollide.parameterizations")
