"""The flags of composites: the index, and where windows lie."""

import dataclasses
from pathlib import Path

from tfcollide.errors import RequestError
from tfcollide.patches.trust import trusted_manifest
from tfcollide.registry import BACKENDS
from tfcollide.settings import at_least, flag

__all__ = ["CompositeOptions"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class CompositeOptions:
    """Which patches stand for an image, and how they are blended."""

    index: str | None = flag(None, "Composites: the index of patches, as index_patches wrote it: a folder.", path=True)
    search: str | None = flag(
        None,
        "Composites: how the index is searched. Default: the fastest that the index has.",
        variants=BACKENDS,
    )
    window_stride: int | None = flag(
        None, "Composites: step between windows of the source, in pixels of the index's search images. Default: n / 4."
    )
    surround: int | None = flag(None, "Composites: pixels around a window that are pasted with it. Default: half of a window.")
    patches_per_window: int = flag(1, "Composites: how many patches stand for each window: the nearest, the next nearest, ...")
    control_spacing: int | None = flag(
        None,
        "Composites: pixels from one control parameter to the next; 1: each its own, as in the paper. "
        "Default: half the stride, or all of an odd one.",
    )

    def check(self) -> None:
        """Raises `RequestError` where no whole index is named, or for a number that none can make right."""
        at_least(self, 1, "window_stride", "control_spacing", "patches_per_window")
        at_least(self, 0, "surround")
        if self.index is None:
            received = "--parameterization=composite without --index"
            raise RequestError(received, "an index of patches", "Build one with index_patches.")
        if not Path(self.index).is_dir():
            raise RequestError(f"--index={self.index}, which does not exist", "a folder that index_patches wrote")
        trusted_manifest(Path(self.index))
