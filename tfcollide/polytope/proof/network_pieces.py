"""The simplex of convex weights in pieces, each with what is proven of each margin row."""

from typing import NamedTuple

import numpy as np

from tfcollide.polytope.hull.simplex import bisect
from tfcollide.polytope.proof.hull_bounds import HullBounds

__all__ = ["NetworkPieces"]


class NetworkPieces(NamedTuple):
    """B sub-simplices.

    Attributes:
        vertices: `[B, N, N]` convex weights.
        rows: `[B, R]`, the margin proven of each row.
        real_rows: `[B, R]`, in real arithmetic.
        volume: `[B]`, as a share of the whole.
        edges: `[B, 2]`, the vertices between which to split.
    """

    vertices: np.ndarray
    rows: np.ndarray
    real_rows: np.ndarray
    volume: np.ndarray
    edges: np.ndarray

    @property
    def margin(self) -> np.ndarray:
        """`[B]`, proven."""
        return self.rows.min(axis=1)

    @property
    def real(self) -> np.ndarray:
        """`[B]`, proven in real arithmetic."""
        return self.real_rows.min(axis=1)

    @property
    def divisible(self) -> np.ndarray:
        """`[B]` bool: not a point, and the midpoint of any edge is a multiple of 2^-50, so that halves fit exactly."""
        exact = (np.ldexp(self.vertices, 49) % 1.0 == 0.0).all(axis=(1, 2))
        return exact & (self.vertices.shape[1] > 1)

    @staticmethod
    def whole(bounds: HullBounds, corners: int, rows: int) -> "NetworkPieces":
        """The simplex itself."""
        vertices = np.eye(corners)[None]
        found = bounds(vertices, np.arange(rows)[None])
        return NetworkPieces(vertices, found.margins, found.real, np.ones(1), _edges(vertices, found.scores))

    def split(self, bounds: HullBounds, goal: float) -> "NetworkPieces":
        """`2 B` halves; a half keeps what was proven of the whole, and only rows below the goal are bounded anew."""
        vertices = bisect(self.vertices, self.edges)
        twice = np.tile(np.arange(len(self.volume)), 2)
        order = self.rows.argsort(axis=1, kind="stable")
        open_rows = np.maximum((self.rows <= goal).sum(axis=1), 1)
        place = np.arange(open_rows.max())
        picked = np.take_along_axis(order, np.where(place < open_rows[:, None], place, 0), axis=1)
        found = bounds(vertices, picked[twice])
        rows, real = np.maximum(found.margins, self.rows[twice]), np.maximum(found.real, self.real_rows[twice])
        return NetworkPieces(vertices, rows, real, self.volume[twice] / 2.0, _edges(vertices, found.scores))

    def take(self, index: np.ndarray) -> "NetworkPieces":
        """The sub-simplices `index`."""
        return NetworkPieces(*(part[index] for part in self))

    def join(self, other: "NetworkPieces") -> "NetworkPieces":
        """These, then the other ones."""
        return NetworkPieces(*(np.concatenate(pair) for pair in zip(self, other, strict=True)))


def _edges(vertices: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """`[B, 2]`: the edge along which what loosens the bound changes most; half of the length counts too."""
    lengths = np.linalg.norm(vertices[:, :, None] - vertices[:, None], axis=-1)
    scores = np.nan_to_num(scores, posinf=0.0)
    largest = scores.max(axis=(1, 2), keepdims=True) + np.finfo(np.float64).tiny
    worth = scores / largest + 0.5 * lengths / lengths.max(axis=(1, 2), keepdims=True).clip(np.finfo(np.float64).tiny)
    worth[:, np.tri(vertices.shape[1], dtype=bool)] = -1.0
    best = worth.reshape(len(worth), -1).argmax(axis=1)
    return np.stack(np.unravel_index(best, worth.shape[1:]), axis=1)
