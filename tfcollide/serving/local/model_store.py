"""The models of a folder `BASE/NAME/VERSION`, kept up to date."""

import gc
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from tfcollide.exports.version_directory import version_number
from tfcollide.serving.codes import Code, ServingError
from tfcollide.serving.local.loaded_model import LoadedModel

__all__ = ["ModelStore", "VersionState"]


class VersionState(NamedTuple):
    """What is known of one version.

    Attributes:
        state: a name in ModelVersionStatus.State.
        code: 0, or gRPC's code of why it could not be loaded.
        message: why.
    """

    state: str
    code: int = 0
    message: str = ""


_Stamp = frozenset[tuple[str, int, int]]


class ModelStore:
    """The newest versions that load, and the states of all that were tried.

    `find` and `states` may be called from any thread while one thread calls `refresh`.

    Args:
        base: holds one folder per model, with one folder per version.
        keep: versions served at a time; 1 is TF Serving's default policy.
        warm_up: called with a version before it takes traffic, and with its folder; may raise.
    """

    def __init__(self, base: Path, *, keep: int = 1, warm_up: Callable[[LoadedModel, Path], object] = lambda *_: None):
        self._base = base
        self._keep = keep
        self._warm_up = warm_up
        self._loaded: dict[str, dict[int, LoadedModel]] = {}
        self._states: dict[str, dict[int, VersionState]] = {}
        self._failed: dict[Path, _Stamp] = {}

    def find(self, name: str, version: int | None = None, label: str = "") -> LoadedModel:
        """The version asked for, or the newest.

        Raises:
            ServingError: there is none; no model is named, or a version by its label, of which there are none here.
        """
        _check_spec(name, label)
        versions = self._loaded.get(name, {})
        wanted = max(versions, default=None) if version is None else version
        try:
            return versions[wanted]  # type: ignore[index]
        except KeyError:
            asked = f"No model {name}" if version is None else f"No version {version} of the model {name}"
            raise ServingError(Code.NOT_FOUND, f"{asked} is served") from None

    def states(self, name: str, version: int | None = None, label: str = "") -> dict[int, VersionState]:
        """Version -> state, newest first.

        Raises:
            ServingError: nothing is known of the model or the version, or as `find`.
        """
        _check_spec(name, label)
        states = self._states.get(name, {})
        if version is not None:
            if version not in states:
                raise ServingError(Code.NOT_FOUND, f"No version {version} of the model {name} is known")
            return {version: states[version]}
        if not states:
            raise ServingError(Code.NOT_FOUND, f"No version of the model {name} is known")
        return dict(sorted(states.items(), reverse=True))

    def available(self) -> Mapping[str, list[int]]:
        """Model -> the versions that answer."""
        return {name: sorted(versions) for name, versions in self._loaded.items() if versions}

    def names(self) -> list[str]:
        """Every model that is or has been there."""
        return list(self._loaded)

    def refresh(self) -> bool:
        """Reads the folder again, loads what is new and drops what is old. Returns whether anything was dropped."""
        found = _versions(self._base)
        dropped = False
        for name in found.keys() | self._loaded.keys():
            dropped |= self._refresh_model(name, found.get(name, {}))
        if dropped:
            gc.collect()  # a graph refers to itself; without this its memory waits for some later collection
        return dropped

    def _refresh_model(self, name: str, found: Mapping[int, Path]) -> bool:
        """Newest first; an older version stays up until a newer one has loaded."""
        loaded = {version: model for version, model in self._loaded.get(name, {}).items() if version in found}
        chosen: dict[int, LoadedModel] = {}
        for version in sorted(found, reverse=True):
            if len(chosen) < self._keep:
                model = loaded.get(version) or self._load(name, version, found[version])
                if model:
                    chosen[version] = model
        gone = self._loaded.get(name, {}).keys() - chosen.keys()
        self._loaded[name] = chosen
        for version in gone:
            self._set(name, version, VersionState("END"))
        return bool(gone)

    def _load(self, name: str, version: int, path: Path) -> LoadedModel | None:
        stamp = _stamp(path)
        if self._failed.get(path) == stamp:
            return None
        self._set(name, version, VersionState("LOADING"))
        try:
            model = LoadedModel(name, version, path)
            self._warm_up(model, path)
        except Exception as error:  # whatever is wrong with one folder must not stop the others
            self._failed[path] = stamp
            code = getattr(error, "error_code", None) or Code.UNKNOWN
            self._set(name, version, VersionState("END", int(code), f"{type(error).__name__}: {error}"))
            return None
        self._failed.pop(path, None)
        self._set(name, version, VersionState("AVAILABLE"))
        return model

    def _set(self, name: str, version: int, state: VersionState) -> None:
        self._states[name] = {**self._states.get(name, {}), version: state}


def _versions(base: Path) -> dict[str, dict[int, Path]]:
    """Model -> version -> folder; names that are no version number are left alone, as TF Serving does."""
    return {
        model.name: {
            number: entry for entry in model.iterdir() if (number := version_number(entry.name)) is not None and entry.is_dir()
        }
        for model in sorted(base.iterdir())
        if model.is_dir() and not model.name.startswith(".")
    }


def _check_spec(name: str, label: str) -> None:
    if not name:
        raise ServingError(Code.INVALID_ARGUMENT, "model_spec has no name")
    if label:
        raise ServingError(Code.INVALID_ARGUMENT, f"Label {label}: versions have no labels here, ask by number")


def _stamp(path: Path) -> _Stamp:
    """Changes when any file below `path` does, so that a version which was still being copied is tried again."""
    found = []
    for file in path.rglob("*"):
        stat = file.lstat()
        found.append((str(file), stat.st_size, stat.st_mtime_ns))
    return frozenset(found)
