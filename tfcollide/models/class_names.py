"""What classes are called: a file of the user's, or ImageNet's names where Keras has them on disk."""

import json
import os
from pathlib import Path

from tfcollide.errors import RequestError

__all__ = ["imagenet_names", "read_labels"]

_IMAGENET_CLASSES = 1000


def read_labels(path: Path) -> tuple[str, ...]:
    """One name per line, in the order of the logits.

    Raises:
        RequestError: the file cannot be read, or a line is empty.
    """
    try:
        names = tuple(line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines())
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(
            f"--labels={path}, which cannot be read ({error})", "a text file with a class name per line"
        ) from error
    if not names or not all(names):
        raise RequestError(f"--labels={path} with an empty line or none at all", "a class name per line")
    return names


def imagenet_names() -> tuple[str, ...] | None:
    """The names of ImageNet's classes from the index that Keras keeps, None where it has not been downloaded."""
    home = Path(os.environ.get("KERAS_HOME") or Path("~/.keras").expanduser())
    try:
        index = json.loads((home / "models" / "imagenet_class_index.json").read_text(encoding="utf-8"))
        return tuple(index[str(i)][1].replace("_", " ") for i in range(_IMAGENET_CLASSES))
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return None
