"""Photographs in a folder; the names of its sub-folders are the classes."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from tfcollide.errors import RequestError
from tfcollide.files.names import is_hidden, readable
from tfcollide.images import decode, is_image, suffixes
from tfcollide.patches.photographs import Photographs
from tfcollide.runtime.quiet import import_tensorflow

__all__ = ["BUNDLED", "open_bundled", "open_folder"]

BUNDLED = "bundled"
"""The name of the two photographs that scikit-learn carries."""


def open_folder(folder: Path) -> Photographs:
    """All image files below a folder but hidden ones, links followed, in the order of their paths.

    Raises:
        RequestError: there is no such folder, or no image in it.
    """
    if not folder.is_dir():
        raise RequestError(
            f"--images={folder}, which is not a folder", f"a folder of photographs, tfds:NAME or {BUNDLED}", "Check the path."
        )
    paths = sorted(path for path in _below(folder) if is_image(path) and not _lies_hidden(path.relative_to(folder)))
    if not paths:
        raise RequestError(f"--images={folder}, without an image in it", f"files that end in {', '.join(sorted(suffixes()))}")
    return _of_files(str(folder), folder, paths)


def _lies_hidden(path: Path) -> bool:
    return any(is_hidden(part) for part in path.parts)


def open_bundled() -> Photographs:
    """The two photographs that scikit-learn carries, a temple and a flower."""
    import sklearn.datasets

    folder = Path(os.path.dirname(sklearn.datasets.__file__), "images")
    return _of_files(BUNDLED, folder, [folder / "china.jpg", folder / "flower.jpg"])


def _below(folder: Path, above: frozenset[tuple[int, int]] = frozenset()) -> Iterator[Path]:
    """All files below a folder. Links are followed, but for one that leads to a folder above itself."""
    stat = folder.stat()
    inside = above | {(stat.st_dev, stat.st_ino)}
    for path in folder.iterdir():
        if not path.is_dir():
            yield path
        elif ((found := path.stat()).st_dev, found.st_ino) not in inside:
            yield from _below(path, inside)


def _of_files(name: str, folder: Path, paths: Sequence[Path]) -> Photographs:
    ids = [readable(path.relative_to(folder).as_posix()) for path in paths]
    labels = [os.path.dirname(one) for one in ids]
    sizes = [path.stat().st_size for path in paths]
    return Photographs(name, ids, labels, sizes, lambda positions, fit: _read([paths[p] for p in positions], fit))


def _read(paths: Sequence[Path], fit: Callable[[np.ndarray], np.ndarray]) -> Iterator[np.ndarray]:
    """Decodes some files ahead on every core, and yields them in order."""
    import_tensorflow()
    import tensorflow as tf

    refused: list[RequestError] = []

    def load(path: bytes) -> np.ndarray:
        try:
            return fit(decode(Path(os.fsdecode(path))))
        except RequestError as error:  # TensorFlow would wrap it in pages of its own
            refused.append(error)
            return np.empty((0, 0, 3), np.uint8)

    names = tf.data.Dataset.from_tensor_slices([os.fsencode(path) for path in paths])
    loaded = names.map(lambda path: tf.numpy_function(load, [path], tf.uint8), tf.data.AUTOTUNE, deterministic=True)
    for image in loaded.prefetch(tf.data.AUTOTUNE).as_numpy_iterator():
        if not image.size:
            raise refused[0]
        yield image
