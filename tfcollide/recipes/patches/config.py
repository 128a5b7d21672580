"""What an index of patches is asked to be: fields here are flags of the command line."""

import dataclasses
import os
from typing import Any, ClassVar, Self

from tfcollide.errors import RequestError
from tfcollide.files.run_directory import absolute
from tfcollide.patches.grid import Grid
from tfcollide.patches.photographs import RULES
from tfcollide.patches.projection import KINDS
from tfcollide.registry import BACKENDS
from tfcollide.settings import OldSpelling, at_least, carrying_variants, check_choices, check_variants, options_of
from tfcollide.settings import flag as _flag

__all__ = ["IndexConfig", "QueryConfig"]


@dataclasses.dataclass(frozen=True, kw_only=True)
@carrying_variants
class IndexConfig:
    """An index: which photographs, which windows of them, and how they are searched."""

    FIRST: ClassVar = (
        "out",
        "recipe",
        "images",
        "data_dir",
        "image_size",
        "patch_size",
        "stride",
        "per_class_share",
        "recall",
        "jobs",
    )
    """What `--help` shows."""

    OLD_SPELLINGS: ClassVar = (OldSpelling("index", "search"),)

    images: str | None = _flag(
        None, "Photographs: a folder (its sub-folders are classes), tfds:NAME, or bundled (two of them)."
    )
    data_dir: str | None = _flag(None, "Folder of prepared TFDS data sets. Default: $TFDS_DATA_DIR, else TFDS's own.")
    split: str = _flag("train", "The split of a TFDS data set.")
    per_class_share: float = _flag(1.0, "Share of each class's photographs to take, at least one of each; the paper: 0.1.")
    image_size: int = _flag(224, "Side of the stored images, from which patches are cut.")
    search_size: int | None = _flag(
        None, "Side of the images at which patches are compared (the paper: 128). Default: --image_size."
    )
    resize: str = _flag("crop", "How a photograph becomes square: crop (shorter side, middle) or stretch.", choices=RULES)
    patch_size: int = _flag(32, "Side of a patch, in pixels of the search images.")
    stride: int = _flag(8, "Step from patch to patch, in pixels of the search images (the paper: 6).")
    search: str | None = _flag(
        None,
        "The search to build for: projected (products of matrices), annoy (trees, for few windows at a time), or exact. "
        "Default: projected; to measure a finished index, the fastest that it has.",
        variants=BACKENDS,
    )
    projection: str = _flag("pca", "From pixels to a few numbers: pca, fitted to a sample, or random.", choices=KINDS)
    num_components: int = _flag(40, "How many numbers stand for a patch; with pca no more than there are patches.")
    shard_patches: int | None = _flag(
        None, "About how many patches per shard. Default: a sixteenth of all, but 700,000 to 2,000,000 items."
    )
    held_out: int | None = _flag(None, "Photographs to leave out, for --recall. Default: 20, or none of fewer than 200.")
    recall: int = _flag(0, "Measure recall with this many queries, at build time or of the finished index --out; 0: do not.")
    verify: str | None = _flag(None, "Only read every byte of this index again and compare it with what was built.")
    jobs: int = _flag(0, "Shards built at once; 0: one per core.")
    runner: str | None = _flag(None, "Build as an Apache Beam pipeline on this runner, such as DirectRunner.")
    beam_options: str = _flag("", "More options of the Beam pipeline, as Beam writes them.")
    seed: int = _flag(0, "Seed of every random draw.")

    @property
    def built_for(self) -> str:
        """The search that an index is built for."""
        return self.search or "projected"

    def resolved(self) -> Self:
        """The same with paths absolute."""
        images, data_dir = self.images, self.data_dir or os.environ.get("TFDS_DATA_DIR")
        if images is not None and images != "bundled" and not images.startswith("tfds:"):
            images = str(absolute(images))
        data_dir = str(absolute(data_dir)) if data_dir else None
        return dataclasses.replace(self, images=images, data_dir=data_dir, search=self.built_for)

    def essential(self) -> Self:
        """The same without what makes no difference to the files: how many at once, where, and what is measured."""
        neutral = {"recall", "verify", "jobs", "runner", "beam_options"}
        neutral |= {name for options in BACKENDS.options().values() for name in getattr(options, "NEUTRAL", ())}
        defaults: dict[str, Any] = {field.name: field.default for field in dataclasses.fields(self) if field.name in neutral}
        return dataclasses.replace(self, **defaults)

    def own_options(self) -> Any:
        """The options that the chosen search declares, or None."""
        declared = BACKENDS.options().get(self.built_for)
        return options_of(self, declared) if declared else None

    def grid(self) -> Grid:
        """Where windows lie."""
        return Grid(self.image_size, self.search_size or self.image_size, self.patch_size, self.stride)

    def check(self) -> None:
        """Raises `RequestError` for a value that no photographs can make right."""
        check_choices(self)
        check_variants(self)
        self.grid().check()
        if not 0 < self.per_class_share <= 1:
            raise RequestError(f"--per_class_share={self.per_class_share}", "a share above 0 and at most 1")
        at_least(self, 1, "shard_patches")
        at_least(self, 0, "held_out", "recall", "jobs", "seed")
        if self.seed >= 2**31 // 100_003:
            raise RequestError(f"--seed={self.seed}", f"a number below {2**31 // 100_003}")
        if not 1 <= self.num_components <= self.grid().values:
            raise RequestError(f"--num_components={self.num_components}", f"a number from 1 to {self.grid().values}")


_MOST_QUERIES = 30


@dataclasses.dataclass(frozen=True, kw_only=True)
class QueryConfig:
    """A search: which index, which windows of which photograph."""

    OLD_SPELLINGS: ClassVar = (
        OldSpelling("index", "search", lambda value: value in BACKENDS.names()),
        OldSpelling("patches", "index"),
    )

    index: str | None = _flag(None, "The index of patches, as index_patches wrote it: a folder.")
    image: str | None = _flag(None, "The photograph whose windows are looked up: a file, or the number of one in the index.")
    neighbors: int = _flag(5, "Neighbors of each window.")
    queries: int = _flag(6, "Windows in the picture, evenly spread; neighbors.csv has them all.")
    query_stride: int | None = _flag(
        None, "Step between the windows looked up. Default: the index's, but at least a quarter of a patch."
    )
    skip_same_image: bool = _flag(False, "Leave out patches of the photograph itself; --image is a number then.")
    min_distance: float = _flag(0.0, "Leave out patches closer than this (L2, pixels 0..255).")
    search: str | None = _flag(None, "The search algorithm. Default: the fastest that the index has.", variants=BACKENDS)
    threads: int = _flag(0, "Threads; 0: one per core.")

    def check(self) -> None:
        """Raises `RequestError` for a value that no index can make right."""
        check_choices(self)
        if self.index is None:
            raise RequestError("no --index", "the index to search", "Build one with index_patches.")
        if self.image is None:
            raise RequestError("no --image", "a photograph to look up, or the number of one in the index")
        at_least(self, 1, "neighbors", "queries", "query_stride")
        if self.queries > _MOST_QUERIES:
            expected = f"at most {_MOST_QUERIES} windows in the picture"
            raise RequestError(f"--queries={self.queries}", expected, "neighbors.csv has all windows.")
        at_least(self, 0, "min_distance", "threads")
