"""Composites: an image made of the nearest patches of photographs (section 4 of the paper)."""

import dataclasses
from pathlib import Path

import numpy as np

from tfcollide.errors import RequestError
from tfcollide.images import to_uint8
from tfcollide.library.calling import called
from tfcollide.library.given import ImageLike, image_given
from tfcollide.models.classifier import Classifier
from tfcollide.parameterizations.composite import Composite
from tfcollide.parameterizations.composite.composite_options import CompositeOptions
from tfcollide.parameterizations.composite.found_patches import FoundPatches
from tfcollide.parameterizations.composite.layout import Layout
from tfcollide.patches.collection import open_collection

__all__ = ["Composed", "PatchIndex", "compose"]


class PatchIndex:
    """An index of patches, as `index_patches` writes it, and how windows lie on an image.

    Args:
        folder: of the index.
        search: "projected", "annoy" or "exact"; None: the fastest that the index has.
        window_stride: step between windows, in pixels of the index's search images; None: a quarter of a patch.
        surround: pixels around a window that are pasted with it; None: half of a window.
        patches_per_window: how many patches stand for each window.
        control_spacing: pixels from one control parameter to the next; None: half the stride, or all of an odd one, or less.

    Attributes:
        folder: of the index.
        num_patches: how many patches it holds.
        image_size: height and width of the images that it serves.

    Raises:
        RequestError: the folder is no index, or a damaged one.

    Examples:
        >>> index = tc.PatchIndex(folder)
        >>> index.image_size
        16
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        search: str | None = None,
        window_stride: int | None = None,
        surround: int | None = None,
        patches_per_window: int = 1,
        control_spacing: int | None = None,
    ):
        self.folder = Path(folder)
        self._options = CompositeOptions(
            index=str(folder),
            search=search,
            window_stride=window_stride,
            surround=surround,
            patches_per_window=patches_per_window,
            control_spacing=control_spacing,
        )
        with called():
            self._options.check()
            manifest = open_collection(self.folder).manifest
        self.num_patches, self.image_size = manifest.num_patches, manifest.image_size

    def parameterization(self, network: Classifier, num_corners: int = 1) -> Composite:
        """What makes images of a network's size out of the patches.

        Raises:
            RequestError: the index does not suit them.
        """
        return Composite.create(self._options, network.bounds, network.image_shape, num_corners)

    def __repr__(self) -> str:
        """In one line."""
        return f"PatchIndex({str(self.folder)!r}: {self.num_patches:,} patches for images of {self.image_size} pixels)"


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Composed:
    """An image, composed of patches.

    Attributes:
        image: `[H, W, 3]` float32 in the network's bounds, the blend that a search starts from (Eq. 5).
        found: which patch stands for each window, and how far it is.
        patches: `[K, n + 2s, n + 2s, 3]` uint8, with their surround.
        layout: where they are pasted.
    """

    image: np.ndarray
    found: FoundPatches
    patches: np.ndarray
    layout: Layout

    def __repr__(self) -> str:
        """In one line."""
        (height, width, _), photographs = self.image.shape, len(np.unique(self.found.images))
        return f"Composed({height}x{width} pixels of {len(self.patches)} patches of {photographs} photographs)"


def compose(network: Classifier, index: PatchIndex, image: ImageLike) -> Composed:
    """An image rebuilt from the nearest patches of an index.

    Args:
        network: of `wrap`; its size and pixel range count.
        index: of patches for images of that size.
        image: `[H, W, 3]`, or a PIL image or a path.

    Returns:
        The composite.

    Raises:
        RequestError: the image does not fit, the index does not suit the network, or a window has no neighbor.

    Examples:
        >>> tc.compose(colors, tc.PatchIndex(folder), photograph).image.shape
        (16, 16, 3)
    """
    with called():
        if not isinstance(index, PatchIndex):
            raise RequestError(f"index={index!r}", "a PatchIndex", "Say PatchIndex(folder).")
        composite, bounds = index.parameterization(network), network.bounds
        pixels = to_uint8(image_given(network, image, "image")[0], bounds)
        found = composite.look_up(pixels)
        controls = composite.init(pixels, 1)
        blended = composite.to_image(controls, composite.material(found)).numpy()[0]
        return Composed(blended, found.patches, found.composer.cut(found.patches), composite.layout)
