"""Every query against every window.

    |p - q|^2 = |p|^2 + |q|^2 - 2 p.q

as one matrix multiplication for all queries at once, streamed over the
memory-mapped images. What float32 may have rounded is counted again in whole
numbers before it is ranked.
"""

import os

import numpy as np
from threadpoolctl import threadpool_limits

from tfcollide.patches.neighbors import Query, closest, squared_distances
from tfcollide.patches.store import ImageStore

__all__ = ["scan"]

_SPARE = 16  # kept beyond k, for what rounding may have put in the wrong order


def scan(store: ImageStore, query: Query, *, threads: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The true neighbors of every query window.

    Args:
        store: the images.
        query: what is asked, and what is left out.
        threads: of BLAS; 0: one a core.

    Returns:
        Numbers `[Q, k]` and L2 distances `[Q, k]`, padded with -1 and infinity.
    """
    with threadpool_limits(threads or os.cpu_count(), "blas"):
        kept = _scan(store, query)
    found = [_rank(store, query, q, ids[ids >= 0]) for q, ids in enumerate(kept)]
    ids, distances = (np.stack(part) for part in zip(*found, strict=True))
    return ids, distances


def _scan(store: ImageStore, query: Query) -> np.ndarray:
    """`[Q, k + spare]` numbers of the patches with the smallest rounded distances."""
    windows = query.windows.astype(np.float32) - np.float32(128)
    squares = np.einsum("ij,ij->i", windows, windows)
    factors = np.ascontiguousarray((-2 * windows).T)
    room = query.neighbors + _SPARE
    ids = np.full((len(windows), room), -1, np.int64)
    best = np.full((len(windows), room), np.inf, np.float32)
    for first, patches in store.chunks():
        scores = patches @ factors
        scores += np.einsum("ij,ij->i", patches, patches)[:, None]
        _leave_out(query, scores, first, squares, store.grid.per_image)
        _merge(ids, best, scores, first)
    return ids


def _leave_out(query: Query, scores: np.ndarray, first: int, squares: np.ndarray, per_image: int) -> None:
    """Sets to infinity what the query does not want; scores lack the queries' own |q|^2."""
    if query.skip_images is not None:
        images = (first + np.arange(len(scores))) // per_image
        scores[images[:, None] == query.skip_images] = np.inf
    if query.min_distance:
        tolerance = 1e-5 * squares + 64
        scores[scores < query.min_distance**2 - squares - tolerance] = np.inf


def _rank(store: ImageStore, query: Query, q: int, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    squared = squared_distances(store.patches(ids), query.windows[q])
    return closest(ids, squared, query.neighbors, query.min_distance)


def _merge(ids: np.ndarray, best: np.ndarray, scores: np.ndarray, first: int) -> None:
    """Takes a chunk's scores `[m, Q]` into the smallest so far, `[Q, room]`, in place."""
    room, worst = ids.shape[1], best.max(axis=1)
    better = scores < worst
    for q in np.flatnonzero(better.any(axis=0)):
        rows = np.flatnonzero(better[:, q])
        column = np.concatenate([best[q], scores[rows, q]])
        order = np.argpartition(column, room - 1)[:room]
        best[q], ids[q] = column[order], np.concatenate([ids[q], first + rows])[order]
