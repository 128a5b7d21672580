"""Annoy's trees over the projections of a shard's groups of windows: a build that repeats, and a load that cannot crash.

Annoy is imported here only, and only when it is needed: it is compiled when it is
installed, and everything else works without it.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tfcollide.errors import RequestError
from tfcollide.files.disk import naming, reserve
from tfcollide.files.names import readable
from tfcollide.patches.collection import Collection
from tfcollide.patches.groups import Groups
from tfcollide.patches.projection import Projection
from tfcollide.patches.store import ImageStore

__all__ = ["build_trees", "check_annoy", "load_trees", "tree_bytes"]

_METRIC = "euclidean"


def check_annoy(folder: Path) -> None:
    """Raises `RequestError` where Annoy is not installed, or cannot take the name of the folder that trees are in."""
    _annoy()
    if readable(str(folder)) != str(folder):
        raise RequestError(
            f"trees in {folder}, whose name is no UTF-8", "a name that Annoy can take", "Rename it, or leave --search out."
        )


def build_trees(
    store: ImageStore,
    groups: Groups,
    projection: Projection,
    path: Path,
    *,
    num_trees: int,
    seed: int,
    on_disk: bool,
    progress: Callable[[int], object],
) -> None:
    """Writes the trees of one shard.

    One thread builds a shard: what Annoy builds with several differs from time to time.

    Args:
        store: the images of this shard.
        groups: of windows; each is an item.
        projection: of the whole index.
        path: the file to write; it appears whole.
        num_trees: more of them find more, and take more room.
        seed: of the splits.
        on_disk: whether to build in the file instead of in memory; room for it is taken first.
        progress: is told of windows as they are projected.
    """
    unfinished = path.with_name(f".{path.name}")
    trees = _annoy().AnnoyIndex(len(projection.components), _METRIC)
    trees.set_seed(seed)
    with naming(path):
        if on_disk:
            unfinished.unlink(missing_ok=True)
            trees.on_disk_build(str(unfinished))
            reserve(unfinished, tree_bytes(store.num_images * groups.per_image, len(projection.components), num_trees))
        for first, windows in groups.middles(store):
            for number, point in enumerate(projection.apply(windows).tolist(), first):
                trees.add_item(number, point)
            progress(len(windows) * store.num_patches // (store.num_images * groups.per_image))
        trees.build(num_trees, n_jobs=1)
        if not on_disk:
            trees.save(str(unfinished))
    trees.unload()
    os.replace(unfinished, path)


def tree_bytes(num_items: int, num_components: int, num_trees: int) -> int:
    """About how large the trees of so many items are, rather too much than too little."""
    return num_items * (16 + 4 * num_components + 18 * num_trees) + 2**12 * num_trees


def load_trees(collection: Collection, groups: Groups, files: Sequence[str]) -> list[Any]:
    """Memory-maps the trees of every shard, `files`, of a collection whose files have been checked.

    Raises:
        RequestError: Annoy is missing, the index has no trees, or they hold another number of groups.
    """
    if not collection.manifest.num_trees:
        raise RequestError(
            f"index {collection.path}, which has no trees", "one built with --search=annoy", "Leave --search out."
        )
    check_annoy(collection.path)
    shards = []
    for name, images in zip(files, collection.manifest.shard_images, strict=True):
        trees = _annoy().AnnoyIndex(collection.manifest.num_components, _METRIC)
        trees.load(str(collection.path / name))
        if trees.get_n_items() != images * groups.per_image:
            raise RequestError(
                f"{collection.path / name} of {trees.get_n_items()} items",
                f"{images * groups.per_image:,}, as the manifest says",
            )
        shards.append(trees)
    return shards


def _annoy() -> Any:
    try:
        import annoy
    except ImportError as error:
        raise RequestError(
            "--search=annoy without Annoy",
            "an installation with it",
            'Run pip install "tfcollide[patches]" (it needs a C++ compiler), or leave --search out.',
        ) from error
    return annoy
