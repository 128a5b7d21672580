"""An index of patches: built, measured, verified.

run(IndexConfig(images="photographs", recall=1000), Path("patches"))
"""

import dataclasses
import json
import shutil
import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm

from tfcollide.errors import RequestError
from tfcollide.files.atomic import write_csv
from tfcollide.files.disk import size_text
from tfcollide.files.run_directory import RunDirectory, is_writable
from tfcollide.patches import build_in_threads, build_on_beam
from tfcollide.patches.backend import best_backend, own_steps
from tfcollide.patches.backends.exact import ExactSearch
from tfcollide.patches.collection import open_collection
from tfcollide.patches.groups import span_of
from tfcollide.patches.manifest import FORMAT_VERSION, Manifest, versions, write_manifest
from tfcollide.patches.open_photographs import PhotographSource, open_photographs
from tfcollide.patches.photographs import Photographs, fit_square, share_of, split_held_out
from tfcollide.patches.projection import most_components
from tfcollide.patches.recall import measure
from tfcollide.patches.shards import Checksums, write_npy
from tfcollide.patches.trust import checksum
from tfcollide.recipes.patches.config import IndexConfig
from tfcollide.registry import BACKENDS
from tfcollide.runtime.beam_pipeline import new_pipeline
from tfcollide.settings import flags_text

__all__ = ["run", "verify"]

_HELD_OUT, _HELD_OUT_FROM = 20, 200
_LEAST_SHARD, _MOST_SHARD, _SHARDS = 700_000, 2_000_000, 16  # in windows, or groups of them


def run(config: IndexConfig, out: Path, *, overwrite: bool = False) -> Manifest:
    """Builds the index `out`, or takes a finished one, and measures it if asked to.

    Args:
        config: what to build; without `images`, `out` is there already.
        out: the index; `out` with ".partial" is used on the way, and found again
            when an interrupted build is repeated.
        overwrite: whether an index that is there may be replaced.

    Returns:
        The manifest.

    Raises:
        RequestError: the request cannot be carried out; nothing is written then.
    """
    config.check()
    if config.images is None and not config.recall:
        raise RequestError("no --images", "photographs to build from", "Name a folder, tfds:NAME or bundled.")
    if config.runner:
        new_pipeline(config.runner, config.beam_options)  # refuses a runner that is not there
    if config.images is not None:
        BACKENDS.load(config.built_for).check_build(out)
        _build(config.resolved(), out, overwrite)
    collection = open_collection(out)
    if not config.recall:
        return collection.manifest
    kept = is_writable(out)
    if not kept:
        tqdm.write(f"{out} cannot be written: recall is measured and printed, and not kept there", file=sys.stderr)
    backend = BACKENDS.load(config.search or best_backend(collection.manifest))(collection)
    manifest = measure(collection, backend, ExactSearch(collection), config.recall, config.seed)
    if kept:
        write_manifest(out, manifest)
    return manifest


def verify(path: Path) -> Manifest:
    """Reads every byte of an index again.

    Raises:
        RequestError: something is not as it was built.
    """
    return open_collection(path, rehash=True).manifest


def _build(config: IndexConfig, out: Path, overwrite: bool) -> None:
    RunDirectory(out, "", overwrite=overwrite).check_place()
    source = PhotographSource(config.images or "", config.data_dir, config.split)
    photographs = open_photographs(source.images, data_dir=source.data_dir, split=source.split)
    kept, held_out = _choose(config, photographs)
    manifest = _plan(config, photographs.name, len(kept), len(held_out))
    request = f"{flags_text(config.essential())}# photographs {photographs.fingerprint()}\n# {json.dumps(versions())}\n"
    directory = RunDirectory(out, request, overwrite=overwrite)
    directory.check()
    _check_room(out, manifest)
    folder = directory.open()
    if manifest.num_components < config.num_components:
        lowered = f"--num_components={config.num_components} is lowered to {manifest.num_components}"
        tqdm.write(f"{lowered}, the number of windows that pca looks at", file=sys.stderr)
    try:
        checksums = _write_names(folder, manifest, photographs, kept, held_out, config)
        checksums |= _write_shards(folder, manifest, photographs, source, kept, config)
        checksums["projection.npz"] = checksum(folder / "projection.npz")
        write_manifest(folder, dataclasses.replace(manifest, checksums=dict(sorted(checksums.items()))))
        directory.commit()
    finally:
        directory.close()


