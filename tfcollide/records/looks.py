"""How far apart images are and how different they look, and what composites are made of."""

import dataclasses

__all__ = ["CompositeRecord", "Distance", "MixtureLooks", "Perceptual"]


@dataclasses.dataclass(frozen=True)
class Distance:
    """Mean L2 distances in the model's own units.

    Attributes:
        dataset_mean: between two different images of the test set; None if there is none.
        corner_mean: between two corners; None where there is one corner.
        corner_to_source_mean: from a corner to the source.
        source_to_target: from the source to the target.
        corner_to_target_mean: from a corner to the target.
        spread_asked: how far apart corners were to be, as the root mean square over pixels, a share of their range;
            None where nothing was asked.
        spread_reached: of the two corners nearest to each other; None where there is one.
    """

    dataset_mean: float | None
    corner_mean: float | None
    corner_to_source_mean: float
    source_to_target: float | None = None
    corner_to_target_mean: float | None = None
    spread_asked: float | None = None
    spread_reached: float | None = None


@dataclasses.dataclass(frozen=True)
class MixtureLooks:
    """Which image the mixtures still are.

    Attributes:
        largest_source_share: see `CornerRecord`, over all mixtures.
        least_target_share: the same.
        mean_ssim_source: over a sample.
        mean_ssim_target: the same.
        read_as_source: the share of a sample that the reader takes for the source's class; None where nobody reads.
        read_as_target: the same, for the target's.
    """

    largest_source_share: float
    least_target_share: float
    mean_ssim_source: float | None
    mean_ssim_target: float | None
    read_as_source: float | None
    read_as_target: float | None


@dataclasses.dataclass(frozen=True)
class Perceptual:
    """How different corners look, as means over pairs of corners.

    Attributes:
        ssim: structural similarity, 1 for equal images; None for images too small for it.
        ms_ssim: the same over several scales, as many as fit.
        low_frequency_share: of the energy of their difference, below a quarter of the Nyquist frequency.
        total_variation: of a corner: mean |difference| between neighboring values, a share of the pixel range.
    """

    ssim: float | None
    ms_ssim: float | None
    low_frequency_share: float
    total_variation: float


@dataclasses.dataclass(frozen=True)
class CompositeRecord:
    """What a composite is made of.

    Attributes:
        index: the folder of the index.
        index_checksum: of its manifest, which holds those of its files.
        candidates: K.
        window: n, in pixels of the image, as the rest.
        stride: from window to window.
        surround: s.
        control_spacing: from control parameter to control parameter.
        coverage: the fewest candidates at a pixel, their mean number, the most.
        control_bytes: of all corners' control parameters.
        dense_bytes: of one parameter per candidate and pixel.
        photographs: how many different ones the patches come from.
        own: the source's own number in the index, left out of the search; -1 where it is not there.
        patch_distance: mean L2 distance of a window to its patch, over the pixels compared, 0..255.
        total_variation: R(P) of each corner.
        per_window: patches that stand for each window.
    """

    index: str
    index_checksum: str
    candidates: int
    window: int
    stride: int
    surround: int
    control_spacing: int
    coverage: tuple[int, float, int]
    control_bytes: int
    dense_bytes: int
    photographs: int
    own: int
    patch_distance: float
    total_variation: tuple[float, ...]
    per_window: int = 1
