"""The steps that build a shard, each alike wherever it runs: images, then what backends have of their own.

A step ends with a small hidden record beside its files; a step whose record is
there is not done again.
"""

import contextlib
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from tfcollide.files.atomic import write_bytes
from tfcollide.files.disk import naming
from tfcollide.patches.backend import ShardStep, ShardWork
from tfcollide.patches.collection import open_images
from tfcollide.patches.manifest import Manifest
from tfcollide.patches.photographs import fit_square
from tfcollide.patches.projection import Projection
from tfcollide.patches.trust import checksum

__all__ = ["Checksums", "BuildStep", "finished", "write_images", "write_npy", "write_own"]

Checksums = dict[str, tuple[int, str]]
"""File name -> size and SHA-256."""


class BuildStep(NamedTuple):
    """One step of one shard.

    Attributes:
        kind: "images", or that of a backend's own step, such as "trees".
        shard: its number.
    """

    kind: str
    shard: int

    def record(self, folder: Path) -> Path:
        """The file that says that the step is done."""
        return folder / f".{self.kind}-{self.shard:05d}.json"


def finished(folder: Path, step: BuildStep) -> Checksums | None:
    """What a finished step wrote, or None where it is still to do."""
    try:
        checksums = {name: (size, digest) for name, (size, digest) in json.loads(step.record(folder).read_bytes()).items()}
        return checksums if all((folder / name).stat().st_size == size for name, (size, _) in checksums.items()) else None
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def write_images(
    folder: Path, manifest: Manifest, shard: int, images: Iterable[np.ndarray], progress: Callable[[int], object]
) -> Checksums:
    """Writes the images of a shard, one after the other.

    Args:
        folder: of the index.
        manifest: what it will be.
        shard: which.
        images: `[image_size, image_size, 3]` uint8 each.
        progress: is told of every image.
    """
    sizes = {"images": manifest.image_size}
    if manifest.search_size != manifest.image_size:
        sizes["search"] = manifest.search_size
    paths = {kind: folder / manifest.files(kind)[shard] for kind in sizes}
    with naming(folder), contextlib.ExitStack() as stack:
        files = {kind: stack.enter_context(open(_unfinished(path), "wb")) for kind, path in paths.items()}
        for kind, file in files.items():
            _begin_npy(file, (manifest.shard_images[shard], sizes[kind], sizes[kind], 3))
        for image in images:
            for kind, file in files.items():
                file.write((image if kind == "images" else fit_square(image, sizes[kind])).tobytes())
            progress(1)
    for path in paths.values():
        os.replace(_unfinished(path), path)
    return _record(folder, BuildStep("images", shard), list(paths.values()))


def write_own(
    folder: Path,
    manifest: Manifest,
    projection: Projection,
    step: ShardStep,
    shard: int,
    *,
    options: object,
    progress: Callable[[int], object],
) -> Checksums:
    """Writes what a backend has of a shard.

    Args:
        folder: of the index; the images of the shard are there.
        manifest: what it will be.
        projection: of the whole index.
        step: of the backend.
        shard: which.
        options: of the backend.
        progress: is told of windows as they are done.
    """
    path = folder / step.files(manifest)[shard]
    step.write(
        ShardWork(manifest, shard, open_images(folder, manifest, slice(shard, shard + 1)), projection, path, options, progress)
    )
    return _record(folder, BuildStep(step.kind, shard), [path])


def write_npy(path: Path, array: np.ndarray) -> tuple[int, str]:
    """Writes one array whole, and returns its size and checksum."""
    unfinished = _unfinished(path)
    with naming(path), open(unfinished, "wb") as file:
        np.save(file, array)
    os.replace(unfinished, path)
    return checksum(path)


def _record(folder: Path, step: BuildStep, paths: list[Path]) -> Checksums:
    checksums = {path.name: checksum(path) for path in paths}
    write_bytes(step.record(folder), json.dumps(checksums).encode())
    return checksums


def _begin_npy(file: BinaryIO, shape: tuple[int, ...]) -> None:
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


def _unfinished(path: Path) -> Path:
    return path.with_name(f".{path.name}")
