"""Building on this machine: images one after the other, then what backends have of several shards at once."""

import itertools
import os
from collections.abc import Iterable, Sequence
from multiprocessing.pool import ThreadPool
from pathlib import Path

from tfcollide.patches.backend import ShardStep, own_steps
from tfcollide.patches.collection import open_images
from tfcollide.patches.manifest import Manifest
from tfcollide.patches.photographs import Photographs, fit_square, shard_positions
from tfcollide.patches.projection import Projection, fit_projection
from tfcollide.patches.shards import BuildStep, Checksums, finished, write_images, write_own
from tfcollide.runtime.progress import progress

__all__ = ["build", "projection_of"]


def build(
    folder: Path, manifest: Manifest, photographs: Photographs, kept: Sequence[int], *, jobs: int = 0, options: object = None
) -> Checksums:
    """Does what is still to do of every shard.

    Threads are enough: Annoy and BLAS let go of Python's lock while they work, and
    those of a `ThreadPool` do not keep an interrupted process alive.

    Args:
        folder: the unfinished index.
        manifest: what it will be.
        photographs: where images come from.
        kept: positions of those that are indexed.
        jobs: shards built at once; 0: one a core.
        options: of the backend that it is built for.

    Returns:
        The checksums of all files of all shards.
    """
    checksums = _images(folder, manifest, photographs, kept)
    projection = projection_of(folder, manifest)
    for step in own_steps(manifest):
        checksums |= _own(folder, manifest, projection, step, jobs, options)
    return checksums


def projection_of(folder: Path, manifest: Manifest) -> Projection:
    """The projection of an index whose images are written; fitted where that has not been done."""
    path = folder / "projection.npz"
    if not path.exists():
        store = open_images(folder, manifest)
        fit_projection(store, kind=manifest.projection, num_components=manifest.num_components, seed=manifest.seed).save(path)
    return Projection.load(path)


def _images(folder: Path, manifest: Manifest, photographs: Photographs, kept: Sequence[int]) -> Checksums:
    """Writes the images of all shards that lack them, in one stream."""
    parts = shard_positions(manifest.shard_images, kept)
    done = [finished(folder, BuildStep("images", shard)) for shard in range(len(parts))]
    todo = [shard for shard, checksums in enumerate(done) if checksums is None]
    left = [position for shard in todo for position in parts[shard]]
    stream = photographs.read(left, lambda pixels: fit_square(pixels, manifest.image_size, manifest.resize))
    with progress(total=len(kept), initial=len(kept) - len(left), desc="images", unit=" images", mininterval=1) as bar:
        for shard in todo:
            images = itertools.islice(stream, len(parts[shard]))
            done[shard] = write_images(folder, manifest, shard, images, bar.update)
    return _union(done)


def _own(folder: Path, manifest: Manifest, projection: Projection, step: ShardStep, jobs: int, options: object) -> Checksums:
    """Does a step of all shards that lack it, several at once."""
    done = [finished(folder, BuildStep(step.kind, shard)) for shard in range(len(manifest.shard_images))]
    todo = [shard for shard, checksums in enumerate(done) if checksums is None]
    left = sum(manifest.shard_images[shard] for shard in todo) * manifest.grid.per_image
    bar = progress(total=manifest.num_patches, desc=step.kind, unit=" patches", unit_scale=True, mininterval=1)
    with bar, ThreadPool(jobs or os.cpu_count()) as pool:
        bar.update(manifest.num_patches - left)
        built = pool.imap(
            lambda shard: write_own(folder, manifest, projection, step, shard, options=options, progress=bar.update), todo
        )
        return _union([*done, *built])


def _union(parts: Iterable[Checksums | None]) -> Checksums:
    return {name: checksum for part in parts if part for name, checksum in part.items()}
