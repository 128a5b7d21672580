"""What one image's neighborhood looks like at one ReLU, see `layer_profile.py`; needs no TensorFlow."""

import dataclasses

__all__ = ["THRESHOLDS", "LayerLook"]

THRESHOLDS = (1e-6, 1e-3, 1e-1)
"""Shares of the largest singular value at which the rank is counted."""


@dataclasses.dataclass(frozen=True)
class LayerLook:
    """What one image's neighborhood looks like at one ReLU.

    Attributes:
        tap: the ReLU.
        depth: its place among the ReLUs, from 0 on.
        image: the number of the image.
        units: U.
        active: A.
        dimension: D = H W C.
        exact: whether J was looked at as a whole.
        invisible: at each of `THRESHOLDS`, D less the rank of J; where it is estimated, the middle of the interval.
        low: the lower end of a 95 % interval; `invisible` where it is exact.
        high: the upper end.
        largest: the largest singular value.
        spectrum: `[101]`, singular values as shares of the largest, at evenly spread places from the largest of the D to the
            smallest (those beyond the rank are 0); empty where it is estimated.
    """

    tap: str
    depth: int
    image: int
    units: int
    active: int
    dimension: int
    exact: bool
    invisible: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    largest: float
    spectrum: tuple[float, ...] = ()

    @property
    def active_share(self) -> float:
        """Of the units."""
        return self.active / self.units
