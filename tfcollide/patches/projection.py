"""A few dozen numbers that stand for a window: where candidates are looked for.

`pca` keeps most of the distance between windows; `random` takes directions at
random. Both are orthonormal, so that a distance between projections is never
larger than the distance between the windows.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from tfcollide.files.atomic import write_npz
from tfcollide.patches.grid import Grid
from tfcollide.patches.store import ImageStore

__all__ = ["KINDS", "Projection", "fit_projection", "most_components"]

KINDS = ("pca", "random")
"""The projections by name."""

_SAMPLE_WINDOWS = 20_000
_SAMPLE_IMAGES = 1_000


class Projection(NamedTuple):
    """The affine map `(window - mean) @ components.T`.

    Attributes:
        mean: `[values]` float32.
        components: `[d, values]` float32, orthonormal.
    """

    mean: np.ndarray
    components: np.ndarray

    def apply(self, windows: np.ndarray) -> np.ndarray:
        """Projects `[m, values]` float32 windows, from which 128 has been subtracted, to `[m, d]` float32.

        One BLAS thread, so that the last bit does not depend on the number of cores.
        """
        shift = self.components @ (self.mean - np.float32(128))
        with threadpool_limits(1, "blas"):
            return windows @ self.components.T - shift

    def save(self, path: Path) -> None:
        """Writes the map as an `.npz` file."""
        write_npz(path, {"mean": self.mean, "components": self.components})

    @classmethod
    def load(cls, path: Path) -> "Projection":
        """Reads what `save` wrote."""
        with np.load(path, allow_pickle=False) as arrays:
            return cls(arrays["mean"], arrays["components"])


def most_components(kind: str, grid: Grid, num_images: int) -> int:
    """The most components that `fit_projection` can find: `pca` has none beyond the windows in its sample."""
    images, each = _sample_size(grid, num_images)
    return min(images * each, grid.values) if kind == "pca" else grid.values


def fit_projection(store: ImageStore, *, kind: str, num_components: int, seed: int) -> Projection:
    """Fits a projection to a sample of the windows.

    Args:
        store: the images; at most 1,000 of them are looked at.
        kind: one of `KINDS`.
        num_components: d, at most `most_components`.
        seed: of the sample, and of the random directions.
    """
    sample = _sample(store, seed)
    mean = sample.mean(axis=0, dtype=np.float64).astype(np.float32)
    if kind == "random":
        normal = np.random.default_rng(seed).standard_normal((sample.shape[1], num_components))
        return Projection(mean, np.ascontiguousarray(np.linalg.qr(normal)[0].T, np.float32))
    from sklearn.utils.extmath import randomized_svd  # a second to import

    with threadpool_limits(1, "blas"):
        *_, components = randomized_svd(sample - mean, n_components=num_components, random_state=seed)
    return Projection(mean, np.ascontiguousarray(components, np.float32))


def _sample(store: ImageStore, seed: int) -> np.ndarray:
    """`[m, values]` float32: as many windows of each of some evenly spaced images."""
    count, each = _sample_size(store.grid, store.num_images)
    images = np.linspace(0, store.num_images - 1, count).astype(np.int64)
    per_image = store.grid.per_image
    draw = np.random.default_rng(seed)
    ids = [image * per_image + np.sort(draw.choice(per_image, each, replace=False)) for image in images]
    return np.concatenate([store.patches(some) for some in ids]).astype(np.float32)


def _sample_size(grid: Grid, num_images: int) -> tuple[int, int]:
    """How many images are looked at, and how many windows of each."""
    images = min(num_images, _SAMPLE_IMAGES)
    return images, min(grid.per_image, -(-_SAMPLE_WINDOWS // images))
