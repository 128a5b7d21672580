"""Does every mixture of the corners get the target's class? Proof, counterexample, or the share proven.

The simplex of convex weights is split where the bounds of `relaxation` are too
loose, the loosest part first, along the edge on which the ReLUs that cause it
change most. The float64 margins at vertices and centroids say how far off a bound
is, and lead the search for a counterexample.

What is claimed, where `status` is "certified": for all convex weights as they are
saved (float32, not negative, their sum off one by no more than N 2^-23) the logits
that the float32 network gives for the mixture `hull.mix` differ by at least
`margin`, whatever the order of summation, with or without fused multiply-add,
and with or without subnormal numbers flushed to zero.

Outside the claim: TF32, bfloat16 and float16 arithmetic, quantised weights, fast
algorithms that add before they multiply (Winograd, Strassen, FFT), images that
are rounded to 8 bits, values that are not finite, and faults of the machine.
"""

import dataclasses
import itertools
import time
from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np

from tfcollide.models.dense_chain import DenseChain
from tfcollide.polytope.hull import mix
from tfcollide.polytope.relaxation import Hull, UnitBounds, forward, lower_margins, prepare, unit_bounds
from tfcollide.polytope.simplex import bisect, project, starts

__all__ = ["Certificate", "certify"]

_BATCH = 64  # sub-simplices bounded at once
_STARTS = 256


@dataclasses.dataclass(frozen=True)
class Certificate:
    """What is known of all mixtures.

    Attributes:
        status: "certified", "refuted" or "undecided".
        margin: target's logit minus the best other: the smallest one proven
            ("certified", "undecided"; -inf where nothing could be bounded), or the
            mixture's own, as the network computes it ("refuted").
        share_proven: of the simplex, by volume, where the margin is proven positive.
        mixture: N convex weights that break it ("refuted"), else None.
    """

    status: Literal["certified", "refuted", "undecided"]
    margin: float
    share_proven: float
    mixture: tuple[float, ...] | None = None


