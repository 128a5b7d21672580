"""The simplex of convex weights in pieces, each with what is proven of it."""

import itertools
from typing import NamedTuple

import numpy as np

from tfcollide.polytope.hull.simplex import bisect
from tfcollide.polytope.proof.relaxation import Hull, UnitBounds, forward, lower_margins, unit_bounds

__all__ = ["Pieces"]


class Pieces(NamedTuple):
    """B sub-simplices.

    Attributes:
        vertices: `[B, N, N]` convex weights.
        bounds: of the units.
        margin: `[B]`, proven.
        real: `[B]`, proven of a network that computes in real numbers.
        volume: `[B]`, as a share of the whole.
        edges: `[B, 2]`, the vertices between which to split.
    """

    vertices: np.ndarray
    bounds: UnitBounds
    margin: np.ndarray
    real: np.ndarray
    volume: np.ndarray
    edges: np.ndarray

    @property
    def divisible(self) -> np.ndarray:
        """`[B]` bool: not a point, and the midpoint of any edge is a multiple of 2^-50, so that halves fit exactly."""
        exact = (np.ldexp(self.vertices, 49) % 1.0 == 0.0).all(axis=(1, 2))
        return exact & (self.vertices.shape[1] > 1)

    @staticmethod
    def whole(hull: Hull) -> "Pieces":
        """The simplex itself."""
        vertices = np.eye(len(hull.pre_activation))[None]
        bounds = unit_bounds(hull, vertices)
        found = lower_margins(hull, vertices, bounds)
        return Pieces(vertices, bounds, found.margin, found.real, np.ones(1), _edges(hull, vertices, found.gaps))

    def split(self, hull: Hull) -> "Pieces":
        """`2 B` halves; a half keeps what was proven of the whole."""
        vertices = bisect(self.vertices, self.edges)
        twice = np.tile(np.arange(len(self.margin)), 2)
        bounds = unit_bounds(hull, vertices, self.bounds.take(twice))
        found = lower_margins(hull, vertices, bounds)
        margin, real = np.maximum(found.margin, self.margin[twice]), np.maximum(found.real, self.real[twice])
        return Pieces(vertices, bounds, margin, real, self.volume[twice] / 2.0, _edges(hull, vertices, found.gaps))

    def take(self, index: np.ndarray) -> "Pieces":
        """The sub-simplices `index`."""
        kept = {name: getattr(self, name)[index] for name in self._fields if name != "bounds"}
        return Pieces(bounds=self.bounds.take(index), **kept)

    def join(self, other: "Pieces") -> "Pieces":
        """These, then the other ones."""
        pairs = {name: np.concatenate([getattr(self, name), getattr(other, name)]) for name in self._fields if name != "bounds"}
        return Pieces(bounds=UnitBounds.join([self.bounds, other.bounds]), **pairs)


def _edges(hull: Hull, vertices: np.ndarray, gaps: list[np.ndarray]) -> np.ndarray:
    """`[B, 2]`: the edge along which the units that loosen the bound change most.

    Changes are those of the network's linear part at the centroid: differences
    between vertices would overlook a unit that peaks between them. Half of the
    length counts too, so that no sub-simplex becomes a needle.
    """
    pairs = np.array(list(itertools.combinations(range(vertices.shape[1]), 2)), int).reshape(-1, 2)
    if not len(pairs):
        return np.zeros([len(vertices), 2], int)
    scores = np.zeros([len(vertices), len(pairs)])
    along = vertices @ hull.pre_activation
    for k, (gap, center) in enumerate(zip(gaps, forward(hull, vertices.mean(axis=1)), strict=False)):
        scores += np.stack([np.einsum("bu,bu->b", gap, np.abs(along[:, p] - along[:, q])) for p, q in pairs], axis=1)
        along = (along * (center > 0)[:, None] if hull.stages[k].relu else along) @ hull.stages[k + 1].weight.T
    lengths = np.linalg.norm(vertices[:, pairs[:, 0]] - vertices[:, pairs[:, 1]], axis=-1)
    scores /= scores.max(axis=1, keepdims=True) + np.finfo(np.float64).tiny
    return pairs[(scores + 0.5 * lengths / lengths.max(axis=1, keepdims=True)).argmax(axis=1)]
