"""The patches nearest to the windows of a photograph, as a table and a picture.

run(QueryConfig(index="patches", image="photo.jpg"), Path("neighbors"))
"""

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from tfcollide.errors import RequestError
from tfcollide.files.atomic import write_csv
from tfcollide.files.run_directory import RunDirectory, absolute
from tfcollide.images import decode
from tfcollide.patches.backend import best_backend
from tfcollide.patches.collection import Collection, open_collection
from tfcollide.patches.grid import Grid
from tfcollide.patches.manifest import Manifest
from tfcollide.patches.neighbors import Neighbors, Query
from tfcollide.patches.photographs import fit_square
from tfcollide.patches.recall import windows_of_image
from tfcollide.recipes.patches.config import QueryConfig
from tfcollide.registry import BACKENDS
from tfcollide.settings import flags_text

__all__ = ["run"]

_DRAWN = 12  # neighbors of a window, the nearest; the table has all
_HEADER = ("query_row", "query_column", "rank", "distance", "patch", "photograph", "row", "column")


class _Queried(NamedTuple):
    """The photograph that is looked up.

    Attributes:
        pixels: `[image_size, image_size, 3]` uint8.
        number: its place in the index, or -1.
        grid: of the windows looked up.
    """

    pixels: np.ndarray
    number: int
    grid: Grid


def run(config: QueryConfig, out: Path, *, overwrite: bool = False) -> Path:
    """Writes `neighbors.csv` and `neighbors.png`.

    Args:
        config: what to look up.
        out: the directory to write.
        overwrite: whether a directory of an earlier search may be replaced.

    Returns:
        The picture.

    Raises:
        RequestError: the request cannot be carried out; nothing is written then.
    """
    config.check()
    directory = RunDirectory(out, flags_text(config), overwrite=overwrite)
    directory.check()
    collection = open_collection(absolute(config.index or ""))
    _check_limits(config, collection.manifest)
    backend = BACKENDS.load(config.search or best_backend(collection.manifest))(collection)
    queried = _queried(config, collection)
    windows = windows_of_image(queried.pixels, queried.grid)
    skip = np.full(len(windows), queried.number) if config.skip_same_image else None
    found = backend.search(Query(windows, config.neighbors, skip, config.min_distance), threads=config.threads)
    _check_found(config, found)
    folder = directory.open()
    try:
        write_csv(folder / "neighbors.csv", _HEADER, _rows(collection, queried, found))
        _draw(folder / "neighbors.png", config, collection, queried, found)
        return directory.commit() / "neighbors.png"
    finally:
        directory.close()


def _check_limits(config: QueryConfig, manifest: Manifest) -> None:
    """Raises `RequestError` for what this index cannot have."""
    if config.neighbors > manifest.num_patches:
        expected = f"at most {manifest.num_patches:,}, as many patches as the index has"
        raise RequestError(f"--neighbors={config.neighbors}", expected)
    farthest = 255.0 * manifest.grid.values**0.5
    if config.min_distance > farthest:
        raise RequestError(
            f"--min_distance={config.min_distance:g}", f"at most {farthest:,.0f}, from a black patch to a white one"
        )


def _check_found(config: QueryConfig, found: Neighbors) -> None:
    """Says where patches were left out until too few remained.

    Raises:
        RequestError: none remained.
    """
    there = found.ids >= 0
    asked = [f"--min_distance={config.min_distance:g}"] * bool(config.min_distance)
    by = " and ".join(asked + ["--skip_same_image"] * config.skip_same_image) or "the search"
    if not there.any():
        raise RequestError(f"no patch left by {by}", "a neighbor of at least one window", "Leave out less.")
    fewer = int((~there).any(axis=1).sum())
    if fewer:
        many = f"{fewer:,} of {len(there):,} windows have fewer than {config.neighbors} neighbors"
        tqdm.write(f"{many}: no more are left by {by}", file=sys.stderr)


def _queried(config: QueryConfig, collection: Collection) -> _Queried:
    manifest = collection.manifest
    grid = manifest.grid._replace(stride=config.query_stride or max(manifest.stride, manifest.patch_size // 4))
    text = config.image or ""
    if text.isdecimal():
        if int(text) >= manifest.num_images:
            raise RequestError(f"--image={text}", f"a photograph of the index, from 0 to {manifest.num_images - 1}")
        return _Queried(collection.store.image(int(text)), int(text), grid)
    if config.skip_same_image:
        raise RequestError(
            f"--skip_same_image with --image={text}",
            "the number of a photograph in the index",
            "photographs.csv has the numbers.",
        )
    return _Queried(fit_square(decode(absolute(text)), manifest.image_size, manifest.resize), -1, grid)


def _rows(collection: Collection, queried: _Queried, found: Neighbors) -> list[tuple]:
    names, rows = collection.photographs(), []
    for q, (ids, *_) in enumerate(zip(found.ids, strict=True)):
        for rank in np.flatnonzero(ids >= 0):
            image = found.images[q, rank]
            place = (found.rows[q, rank], found.columns[q, rank])
            rows.append(
                (*divmod(q, queried.grid.side), rank + 1, float(found.distances[q, rank]), ids[rank], names[image], *place)
            )
    return rows


def _draw(path: Path, config: QueryConfig, collection: Collection, queried: _Queried, found: Neighbors) -> None:
    from tfcollide.report.neighbors_picture import NeighborRow, write_neighbors  # matplotlib takes a second

    drawn = []
    for q in _spread(queried.grid.side, min(config.queries, queried.grid.per_image)):
        kept = found.ids[q] >= 0
        top, left = (int(queried.grid.corner(np.array(place))) for place in divmod(q, queried.grid.side))
        size = queried.grid.cut_size
        kept &= np.arange(len(kept)) < _DRAWN
        captions = [f"{distance:,.0f}" for distance in found.distances[q][kept]]
        patches = collection.store.cut(found.ids[q][kept])
        drawn.append(NeighborRow(queried.pixels[top : top + size, left : left + size], (top, left), patches, captions))
    foot = f"Below each patch: L2 distance over its pixels, 0..255. {collection.manifest.num_patches:,} patches searched"
    foot += f"; those closer than {config.min_distance:g} left out." if config.min_distance else "."
    write_neighbors(path, queried.pixels, drawn, foot)


def _spread(side: int, count: int) -> list[int]:
    """Numbers of some windows, spread evenly but not in line."""
    places = [((i + 0.5) / count, (i * 0.618 + 0.3) % 1) for i in range(count)]
    return [min(int(y * side), side - 1) * side + min(int(x * side), side - 1) for y, x in places]
