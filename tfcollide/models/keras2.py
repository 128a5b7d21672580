"""Model files of Keras 2, which Keras 3 often cannot load: converted by tf_keras, in a process of its own.

tf_keras is Keras 2 kept up for today's TensorFlow. It and Keras 3 do not share a process well, so
another one loads the file and exports it as a SavedModel.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from tfcollide.errors import RequestError

__all__ = ["check_convertible", "convert", "is_keras2"]

_PROGRAM = """
import sys
import tf_keras

tf_keras.models.load_model(sys.argv[1], compile=False, safe_mode=sys.argv[3] == "safe").export(sys.argv[2])
"""


def is_keras2(version: str | None) -> bool:
    """Whether a file of this version of Keras, None where it names none, is one of Keras 2 or 1."""
    return version is not None and version.startswith(("1.", "2."))


def check_convertible(path: Path, version: str | None) -> None:
    """Refuses a file of Keras 2 where there is no tf_keras to convert it.

    Raises:
        RequestError: which names both ways out.
    """
    if importlib.util.find_spec("tf_keras") is None:
        raise RequestError(
            f"--model={path}, which Keras {version} saved and Keras 3 cannot load, without the package tf_keras",
            "a file of Keras 3, a SavedModel, or tf_keras to convert it",
            f'Say pip install "tfcollide[keras2]"; or, where you have tf_keras, tf_keras.models.load_model("{path.name}")'
            ".export(FOLDER), and --model=FOLDER.",
        )


def convert(path: Path, version: str | None, folder: Path, *, allow_custom_code: bool = False) -> None:
    """Writes the model in a file of Keras 2 as a SavedModel.

    Args:
        path: of the `.h5` or `.keras` file.
        version: of the Keras that saved it, for messages.
        folder: to write.
        allow_custom_code: whether code that comes with the file may run.

    Raises:
        RequestError: there is no tf_keras, or it cannot load the file.
    """
    check_convertible(path, version)
    safety = "trusted" if allow_custom_code else "safe"
    # On the processor, as memory of a GPU is this process's; -P, or a file beside the user's own could pass for tf_keras.
    # TensorFlow imports a Keras of its own choice, which takes a second: TF_USE_LEGACY_KERAS makes that tf_keras.
    more = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "TF_USE_LEGACY_KERAS": "1"}
    surroundings = os.environ | more
    done = subprocess.run(
        [sys.executable, "-P", "-c", _PROGRAM, str(path.absolute()), str(folder), safety],
        env=surroundings,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        reason = (lines or ["no reason given"])[-1][:200]
        raise RequestError(
            f"--model={path}, which Keras {version} saved and tf_keras cannot load ({reason})",
            "a whole model file",
            "Where its classes are known, say model.export(FOLDER) in Python, and --model=FOLDER.",
        )
