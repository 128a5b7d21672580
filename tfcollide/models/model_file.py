"""What a model file is, and whether loading it would run code of its own; told without TensorFlow.

Loading instantiates what the file's configuration names. Keras refuses pickled
lambdas by itself; here everything it names is looked at first, and only parts of
networks pass.
"""

import json
import os
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tfcollide.errors import RequestError
from tfcollide.models.applications import APPLICATIONS
from tfcollide.models.keras2 import check_convertible, is_keras2
from tfcollide.registry import MODELS

__all__ = ["ModelFile", "inspect", "kind_of", "read_lite"]

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
# Keras 2 has its models elsewhere, and loads how models within models were trained.
_PARTS_2 = (*_PARTS, "engine", "losses", "metrics", "optimizers")
_MODULES_2 = tuple(f"{root}.{part}" for root in ("keras", "keras.src", "tf_keras", "tf_keras.src") for part in _PARTS_2)
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
_EXPORT = "In Python, where the class is known, say model.export(FOLDER), and then --model=FOLDER."
_FOREIGN = "needs a class that is not part of Keras"


class ModelFile(NamedTuple):
    """A model on disk.

    Attributes:
        path: of the file, or the SavedModel's folder.
        kind: "keras", "h5" or "saved_model".
        keras_version: of the Keras that saved the file; None where it names none.
    """

    path: Path
    kind: str
    keras_version: str | None = None

    @property
    def is_keras2(self) -> bool:
        """Whether Keras 2 saved it."""
        return is_keras2(self.keras_version)


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
    config, version = _keras_config(path) if kind == "keras" else _h5_config(path)
    file = ModelFile(path, kind, version)
    if not allow_custom_code:
        modules = _MODULES_2 if file.is_keras2 else _MODULES
        found = next(_complaints(config, _Rules(kind == "h5", file.is_keras2, modules), top=True), None)
        if found is not None:
            mend = _EXPORT if found.startswith(_FOREIGN) else _MEND
            raise RequestError(f"--model={path}, which {found}", "a file made of Keras's own layers", mend)
    if file.is_keras2 and kind == "keras":
        check_convertible(path, version)
    return file


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


class _Rules(NamedTuple):
    """How a configuration is read.

    Attributes:
        legacy: whether objects may come without their module, as in `.h5` files.
        keras2: whether Keras 2 saved it.
        modules: where the parts of networks are.
    """

    legacy: bool
    keras2: bool
    modules: tuple[str, ...]


def _keras_config(path: Path) -> tuple[Any, str | None]:
    """The configuration, and the version of the Keras that saved it."""
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo("config.json").file_size > _MAX_CONFIG_BYTES:
                raise RequestError(f"--model={path} with a config.json of over 64 MiB", "a smaller one")
            return json.loads(archive.read("config.json")), _version_in(archive)
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, EOFError, NotImplementedError, RecursionError) as error:
        raise _damaged(path, error) from error


def _version_in(archive: zipfile.ZipFile) -> str | None:
    if "metadata.json" not in archive.namelist() or archive.getinfo("metadata.json").file_size > _MAX_CONFIG_BYTES:
        return None
    metadata = json.loads(archive.read("metadata.json"))
    return _text(metadata.get("keras_version")) if isinstance(metadata, dict) else None


def _text(value: object) -> str | None:
    value = value.decode(errors="replace") if isinstance(value, bytes) else value
    return value if isinstance(value, str) else None


def _h5_config(path: Path) -> tuple[Any, str | None]:
    import h5py  # half a second

    try:
        with h5py.File(path, "r") as file:
            text, version = file.attrs.get("model_config"), _text(file.attrs.get("keras_version"))
        if text is None:
            mend = "Give weights alone with --weights, beside the --model that they belong to."
            raise RequestError(f"--model={path}, which holds weights but no model", "a whole model", mend)
        return json.loads(text), version
    except (OSError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> RequestError:
    if isinstance(error, RequestError):
        return error
    what = f"--model={path}, which is no whole {path.suffix} file ({error})"
    return RequestError(what, "a whole model that Keras saved", "Save it again with model.save, or copy it again.")


def _complaints(config: object, rules: _Rules, *, top: bool = False) -> Iterator[str]:
    """What in a configuration, or at its top, is not a plain part of a network."""
    if isinstance(config, list):
        for entry in config:
            yield from _complaints(entry, rules)
    if not isinstance(config, dict):
        return
    if "class_name" in config:
        yield from _of_object(config, rules)
    for key, value in config.items():
        if key not in _NOT_TRAINED_ON or (rules.keras2 and not top):  # how it was trained is not loaded
            yield from _complaints(value, rules)


def _of_object(config: Mapping, rules: _Rules) -> Iterator[str]:
    """Complaints about one object, not about what is in it."""
    name, module, registered = (config.get(key) for key in ("class_name", "module", "registered_name"))
    code = next((each for each in (name, registered) if each in _CODE), None)
    if code is not None:
        yield f"carries code or reads other files ({code}{_called(config)})"
    elif name in _DATA:
        return
    elif not all(isinstance(each, str) and not set(each) & {">", "."} for each in (name, registered or "")):
        yield f"{_FOREIGN} ({registered or name})"
    elif module is None:
        if not rules.legacy and "config" in config:
            yield f"{_FOREIGN} ({registered or name})"
    elif name == "function" and module == "builtins":
        return
    elif module == "keras":
        if name not in _ROOT_CLASSES:
            yield f"names keras.{name}, which is no part of a network"
    elif not isinstance(module, str) or not any(module == m or module.startswith(f"{m}.") for m in rules.modules):
        yield f"names {module}.{name if name != 'function' else config.get('config')}, which is no part of a network"


def _called(config: Mapping) -> str:
    inner = config.get("config")
    return f" {inner['name']!r}" if isinstance(inner, dict) and isinstance(inner.get("name"), str) else ""


def read_lite(path: Path) -> bytes:
    """The content of a TFLite file.

    Raises:
        RequestError: it is not there, or is none.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RequestError(f"--check_file={path}, which cannot be read ({error.strerror})", "a .tflite file") from error
    if content[4:8] != b"TFL3":
        raise RequestError(f"--check_file={path}, which is no TFLite file", "a .tflite file", "Convert the network first.")
    return content
