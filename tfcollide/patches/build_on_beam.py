"""The same build as an Apache Beam pipeline, for collections that one machine would take too long for.

    shards -> write_images -> fit -> write_own -> checksums

The steps are those of the local build, so the files are equal. Workers read the
photographs and write the index in a folder that all of them share.
"""

import functools
from collections.abc import Sequence
from pathlib import Path

from tfcollide.errors import RequestError
from tfcollide.patches.backend import own_steps
from tfcollide.patches.build_in_threads import projection_of
from tfcollide.patches.manifest import Manifest
from tfcollide.patches.open_photographs import PhotographSource, open_photographs
from tfcollide.patches.photographs import Photographs, fit_square, shard_positions
from tfcollide.patches.shards import BuildStep, Checksums, finished, write_images, write_own
from tfcollide.runtime.beam_pipeline import import_beam, new_pipeline, running

__all__ = ["build"]


def build(
    folder: Path,
    manifest: Manifest,
    source: PhotographSource,
    kept: Sequence[int],
    *,
    runner: str,
    options: str = "",
    own: object = None,
) -> Checksums:
    """Does what is still to do of every shard, on a Beam runner.

    Args:
        folder: the unfinished index, which every worker can write.
        manifest: what it will be.
        source: the arguments of `open_photographs`.
        kept: positions of the photographs that are indexed.
        runner: as Beam names it: "DirectRunner", "FlinkRunner", "DataflowRunner".
        options: more options of the pipeline, as on a command line.
        own: options of the backend that it is built for.

    Returns:
        The checksums of all files of all shards.

    Raises:
        RequestError: Beam is missing, or has no such runner.
    """
    beam = import_beam()
    shards = list(enumerate(shard_positions(manifest.shard_images, kept)))
    with running(new_pipeline(runner, options)) as flow:
        images = (
            flow
            | "shards" >> beam.Create(shards)
            | "spread" >> beam.Reshuffle()
            | "images" >> beam.Map(_images, folder, manifest, source)
        )
        if steps := [step.kind for step in own_steps(manifest)]:
            fitted = images | "all" >> beam.combiners.ToList() | "fit" >> beam.Map(_fit, folder, manifest)
            numbers = flow | "numbers" >> beam.Create([(kind, shard) for kind in steps for shard, _ in shards])
            spread = numbers | "spread again" >> beam.Reshuffle()
            spread | "own" >> beam.Map(_own, beam.pvalue.AsSingleton(fitted), folder, manifest, own)
    return _collect(folder, manifest)


def _images(part: tuple[int, Sequence[int]], folder: Path, manifest: Manifest, source: PhotographSource) -> int:
    shard, positions = part
    if finished(folder, BuildStep("images", shard)) is None:
        photographs = _open(source)
        stream = photographs.read(positions, lambda pixels: fit_square(pixels, manifest.image_size, manifest.resize))
        write_images(folder, manifest, shard, stream, _silent)
    return shard


def _fit(shards: Sequence[int], folder: Path, manifest: Manifest) -> bool:
    projection_of(folder, manifest)
    return True


def _own(part: tuple[str, int], fitted: bool, folder: Path, manifest: Manifest, options: object) -> int:
    kind, shard = part
    if finished(folder, BuildStep(kind, shard)) is None:
        step = next(step for step in own_steps(manifest) if step.kind == kind)
        write_own(folder, manifest, projection_of(folder, manifest), step, shard, options=options, progress=_silent)
    return shard


def _collect(folder: Path, manifest: Manifest) -> Checksums:
    """What the workers recorded; all of it is there, or the pipeline would have failed."""
    steps = own_steps(manifest)
    if not steps:
        projection_of(folder, manifest)
    checksums: Checksums = {}
    for kind in ("images", *(step.kind for step in steps)):
        for shard in range(len(manifest.shard_images)):
            found = finished(folder, BuildStep(kind, shard))
            if found is None:
                raise RequestError(
                    f"{kind} of shard {shard}, missing in {folder} after the pipeline",
                    "a folder that all workers share",
                    "Give --out on a shared file system.",
                )
            checksums |= found
    return checksums


@functools.lru_cache(maxsize=1)
def _open(source: PhotographSource) -> Photographs:
    return open_photographs(source.images, data_dir=source.data_dir, split=source.split, labeled=False)


def _silent(count: int) -> None:
    """No progress: Beam shows its own."""
