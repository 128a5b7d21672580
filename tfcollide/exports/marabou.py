"""A second opinion from Marabou, an independent verifier, on the claim in `verify/`.

Its package for Python needs NumPy 1 and Python 3.12 or older, so it runs in an environment of its own: one that is
made here, in the cache, or one that is named. What it answers is replayed by whoever asks.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfcollide.errors import RequestError
from tfcollide.exports import marabou_query
from tfcollide.runtime.progress import say

__all__ = ["Answer", "ask_marabou", "find_marabou"]

_VERSION = "2.0.0"
_PACKAGES = (f"maraboupy=={_VERSION}", "numpy<2", "onnx<1.17", "onnxruntime")
_PYTHONS = ("python3.12", "python3.11", "python3.10", "python3.9")
_SPARE = 60.0  # seconds to start, to read the network and to notice that time is up


class Answer(NamedTuple):
    """What Marabou says.

    Attributes:
        verifier: its name and version.
        verdict: "unsat", "sat", "timeout", or what else it says.
        seconds: that it took.
        weights: `[N]` float64, the witness of "sat"; else None.
    """

    verifier: str
    verdict: str
    seconds: float
    weights: np.ndarray | None


def find_marabou(python: str | None, cache: Path) -> Path:
    """A Python that has Marabou: the one that is named, the one in the cache, or one that is made there.

    Args:
        python: a Python interpreter with maraboupy; None: of an environment in the cache.
        cache: the folder for it.

    Raises:
        RequestError: there is none, and none can be made.
    """
    if python is not None:
        _check_has_marabou(python)
        return Path(python)
    folder = cache / f"marabou-{_VERSION}"
    made = folder / "bin" / "python"
    if made.exists():
        return made
    say(f"Installing Marabou {_VERSION} into {folder}, once; this takes about a minute")
    beside = folder.with_name(f"{folder.name}.{os.getpid()}.tmp")
    try:
        _run([_old_python(), "-m", "venv", str(beside)], "an environment for Marabou")
        _run([str(beside / "bin" / "python"), "-m", "pip", "install", "--quiet", *_PACKAGES], "Marabou, by pip")
        beside.rename(folder)  # its own scripts name the old place; its interpreter does not
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return made


def ask_marabou(python: Path, folder: Path, *, seconds: float) -> Answer:
    """Marabou's answer to the claim in `mixture.onnx` and `mixture.vnnlib`.

    Args:
        python: of `find_marabou`.
        folder: of the two files.
        seconds: that it may take, for all ways in which a mixture could be misread together.
    """
    command = [python, marabou_query.__file__, folder / "mixture.onnx", folder / "mixture.vnnlib", seconds]
    name, said = f"Marabou {_VERSION}", ""
    try:
        say(f"Asking {name}, for {seconds:g} s at most")
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=seconds + _SPARE)
        said = (done.stdout.strip().splitlines() or [""])[-1]
        found: dict[str, Any] = json.loads(said)
    except subprocess.TimeoutExpired:
        return Answer(name, "timeout", seconds, None)
    except ValueError:
        return Answer(name, f"failed: {(done.stderr.strip().splitlines() or ['no answer'])[-1][:200]}", 0.0, None)
    free = found.get("inputs")
    weights = None if free is None else np.clip([*free, 1.0 - sum(free)], 0.0, 1.0)
    return Answer(name, found["verdict"], found["seconds"], None if weights is None else weights / weights.sum())


def _old_python() -> str:
    """An interpreter that Marabou has a package for."""
    if sys.version_info < (3, 13):
        return sys.executable
    found = next(filter(None, map(shutil.which, _PYTHONS)), None)
    if found is None:
        raise RequestError(
            "--second_opinion=marabou without Python 3.12 or older",
            "one, as Marabou has no later package",
            "Name one that has maraboupy with --marabou_python=PATH.",
        )
    return found


def _check_has_marabou(python: str) -> None:
    try:
        _run([python, "-c", "from maraboupy import MarabouCore"], "maraboupy")
    except RequestError as error:
        raise RequestError(
            f"--marabou_python={python} ({error})", "a Python that can import maraboupy", "Leave it out to have one made."
        ) from error


def _run(command: Sequence[str], what: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        raise RequestError(f"{what}: {error}", "a command that runs") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise RequestError(f"{what} that cannot be had: {last}", "it installed", "Name a Python with --marabou_python=PATH.")
