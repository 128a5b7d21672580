"""Points and pieces of the simplex of convex weights: where to start, how to stay on it, how to cut it."""

import itertools

import numpy as np
import tensorflow as tf

__all__ = ["apart", "bisect", "coarse", "project", "project_compiled", "starts"]

_MOST = 200  # edges or triangles that are looked at
_SHARES = np.arange(1, 10) / 10  # points of an edge: a dent in it can be narrow


def starts(rng: np.random.Generator, corners: int, samples: int) -> np.ndarray:
    """`[P, N]` mixtures to begin a search with.

    The vertices, the midpoints of the edges (of 200 drawn, where there are more),
    the centroid, and `samples` random ones: half of them uniform, half sparse
    (Dirichlet(0.3), which lies near the faces).
    """
    vertices = np.eye(corners)
    pairs = np.array(list(itertools.combinations(range(corners), 2)), int).reshape(-1, 2)
    if len(pairs) > 200:
        pairs = pairs[np.sort(rng.choice(len(pairs), 200, replace=False))]
    middles = (vertices[pairs[:, 0]] + vertices[pairs[:, 1]]) / 2.0
    uniform = rng.dirichlet(np.ones(corners), samples - samples // 2)
    sparse = rng.dirichlet(np.full(corners, 0.3), samples // 2)
    return np.concatenate([vertices, middles, vertices.mean(axis=0, keepdims=True), uniform, sparse])


def coarse(rng: np.random.Generator, corners: int, samples: int) -> np.ndarray:
    """`[P, N]` mixtures that stand for all of them, to be looked at once each.

    The vertices, nine points of each edge and the middle of each triangle (of 200 drawn, where there are more), the
    centroid, and `samples` uniform ones.
    """
    vertices = np.eye(corners)
    edges, triangles = (_drawn(rng, list(itertools.combinations(range(corners), count))) for count in (2, 3))
    inner = [vertices[a] * (1.0 - share) + vertices[b] * share for a, b in edges for share in _SHARES]
    middles = [vertices[list(three)].mean(axis=0) for three in triangles]
    parts = [vertices, *(np.reshape(part, [-1, corners]) for part in (inner, middles)), vertices.mean(axis=0, keepdims=True)]
    return np.concatenate([*parts, rng.dirichlet(np.ones(corners), samples)])


def apart(points: np.ndarray, values: np.ndarray, count: int, distance: float) -> np.ndarray:
    """`[K]`, the numbers of `count` points `[P, N]` of low value, the lowest first, no two nearer than `distance` (L1).

    Where there are not so many, the lowest of the others follow.
    """
    order, chosen = np.argsort(values, kind="stable"), [0][:0]
    for i in order:
        if len(chosen) < count and all(np.abs(points[i] - points[j]).sum() > distance for j in chosen):
            chosen.append(int(i))
    return np.array([*chosen, *(i for i in order if i not in chosen)][:count])


def _drawn(rng: np.random.Generator, some: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    if len(some) <= _MOST:
        return some
    return [some[i] for i in np.sort(rng.choice(len(some), _MOST, replace=False))]


def project(points: np.ndarray) -> np.ndarray:
    """The nearest points `[P, N]` of the simplex (Held, Wolfe and Crowder 1974)."""
    falling = -np.sort(-points, axis=1)
    excess = (np.cumsum(falling, axis=1) - 1.0) / np.arange(1, points.shape[1] + 1)
    kept = np.count_nonzero(falling > excess, axis=1)
    return np.maximum(points - excess[np.arange(len(points)), kept - 1, None], 0.0)


def project_compiled(points: tf.Tensor) -> tf.Tensor:
    """`project` within a compiled function; one by one its operations take many times as long as NumPy's."""
    falling = tf.sort(points, axis=1, direction="DESCENDING")
    excess = (tf.cumsum(falling, axis=1) - 1.0) / tf.range(1, tf.shape(points)[1] + 1, dtype=points.dtype)
    kept = tf.reduce_sum(tf.cast(falling > excess, tf.int32), axis=1)
    return tf.maximum(points - tf.gather(excess, kept - 1, axis=1, batch_dims=1)[:, None], 0.0)


def bisect(vertices: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Halves simplices `[B, N, N]` at the midpoints of one edge each, `[B, 2]`: `[2 B, N, N]`.

    Both halves have the same volume; weights that are multiples of 2^-52 stay exact.
    """
    here = np.arange(len(vertices))
    middle = (vertices[here, edges[:, 0]] + vertices[here, edges[:, 1]]) / 2.0
    halves = np.concatenate([vertices, vertices])
    halves[here, edges[:, 0]] = middle
    halves[len(vertices) + here, edges[:, 1]] = middle
    return halves