def _write_shards(
    folder: Path, manifest: Manifest, photographs: Photographs, source: PhotographSource, kept: list[int], config: IndexConfig
) -> Checksums:
    if not config.runner:
        return build_in_threads.build(folder, manifest, photographs, kept, jobs=config.jobs, options=config.own_options())
    options = {"runner": config.runner, "options": config.beam_options}
    return build_on_beam.build(folder, manifest, source, kept, **options, own=config.own_options())


def _choose(config: IndexConfig, photographs: Photographs) -> tuple[list[int], list[int]]:
    """Positions of the photographs that are indexed, and of those held out."""
    positions = share_of(photographs.labels, config.per_class_share)
    count = config.held_out
    if count is None:
        count = _HELD_OUT if len(positions) >= _HELD_OUT_FROM else 0
    if config.recall and not count:
        raise RequestError(f"--recall={config.recall} with no photograph held out", "--held_out above 0", "Say --held_out=20.")
    if count >= len(positions):
        raise RequestError(f"--held_out={count} of {len(positions)} photographs", "fewer than there are")
    return split_held_out(positions, count, config.seed)


def _plan(config: IndexConfig, name: str, images: int, held_out: int) -> Manifest:
    grid = config.grid()
    patches = images * grid.per_image
    each = span_of(grid) ** 2
    size = config.shard_patches or min(max(patches // _SHARDS, _LEAST_SHARD * each), _MOST_SHARD * each)
    shards = min(images, -(-patches // size))
    return Manifest(
        format_version=FORMAT_VERSION,
        photographs=name,
        **grid._asdict(),
        resize=config.resize,
        projection=config.projection,
        num_components=min(config.num_components, most_components(config.projection, grid, images)),
        **BACKENDS.load(config.built_for).entries(config.own_options(), grid),
        seed=config.seed,
        shard_images=tuple(len(part) for part in np.array_split(np.arange(images), shards)),
        num_images=images,
        num_patches=patches,
        num_held_out=held_out,
        versions=versions(),
        checksums={},
    )


def _check_room(out: Path, manifest: Manifest) -> None:
    """Refuses a build that the disk cannot hold, before it has filled it."""
    sizes = {manifest.image_size, manifest.search_size}
    images = (manifest.num_images + manifest.num_held_out) * sum(3 * size**2 for size in sizes)
    own = sum(step.size(manifest) for step in own_steps(manifest))
    place = next(folder for folder in out.parents if folder.exists())
    free = shutil.disk_usage(place).free
    if images + own > free:
        raise RequestError(
            f"--out={out} with {size_text(free)} free",
            f"about {size_text(images + own)}",
            "Choose another disk, a larger --stride or a smaller --per_class_share.",
        )


def _write_names(
    folder: Path, manifest: Manifest, photographs: Photographs, kept: list[int], held_out: list[int], config: IndexConfig
) -> Checksums:
    """The files that are not a shard's: the names of the photographs, and those held out."""
    rows: list[tuple[int | str, str, str]] = [(i, photographs.ids[p], photographs.labels[p]) for i, p in enumerate(kept)]
    rows += [("", photographs.ids[p], photographs.labels[p]) for p in held_out]
    write_csv(folder / "photographs.csv", ("image", "id", "label"), rows)
    size = manifest.image_size
    images = [*photographs.read(held_out, lambda pixels: fit_square(pixels, size, config.resize))] if held_out else []
    array = np.array(images, np.uint8).reshape(-1, size, size, 3)
    return {"photographs.csv": checksum(folder / "photographs.csv"), "held_out.npy": write_npy(folder / "held_out.npy", array)}
