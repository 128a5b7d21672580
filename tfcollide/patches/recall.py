"""What an index is worth: its answers against exact search, on photographs that it does not know."""

import dataclasses
import time

import numpy as np

from tfcollide.errors import RequestError
from tfcollide.patches.backend import Backend
from tfcollide.patches.collection import Collection
from tfcollide.patches.grid import Grid, windows_of
from tfcollide.patches.manifest import Manifest
from tfcollide.patches.neighbors import Neighbors, Query
from tfcollide.patches.photographs import fit_square

__all__ = ["BATCH", "compare", "draw_queries", "measure", "windows_of_image"]

BATCH = 625
"""Queries at once: the windows of one seed image, as in the paper."""

_COUNT = 10


def measure(collection: Collection, backend: Backend, exact: Backend, queries: int, seed: int) -> Manifest:
    """Measures recall and time, and returns the manifest with the figures in it.

    Args:
        collection: the index, with photographs held out.
        backend: what is measured.
        exact: the truth.
        queries: how many windows, drawn evenly from the photographs held out.
        seed: of the draw.

    Raises:
        RequestError: nothing was held out.
    """
    windows = draw_queries(collection, queries, seed)
    found, milliseconds = _timed(backend, windows)
    truth, exact_milliseconds = _timed(exact, windows)
    at_1, at_10, ratio = compare(found, truth)
    return dataclasses.replace(
        collection.manifest,
        recall_at_1=at_1,
        recall_at_10=at_10,
        distance_ratio=ratio,
        query_milliseconds=milliseconds,
        exact_milliseconds=exact_milliseconds,
        recall_queries=len(windows),
    )


def compare(found: Neighbors, truth: Neighbors) -> tuple[float, float, float]:
    """Recall at 1, recall at 10 and the ratio of distances; patches of equal distance are equally right."""
    right = found.distances <= truth.distances[:, -1:]
    ratio = found.distances[:, 0].sum() / max(truth.distances[:, 0].sum(), 1e-12)
    nearest = (found.distances[:, 0] <= truth.distances[:, 0]).mean()
    return float(nearest), float(right.mean()), float(ratio) if truth.distances[:, 0].any() else 1.0


def draw_queries(collection: Collection, count: int, seed: int) -> np.ndarray:
    """`[count, values]` uint8 windows, as many of each photograph held out, but for the remainder."""
    images = collection.held_out()
    if not len(images):
        raise RequestError(
            f"--recall={count} of {collection.path}, which holds no photograph out",
            "an index built with --held_out",
            "Build it with --held_out=20.",
        )
    grid, draw = collection.manifest.grid, np.random.default_rng(seed)
    wanted = [len(part) for part in np.array_split(np.arange(count), len(images))]
    parts = []
    for image, many in zip(images, wanted, strict=True):
        windows = windows_of_image(image, grid)
        parts.append(windows[draw.choice(len(windows), many, replace=many > len(windows))])
    return np.concatenate(parts)


def windows_of_image(image: np.ndarray, grid: Grid) -> np.ndarray:
    """`[per_image, values]` uint8: the windows of one image `[image_size, image_size, 3]`, in order."""
    small = image if grid.search_size == grid.image_size else fit_square(image, grid.search_size)
    return windows_of(np.ascontiguousarray(small)[None], grid).reshape(grid.per_image, -1)


def _timed(backend: Backend, windows: np.ndarray) -> tuple[Neighbors, float]:
    """The neighbors, and milliseconds per query, in batches as a seed image makes them."""
    began = time.perf_counter()
    parts = [backend.search(Query(windows[i : i + BATCH], _COUNT)) for i in range(0, len(windows), BATCH)]
    milliseconds = 1e3 * (time.perf_counter() - began) / len(windows)
    return Neighbors(*(np.concatenate(some) for some in zip(*parts, strict=True))), milliseconds
