"""What an index is: one JSON file beside its data, with a checksum of every file and of itself."""

import dataclasses
import hashlib
import json
import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from tfcollide import __version__
from tfcollide.errors import RequestError
from tfcollide.files.atomic import write_json
from tfcollide.files.disk import size_text
from tfcollide.patches.backend import own_packages, own_steps
from tfcollide.patches.grid import Grid

__all__ = ["FORMAT_VERSION", "Manifest", "damaged", "read_manifest", "versions", "write_manifest"]

FORMAT_VERSION = 2
_READ = (1, FORMAT_VERSION)  # 1 knows no groups of windows
_NAME = "manifest.json"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Manifest:
    """The description of an index.

    Attributes:
        format_version: `FORMAT_VERSION` of the program that wrote it.
        photographs: where the images came from.
        image_size, search_size, patch_size, stride: see `Grid`.
        resize: the resize rule.
        projection: "pca" or "random".
        num_components: dimensions of the projections.
        num_trees: trees per shard; 0 where there are none.
        metric: of the trees.
        seed: of everything drawn.
        shard_images: images in each shard.
        num_images: their sum.
        num_patches: windows in all of them.
        num_held_out: photographs kept apart, for measuring recall.
        versions: of the libraries that built it.
        checksums: file name -> [bytes, SHA-256].
        recall_at_1: share of queries whose true nearest neighbor is found; None until measured.
        recall_at_10: share of the ten true neighbors that are found.
        distance_ratio: mean distance of what is found, over that of the true neighbor.
        query_milliseconds: time per query, in batches.
        exact_milliseconds: the same of exact search.
        recall_queries: how many queries were measured.
        own: what else a backend has to know of what it built.
    """

    format_version: int
    photographs: str
    image_size: int
    search_size: int
    patch_size: int
    stride: int
    resize: str
    projection: str
    num_components: int
    num_trees: int = 0
    metric: str = "euclidean"
    seed: int
    shard_images: tuple[int, ...]
    num_images: int
    num_patches: int
    num_held_out: int
    versions: Mapping[str, str]
    checksums: Mapping[str, tuple[int, str]]
    recall_at_1: float | None = None
    recall_at_10: float | None = None
    distance_ratio: float | None = None
    query_milliseconds: float | None = None
    exact_milliseconds: float | None = None
    recall_queries: int | None = None
    own: Mapping[str, Any] | None = None

    @property
    def grid(self) -> Grid:
        """Where the windows lie."""
        return Grid(self.image_size, self.search_size, self.patch_size, self.stride)

    def fingerprint(self) -> str:
        """A hash of all files but the manifest itself, which measuring changes."""
        return hashlib.sha256(json.dumps(sorted(self.checksums.items())).encode()).hexdigest()

    def describe(self) -> str:
        """What the index holds and is worth, in one line."""
        size = sum(size for size, _ in self.checksums.values())
        text = f"{self.num_patches:,} patches of {self.num_images:,} photographs, {size_text(size)}"
        if self.recall_at_1 is None:
            return text
        worth = f"recall@1 {self.recall_at_1:.4f}, recall@10 {self.recall_at_10:.4f}, distance ratio {self.distance_ratio:.4f}"
        return f"{text}; {worth}, {self.query_milliseconds:.2f} ms per query (exact search: {self.exact_milliseconds:.2f} ms)"

    def files(self, kind: str) -> list[str]:
        """Names of the files of pixels, one per shard: "images" or "search"."""
        return [f"{kind}-{shard:05d}.npy" for shard in range(len(self.shard_images))]

    def all_files(self) -> list[str]:
        """Every file that the index must have."""
        shards = self.files("images")
        shards += self.files("search") if self.search_size != self.image_size else []
        shards += [name for step in own_steps(self) for name in step.files(self)]
        return ["photographs.csv", "held_out.npy", "projection.npz", *shards]


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Writes `manifest.json`, whole or not at all; what is None is left out."""
    values = {key: value for key, value in dataclasses.asdict(manifest).items() if value is not None}
    values = json.loads(json.dumps(values))
    write_json(folder / _NAME, values | {"checksum": _checksum(values)})


def read_manifest(folder: Path) -> Manifest:
    """Reads `manifest.json` and checks that nothing in it was changed.

    Raises:
        RequestError: it is missing, damaged, of another format, or describes what cannot be.
    """
    path = folder / _NAME
    try:
        values = json.loads(path.read_bytes())
        found = values.pop("checksum")
        intact = found == _checksum(values)
    except FileNotFoundError as error:
        raise RequestError(f"index {folder}, where there is no {_NAME}", "a folder that index_patches wrote") from error
    except (OSError, ValueError, AttributeError, KeyError, TypeError, RecursionError) as error:
        raise damaged(path, "it cannot be read") from error
    if not intact:
        raise damaged(path, "its checksum differs")
    if values.get("format_version") not in _READ:
        raise RequestError(
            f"{path} of format {values.get('format_version')}", f"format {_READ[0]} or {_READ[1]}", "Build it again."
        )
    return _checked(path, values)


def damaged(path: Path, why: str) -> RequestError:
    """The error for a file that is not what was written."""
    return RequestError(f"{path}, which is damaged ({why})", "the file as it was built", "Copy or build the index again.")


def versions() -> dict[str, str]:
    """Versions of everything that decides about the bytes of an index."""
    found = {"tfcollide": __version__, "python": platform.python_version()}
    for name in ("numpy", "pillow", "scikit-learn", *own_packages()):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _checked(path: Path, values: dict[str, Any]) -> Manifest:
    try:
        manifest = Manifest(**values)
        whole = (
            manifest.num_images == sum(manifest.shard_images)
            and manifest.num_patches == manifest.num_images * manifest.grid.per_image
            and set(manifest.all_files()) == set(manifest.checksums)
        )
    except (TypeError, ZeroDivisionError) as error:
        raise damaged(path, "a value is missing or of another kind") from error
    if not whole:
        raise damaged(path, "its counts or files do not agree")
    return manifest


def _checksum(values: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