def certify(
    chain: DenseChain,
    corners: np.ndarray,
    target: int,
    logits: Callable[[np.ndarray], np.ndarray],
    *,
    max_boxes: int = 20_000,
    refine_boxes: int = 500,
    tightness: float = 0.9,
    max_seconds: float = 60.0,
    seed: int = 0,
) -> Certificate:
    """Proves or refutes that every mixture of `corners` gets the class `target`.

    Args:
        chain: the network, read by `read_chain`.
        corners: `[N, H, W, C]` float32, as saved.
        target: index of the class.
        logits: the network itself: images `[n, H, W, C]` float32 -> `[n, L]`.
        max_boxes: sub-simplices to bound at most.
        refine_boxes: so many may be spent on a larger proven margin, once it is positive.
        tightness: the share of the smallest margin found that is enough to prove.
        max_seconds: an emergency stop; what it leaves depends on the machine, unlike all else.
        seed: of the random mixtures tried first.
    """
    hull = prepare(chain, corners, target)
    if not (np.isfinite(corners).all() and hull.finite):
        return Certificate("undecided", -np.inf, 0.0)
    deadline = time.monotonic() + max_seconds
    search = _Search(hull, corners, target, logits)
    if broken := search.look(starts(np.random.default_rng(seed), len(corners), _STARTS)):
        return broken
    boxes, proof, used = _whole(hull), _Proof(np.inf, 0.0), 1
    while True:
        boxes, proof = _close(boxes, proof, max(tightness * search.smallest, 0.0))
        if not len(boxes.margin):
            return Certificate("certified", proof.margin, 1.0)
        enough = refine_boxes if boxes.margin.min() > 0 else max_boxes
        if used >= min(enough, max_boxes) or len(corners) == 1 or time.monotonic() > deadline:
            return _verdict(boxes, proof)
        order = np.argsort(boxes.margin, kind="stable")
        worst, rest = np.split(order, [max(1, min(_BATCH, max_boxes - used) // 2)])
        halves = _split(hull, _take(boxes, worst))
        used += len(halves.margin)
        if broken := search.look(np.concatenate([halves.vertices[:, 0], halves.vertices.mean(axis=1)])):
            return broken
        boxes = _join(_take(boxes, np.sort(rest)), halves)


class _Proof(NamedTuple):
    """What the closed sub-simplices prove: their smallest margin, and their volume."""

    margin: float
    volume: float


class _Boxes(NamedTuple):
    """Sub-simplices that are still open.

    Attributes:
        vertices: `[B, N, N]` convex weights.
        bounds: of the units.
        margin: `[B]` proven so far.
        volume: `[B]`, as a share of the whole.
        edges: `[B, 2]`, the vertices between which to split.
    """

    vertices: np.ndarray
    bounds: UnitBounds
    margin: np.ndarray
    volume: np.ndarray
    edges: np.ndarray


def _whole(hull: Hull) -> _Boxes:
    vertices = np.eye(len(hull.pre_activation))[None]
    bounds = unit_bounds(hull, vertices)
    margin, gaps = lower_margins(hull, vertices, bounds)
    return _Boxes(vertices, bounds, margin, np.ones(1), _edges(hull, vertices, gaps))


def _split(hull: Hull, boxes: _Boxes) -> _Boxes:
    vertices = bisect(boxes.vertices, boxes.edges)
    twice = np.tile(np.arange(len(boxes.margin)), 2)
    bounds = unit_bounds(hull, vertices, boxes.bounds.take(twice))
    margin, gaps = lower_margins(hull, vertices, bounds)
    margin = np.maximum(margin, boxes.margin[twice])
    return _Boxes(vertices, bounds, margin, boxes.volume[twice] / 2.0, _edges(hull, vertices, gaps))


def _edges(hull: Hull, vertices: np.ndarray, gaps: list[np.ndarray]) -> np.ndarray:
    """`[B, 2]`: the edge along which the units that loosen the bound change most, or else the longest."""
    pairs = np.array(list(itertools.combinations(range(vertices.shape[1]), 2)), int).reshape(-1, 2)
    if not len(pairs):
        return np.zeros([len(vertices), 2], int)
    values = forward(hull, vertices)
    scores = np.zeros([len(vertices), len(pairs)])
    for i, (p, q) in enumerate(pairs):
        scores[:, i] = 1e-12 * np.linalg.norm(vertices[:, p] - vertices[:, q], axis=1)
        for gap, z in zip(gaps, values, strict=False):
            scores[:, i] += np.einsum("bu,bu->b", gap, np.abs(z[:, p] - z[:, q]))
    return pairs[scores.argmax(axis=1)]


def _take(boxes: _Boxes, index: np.ndarray) -> _Boxes:
    taken = boxes.bounds.take(index)
    return _Boxes(boxes.vertices[index], taken, boxes.margin[index], boxes.volume[index], boxes.edges[index])


def _join(one: _Boxes, two: _Boxes) -> _Boxes:
    arrays = {
        name: np.concatenate([getattr(one, name), getattr(two, name)]) for name in ("vertices", "margin", "volume", "edges")
    }
    return _Boxes(bounds=UnitBounds.join([one.bounds, two.bounds]), **arrays)


def _close(boxes: _Boxes, proof: _Proof, goal: float) -> tuple[_Boxes, _Proof]:
    """Drops what is proven beyond the goal."""
    closed = boxes.margin > goal
    if not closed.any():
        return boxes, proof
    margin = min(proof.margin, float(boxes.margin[closed].min()))
    return _take(boxes, np.flatnonzero(~closed)), _Proof(margin, proof.volume + float(boxes.volume[closed].sum()))


def _verdict(boxes: _Boxes, proof: _Proof) -> Certificate:
    margin = min(proof.margin, float(boxes.margin.min()))
    if margin > 0:
        return Certificate("certified", margin, 1.0)
    return Certificate("undecided", margin, proof.volume + float(boxes.volume[boxes.margin > 0].sum()))


class _Search:
    """Looks for mixtures of small margin, in float64, and asks the network about those that may fail.

    Attributes:
        smallest: the smallest float64 margin met.
    """

    _DESCENTS, _STEPS = 8, 12

    def __init__(self, hull: Hull, corners: np.ndarray, target: int, logits: Callable[[np.ndarray], np.ndarray]):
        self._hull, self._corners, self._target, self._logits = hull, corners, target, logits
        self.smallest = np.inf

    def look(self, weights: np.ndarray) -> Certificate | None:
        """Tries mixtures `[P, N]`, and steps down from the lowest of them."""
        margins, _ = self._margins(weights)
        points, lowest = weights[margins.argsort(kind="stable")[: self._DESCENTS]], margins
        tried = [(weights, margins)]
        for step in range(self._STEPS):
            lowest, slopes = self._margins(points)
            tried.append((points, lowest))
            slopes = slopes - slopes.mean(axis=1, keepdims=True)
            length = np.linalg.norm(slopes, axis=1, keepdims=True)
            points = project(points - 0.5 * 0.6**step * slopes / np.where(length > 0, length, 1.0))
        weights, margins = (np.concatenate(column) for column in zip(*tried, strict=True))
        self.smallest = min(self.smallest, float(margins.min()))
        return self._judge(weights[margins.argsort(kind="stable")[:16]])

    def _margins(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Float64 margins `[P]` at `weights` `[P, N]`, and their gradients `[P, N]`."""
        hull = self._hull
        values = forward(hull, weights)
        margins = values[-1] @ hull.margin_rows.T
        against = margins.argmin(axis=1)
        slopes = hull.margin_rows[against]
        for k in range(len(hull.stages) - 1, 0, -1):
            slopes = slopes @ hull.stages[k].weight
            slopes = slopes * (values[k - 1] > 0) if hull.stages[k - 1].relu else slopes
        return margins[np.arange(len(margins)), against], slopes @ hull.pre_activation.T

    def _judge(self, weights: np.ndarray) -> Certificate | None:
        """A refutation, if the network itself gives one of these mixtures another class."""
        saved = weights.astype(np.float32)
        margins, _ = self._margins(saved.astype(np.float64))
        # Float32 may fail where float64 does not; by how much is a guess that only decides what to try.
        if margins.min() > 1e-4 * max(np.abs(self._hull.pre_activation).max(), 1.0):
            return None
        found = self._logits(mix(saved, self._corners)).astype(np.float64)
        wrong = np.flatnonzero(found.argmax(axis=1) != self._target)
        if not len(wrong):
            return None
        margins = found[wrong, self._target] - np.delete(found[wrong], self._target, axis=1).max(axis=1)
        worst = margins.argmin()
        return Certificate("refuted", float(margins[worst]), 0.0, tuple(saved[wrong[worst]].tolist()))
