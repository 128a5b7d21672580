"""What bounds margins over sub-simplices of a hull: one way for chains of dense layers, one for any other network."""

from typing import Any, Literal, Protocol, TypeVar

import numpy as np

from tfcollide.models.dense_chain import DenseChain
from tfcollide.models.reading import Reading
from tfcollide.polytope.hull.simplex import bisect
from tfcollide.polytope.proof.counterexample import Landscape
from tfcollide.polytope.proof.pieces import Pieces
from tfcollide.polytope.proof.relaxation import Hull, forward, lower_margins, prepare, unit_bounds
from tfcollide.records import ProvenParts

__all__ = ["AnyPieces", "DenseEngine", "Engine", "Splits"]

P = TypeVar("P", bound="AnyPieces")


class AnyPieces(Protocol):
    """B sub-simplices; see `pieces` and `network_pieces`."""

    @property
    def vertices(self) -> np.ndarray:
        """`[B, N, N]` convex weights."""

    @property
    def margin(self) -> np.ndarray:
        """`[B]`, proven."""

    @property
    def real(self) -> np.ndarray:
        """`[B]`, proven in real arithmetic."""

    @property
    def volume(self) -> np.ndarray:
        """`[B]`, as a share of the whole."""

    @property
    def edges(self) -> np.ndarray:
        """`[B, 2]`, the vertices between which to split."""

    @property
    def divisible(self) -> np.ndarray:
        """`[B]` bool, whether halves can be told exactly."""

    def take(self: P, index: np.ndarray) -> P:
        """The sub-simplices `index`."""

    def join(self: P, other: P) -> P:
        """These, then the other ones."""


class Splits:
    """Which edge a prover halved each sub-simplex at, and what it proved of those that it did not halve."""

    def __init__(self) -> None:
        self._edges: dict[bytes, tuple[int, int]] = {}
        self._margins: dict[bytes, float] = {}

    def __len__(self) -> int:
        return len(self._edges)

    def add(self, pieces: AnyPieces) -> None:
        """Notes sub-simplices that are halved."""
        for one, edge in zip(pieces.vertices, pieces.edges.tolist(), strict=True):
            self._edges[one.tobytes()] = (min(edge), max(edge))

    def end(self, pieces: AnyPieces) -> None:
        """Notes sub-simplices that are not halved."""
        for one, margin in zip(pieces.vertices, pieces.margin.tolist(), strict=True):
            self._margins[one.tobytes()] = margin

    def edge(self, vertices: np.ndarray) -> tuple[int, int] | None:
        """Where `[N, N]` was halved; None where it was not."""
        return self._edges.get(vertices.tobytes())

    def parts(self, corners: int) -> ProvenParts | None:
        """What is proven of which part of a hull of so many corners; None where nothing is."""
        waiting, tree, margins = [np.eye(corners)], [], []
        while waiting:
            here = waiting.pop()
            edge = self.edge(here)
            tree.append(edge or (-1, -1))
            if edge is None:
                margins.append(self._margins[here.tobytes()])
            else:
                first, second = bisect(here[None], np.array([edge]))
                waiting += [second, first]
        down = np.nextafter(np.array(margins, np.float32), np.float32(-np.inf))
        return ProvenParts(np.array(tree, np.int16), down) if down.max() > 0 else None


class Engine(Protocol):
    """Bounds sub-simplices of one hull.

    Attributes:
        batch: so many sub-simplices are bounded at once, at most.
        share: of the usual work that one sub-simplex of this network leaves room for, at most 1.
        boxes: so many may be bounded in all.
        finite: whether anything can be bounded.
        arithmetic: whose rounding is covered.
        landscape: for the search for counterexamples.
    """

    batch: int
    share: float
    boxes: int
    finite: bool
    arithmetic: Literal["float32", "real"]

    @property
    def landscape(self) -> Landscape:
        """As above."""

    def whole(self) -> Any:
        """The simplex itself, as `AnyPieces`."""

    def split(self, pieces: Any, goal: float) -> Any:
        """Halves of `pieces`, of which margins up to `goal` matter."""

    def alone(self, weights: np.ndarray) -> float:
        """The margin proven of one mixture `[N]`: where nothing but rounding is loose."""


class DenseEngine:
    """The engine of a chain: see `relaxation`."""

    batch = 64
    share = 1.0
    arithmetic: Literal["float32", "real"] = "float32"

    def __init__(self, chain: DenseChain, corners: np.ndarray, target: int, reading: Reading, max_boxes: int):
        self._hull = prepare(chain, corners, target, reading)
        self.boxes, self.finite = max_boxes, self._hull.finite
        # Float32 may fail where float64 does not; by how much is a guess that only decides what to try.
        reach = 1e-4 * max(np.abs(self._hull.pre_activation).max(), 1.0)
        self.landscape = Landscape(lambda weights: _margins(self._hull, weights), reach)

    def whole(self) -> Pieces:
        """The simplex itself."""
        return Pieces.whole(self._hull)

    def split(self, pieces: Pieces, goal: float) -> Pieces:
        """Halves of `pieces`."""
        return pieces.split(self._hull)

    def alone(self, weights: np.ndarray) -> float:
        """The margin proven of one mixture `[N]`."""
        point = np.tile(weights, [1, len(weights), 1])
        return float(lower_margins(self._hull, point, unit_bounds(self._hull, point)).margin[0])


def _margins(hull: Hull, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Float64 margins `[P]` at `weights` `[P, N]`, and their gradients `[P, N]`."""
    values = forward(hull, weights)
    margins = values[-1] @ hull.margin_rows.T
    against = margins.argmin(axis=1)
    slopes = hull.margin_rows[against]
    for k in range(len(hull.stages) - 1, 0, -1):
        slopes = slopes @ hull.stages[k].weight
        slopes = slopes * (values[k - 1] > 0) if hull.stages[k - 1].relu else slopes
    return margins[np.arange(len(margins)), against], slopes @ hull.pre_activation.T
