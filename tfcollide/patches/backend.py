"""What a way to search says of itself: which indexes it serves, and what it builds of every shard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from tfcollide.registry import BACKENDS

if TYPE_CHECKING:
    from tfcollide.patches.collection import Collection
    from tfcollide.patches.grid import Grid
    from tfcollide.patches.manifest import Manifest
    from tfcollide.patches.neighbors import Neighbors, Query
    from tfcollide.patches.projection import Projection
    from tfcollide.patches.store import ImageStore

__all__ = ["Backend", "ShardStep", "ShardWork", "best_backend", "own_packages", "own_steps"]


class ShardWork(NamedTuple):
    """One shard, for a step of a backend.

    Attributes:
        manifest: of the index.
        number: of the shard.
        store: its images.
        projection: of the whole index.
        path: the file to write; it has to appear whole.
        options: what the backend declares as `OPTIONS`, or None.
        progress: is told of windows as they are done.
    """

    manifest: Manifest
    number: int
    store: ImageStore
    projection: Projection
    path: Path
    options: Any
    progress: Callable[[int], object]


class ShardStep(NamedTuple):
    """A file that a backend has for every shard, built once the images and the projection are there.

    Attributes:
        kind: what it holds, "trees"; also the beginning of its name.
        suffix: the end of its name, "ann".
        asked: whether an index is to have it.
        write: writes it; the same work gives the same bytes.
        size: about how many bytes an index has of it, rather too many than too few.
    """

    kind: str
    suffix: str
    asked: Callable[[Manifest], bool]
    write: Callable[[ShardWork], None]
    size: Callable[[Manifest], int]

    def files(self, manifest: Manifest) -> list[str]:
        """Their names, one per shard."""
        return [f"{self.kind}-{shard:05d}.{self.suffix}" for shard in range(len(manifest.shard_images))]


class Backend:
    """A way to search; one file of `backends/` is one, its class called `VARIANT`.

    Attributes:
        preference: of those that serve an index, the one with the largest is taken where none is named.
        steps: what it builds.
        packages: that decide about the bytes of what it builds.
    """

    preference: ClassVar[int] = 0
    steps: ClassVar[tuple[ShardStep, ...]] = ()
    packages: ClassVar[tuple[str, ...]] = ()

    def __init__(self, collection: Collection):
        self._store = collection.store

    @staticmethod
    def serves(manifest: Manifest) -> bool:
        """Whether it can search this index, on this installation."""
        return True

    @staticmethod
    def check_build(folder: Path) -> None:
        """Raises `RequestError` where an index for it cannot be built in `folder`."""

    @staticmethod
    def entries(options: Any, grid: Grid) -> Mapping[str, Any]:
        """What a manifest says of an index that is built for it: its fields, or `own` for any others."""
        return {}

    def search(self, query: Query, *, threads: int = 0) -> Neighbors:
        """The neighbors of every query window; `threads` 0 uses every core."""
        raise NotImplementedError


def best_backend(manifest: Manifest) -> str:
    """The name of the backend that is preferred of those that serve an index."""
    serving = {name: one.preference for name, one in BACKENDS.all().items() if one.serves(manifest)}
    return max(serving, key=lambda name: serving[name])


def own_steps(manifest: Manifest) -> list[ShardStep]:
    """What backends have built, or are to build, of every shard of an index."""
    steps = [step for one in BACKENDS.all().values() for step in one.steps if step.asked(manifest)]
    return list({step.kind: step for step in steps}.values())


def own_packages() -> list[str]:
    """The packages that decide about the bytes of what backends build."""
    return [name for one in BACKENDS.all().values() for name in one.packages]
