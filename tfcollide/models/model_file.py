"""What a model file is, and whether loading it would run code of its own; told without TensorFlow.

Loading instantiates what the file's configuration names. Keras refuses pickled
lambdas by itself; here everything it names is looked at first, and only parts of
networks pass.
"""

import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tfcollide.errors import RequestError
from tfcollide.models.applications import APPLICATIONS
from tfcollide.registry import MODELS

__all__ = ["ModelFile", "inspect", "kind_of"]

_SUFFIXES = (".keras", ".h5", ".hdf5")
_MAX_CONFIG_BYTES = 2**26
_PARTS = (
    "layers",
    "initializers",
    "regularizers",
    "constraints",
    "activations",
    "dtype_policies",
    "quantizers",
    "ops",
    "models",
)
_MODULES = tuple(f"{root}.{part}" for root in ("keras", "keras.src") for part in _PARTS)
_ROOT_CLASSES = ("Model", "Sequential", "Functional", "DTypePolicy", "FloatDTypePolicy", "QuantizedDTypePolicy")
_DATA = ("__keras_tensor__", "__tensor__", "__numpy__", "__ellipsis__", "__slice__", "__bytes__")
# Layers that are code, or that read other files.
_CODE = (
    "Lambda",
    "__lambda__",
    "TFOpLambda",
    "SlicingOpLambda",
    "TensorFlowOpLayer",
    "TFSMLayer",
    "TorchModuleWrapper",
    "JaxLayer",
    "FlaxLayer",
    "TextVectorization",
    "StringLookup",
    "IntegerLookup",
)
_NOT_TRAINED_ON = ("compile_config", "training_config", "optimizer_config")
_MEND = "Say --allow_custom_code if you trust whoever made the file."


class ModelFile(NamedTuple):
    """A model on disk.

    Attributes:
        path: of the file, or the SavedModel's folder.
        kind: "keras", "h5" or "saved_model".
    """

    path: Path
    kind: str


def kind_of(model: str) -> str:
    """What `--model=NAME` means: "trained" here, an "application" of Keras, or a "file".

    Raises:
        RequestError: it is none of them.
    """
    if model in MODELS.names():
        return "trained"
    if model in APPLICATIONS:
        return "application"
    path = Path(os.path.expanduser(model))
    if os.sep in model or path.suffix in _SUFFIXES or path.exists():
        return "file"
    names = ", ".join([*MODELS.names(), *APPLICATIONS])
    raise RequestError(f"--model={model}", f"one of {names}, or a .keras or .h5 file or SavedModel folder")


def inspect(path: Path, *, allow_custom_code: bool = False) -> ModelFile:
    """Looks at a model file without loading it.

    Args:
        path: a `.keras` or `.h5` file, or a SavedModel's folder.
        allow_custom_code: whether a file that carries code is let through.

    Raises:
        RequestError: there is no such file, it is of another kind, damaged, or would run code.
    """
    if not path.exists():
        raise RequestError(f"--model={path}, which does not exist", "a .keras or .h5 file, or a SavedModel folder")
    if path.is_dir():
        if not (path / "saved_model.pb").is_file():
            raise RequestError(f"--model={path}, a folder without saved_model.pb", "a SavedModel folder, or a .keras file")
        _check_not_exported(path)
        return ModelFile(path, "saved_model")
    if path.suffix not in _SUFFIXES:
        raise RequestError(f"--model={path}", f"a file that ends in {', '.join(_SUFFIXES)}, or a SavedModel folder")
    if path.stat().st_size == 0:
        raise RequestError(f"--model={path}, which is empty", "a whole model file")
    kind = "keras" if path.suffix == ".keras" else "h5"
    config = _keras_config(path) if kind == "keras" else _h5_config(path)
    if not allow_custom_code:
        found = next(_complaints(config, legacy=kind == "h5"), None)
        if found is not None:
            raise RequestError(f"--model={path}, which {found}", "a file made of Keras's own layers", _MEND)
    return ModelFile(path, kind)


def _check_not_exported(path: Path) -> None:
    """Refuses what `bin/export` wrote: its signatures are for serving, and its network is to be had whole."""
    try:
        provenance = json.loads((path / "assets.extra" / "provenance.json").read_bytes())
        flags = (path / "assets.extra" / "run.flags").read_text(encoding="utf-8", errors="replace").splitlines()
    except (OSError, ValueError):
        return
    if isinstance(provenance, dict) and "tfcollide" in provenance:
        model = next((line for line in flags if line.startswith("--model=")), "the .keras file")
        raise RequestError(
            f"--model={path}, an export of a run",
            "the network that the run was made with",
            f"Say {model}, as {path / 'assets.extra' / 'run.flags'} does.",
        )


def _keras_config(path: Path) -> Any:
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo("config.json").file_size > _MAX_CONFIG_BYTES:
                raise RequestError(f"--model={path} with a config.json of over 64 MiB", "a smaller one")
            return json.loads(archive.read("config.json"))
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, EOFError, NotImplementedError, RecursionError) as error:
        raise _damaged(path, error) from error


def _h5_config(path: Path) -> Any:
    import h5py  # half a second

    try:
        with h5py.File(path, "r") as file:
            text = file.attrs.get("model_config")
        if text is None:
            mend = "Give weights alone with --weights, beside the --model that they belong to."
            raise RequestError(f"--model={path}, which holds weights but no model", "a whole model", mend)
        return json.loads(text)
    except (OSError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> RequestError:
    if isinstance(error, RequestError):
        return error
    what = f"--model={path}, which is no whole {path.suffix} file ({error})"
    return RequestError(what, "a whole model that Keras saved", "Save it again with model.save, or copy it again.")


def _complaints(config: Any, *, legacy: bool) -> Iterator[str]:
    """What in a configuration is not a plain part of a network."""
    if isinstance(config, list):
        for entry in config:
            yield from _complaints(entry, legacy=legacy)
    if not isinstance(config, dict):
        return
    if "class_name" in config:
        yield from _of_object(config, legacy=legacy)
    for key, value in config.items():
        if key not in _NOT_TRAINED_ON:  # how it was trained is not loaded
            yield from _complaints(value, legacy=legacy)


def _of_object(config: dict[str, Any], *, legacy: bool) -> Iterator[str]:
    """Complaints about one object, not about what is in it."""
    name, module, registered = (config.get(key) for key in ("class_name", "module", "registered_name"))
    if name in _CODE:
        yield f"carries code or reads other files ({name}{_called(config)})"
    elif name in _DATA:
        return
    elif not isinstance(name, str) or ">" in name or (isinstance(registered, str) and ">" in registered):
        yield f"needs a class that is not part of Keras ({registered or name})"
    elif module is None:
        if not legacy and "config" in config:
            yield f"needs a class that is not part of Keras ({registered or name})"
    elif name == "function" and module == "builtins":
        return
    elif module == "keras":
        if name not in _ROOT_CLASSES:
            yield f"names keras.{name}, which is no part of a network"
    elif not isinstance(module, str) or not any(module == m or module.startswith(f"{m}.") for m in _MODULES):
        yield f"names {module}.{name if name != 'function' else config.get('config')}, which is no part of a network"


def _called(config: dict[str, Any]) -> str:
    inner = config.get("config")
    return f" {inner['name']!r}" if isinstance(inner, dict) and isinstance(inner.get("name"), str) else ""
