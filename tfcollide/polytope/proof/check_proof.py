#!/usr/bin/env python3
"""Checks the proof that every mixture of some images is read as one class: `check_proof PROOF.npz`. Needs NumPy alone.

This file runs by itself; exit code 0: valid, 1: rejected, 2: unreadable. A proof holds a network (`claim`, `weight_K`,
`bias_K`), N images (`corners`), a tree of bisections of the simplex of convex weights (`tree`, `vertices`), and for each
sub-simplex at its leaves bounds of units (`lower_K`, `upper_K`), slopes (`slope_K`) and a margin.

What is proven. For all convex weights w, the margin (the target's logit less every other; of labels, each logit on the right
side of zero) is at least the claimed one. "real": in real numbers. "float32": as float32 computes it, sums in any order, fused
or not, subnormal numbers flushed or not, sum w off one by N 2^-23 at most, mixtures clipped to the range of the corners:
    a computed sum_j W_j x_j + b of n products is off by at most gamma(n + 1) (|W| |x| + |b|) + flush,
        gamma(n) = n u / (1 - n u), u = 2^-24: no term is rounded more often, in whatever order   (Higham 2002, 3.1)
        flush = 2^-124 (sum |W| + sum |x| + n + 1): 2^-126 for each number read, product or sum that is taken for zero
    a computed mixture is off by at most (N 2^-23 + (1 + N 2^-23) gamma(N)) sum_n w_n |corner_n| + 2^-120
    ReLU and max-pool round nothing; no sum may reach a fourth of float32's largest number
How. On a sub-simplex with vertices v a value is held as z(w) = sum_v w_v Z_v + e, |e| <= r. ReLUs lie between the lines
slope z and chord z + above on [l, u]; a max-pool is its leading unit and what may exceed that. A row c of units is
substituted backwards (slope where c > 0, chord where c < 0) down to the first step that is not affine, where
c z >= min_v c Z_v - |c| r. A claimed bound that the way forward does not give must come out of the way back.

Its own rounding, in float64 (u = 2^-53). Every number is a sum of at most n terms, n counted generously as the inputs,
outputs and weights of a step and 64 more, so that it is off by gamma(n) times the sum of the absolute values. Beside each
error of the network stands, therefore, `_own(n)` = 8 n u times that sum: forward of |W| |Z| + |b|; backward, where c W is
off by gamma(n) |c| |W| and meets |x| <= size, of |c| (|W| size + |b|). The factor 8 covers the rounding of these charges too.
"""

import functools
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

if __name__ == "__main__":  # products are small, and threads would wait for one another
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import numpy as np

__all__ = ["FORMAT", "Leaf", "Rejected", "Theorem", "main", "theorem_of", "verify"]

FORMAT = "hull proof 1"
_MOST = float(np.finfo(np.float32).max) / 4.0
Said = Mapping[str, Any]  # from JSON
_BOUNDS = ("lower", "upper", "slope")
Step = tuple[Callable[[np.ndarray], np.ndarray], np.ndarray, bool, np.ndarray]  # back, constant, of c < 0 alone?, loss
Claims = Callable[["Leaf", int, np.ndarray, np.ndarray], Sequence[np.ndarray] | None]


class Rejected(Exception):
    """The proof does not hold; says which check failed."""


def _gamma(n: int) -> float:
    return n * 2.0**-24 / (1.0 - n * 2.0**-24) * (1.0 + 2.0**-20)


def _own(n: int) -> float:
    return 8.0 * (n + 64) * 2.0**-53


class Theorem(NamedTuple):
    """What a proof speaks of; margins are combinations `rows` `[R, L]` of logits."""

    layers: list[dict[str, Any]]
    corners: np.ndarray
    rows: np.ndarray
    float32: bool


def theorem_of(claim: Said, arrays: Mapping[str, np.ndarray]) -> Theorem:
    """What a claim and its arrays speak of."""
    layers = [dict(layer) for layer in claim["layers"]]
    for k, layer in enumerate(layers):
        if layer["kind"] in ("dense", "conv"):
            layer |= {name: _double(arrays[f"{name}_{k}"], f"{name}_{k}") for name in ("weight", "bias")}
        if layer["kind"] == "dense":  # a convolution of one place
            layer |= {"weight": layer["weight"][None, None], "strides": (1, 1), "padding": ((0, 0), (0, 0))}
    if claim["format"] != FORMAT or claim["arithmetic"] not in ("float32", "real"):
        raise ValueError(f"{claim['format']!r} in {claim['arithmetic']!r}, where {FORMAT!r} in 'float32' or 'real' is known")
    rows = _rows(claim, len(layers[-1]["bias"]))
    return Theorem(layers, _double(arrays["corners"], "corners"), rows, claim["arithmetic"] == "float32")


def _double(array: np.ndarray, name: str) -> np.ndarray:
    if array.dtype != np.float32 or not array.size or not (np.abs(array) < _MOST).all():
        raise Rejected(f"{name} holds other than finite float32 numbers")
    return array.astype(np.float64)


def _rows(claim: Said, logits: int) -> np.ndarray:
    signs, several = np.array(claim["signs"], np.float64), claim["several"]
    if signs.shape != (logits,) or not (np.abs(signs) == 1.0).all() or not (several or (signs > 0.0).sum() == 1 < logits):
        raise Rejected(f"the signs are not those of one class (one is 1) or of labels, of {logits} logits")
    return np.diag(signs) if several else np.where(signs > 0.0, 1.0, np.diag(signs))[signs < 0.0]


class Leaf:
    """One sub-simplex with vertices `[N, N]`, convex weights one vertex a row, walked layer by layer.

    At any time `values` `[N, *shape]` are Z, `radius` is r, and no value of the network is larger than `size`.
    """

    def __init__(self, theorem: Theorem, vertices: np.ndarray):
        corners, count = theorem.corners, len(vertices)
        flat, self.theorem = corners.reshape(count, -1), theorem
        most = (vertices @ np.abs(flat)).max(axis=0).reshape(corners.shape[1:])
        off = count * 2.0**-23
        network = (off + _gamma(count) * (1.0 + off)) * most + 2.0**-120 * (most > 0) if theorem.float32 else 0.0
        self.values = (vertices @ flat).reshape(corners.shape)
        self.radius = network + _own(count) * most
        self.size, self._steps = most + self.radius, list[Step]()

    def walk(self, claims: Claims) -> np.ndarray:
        """`[R]`, what the margins are at least; `claims` gives (lower, upper, slope) of a ReLU, or None."""
        for k, layer in enumerate(self.theorem.layers):
            if not any(below for _, _, below, _ in self._steps):  # affine so far: the way back ends here
                self._base, self._steps = (self.values, self.radius), []
            passes: dict[str, Any] = {"relu": functools.partial(self._relu, claims), "maxpool": self._max_pool}
            passes.get(layer["kind"], self._linear)(k, layer)  # of a kind that it does not know there are no weights
        if self.size.size != self.theorem.rows.shape[1]:
            raise Rejected("the network does not end in one logit for each class")
        return self.behind(self.theorem.rows.reshape(-1, *self.size.shape))

    def behind(self, rows: np.ndarray) -> np.ndarray:
        """`[R]`, what rows `[R, *shape]` of the present values are at least, by the way back."""
        least = np.zeros(len(rows))
        for back, constant, below, loss in reversed(self._steps):
            flat = rows.reshape(len(rows), -1)
            least += (np.minimum(flat, 0.0) if below else flat) @ constant.ravel() - np.abs(flat) @ loss.ravel()
            rows = back(rows)
        flat, (values, radius) = rows.reshape(len(rows), -1), self._base
        radius = radius + _own(flat.shape[1]) * (np.abs(values).max(axis=0) + radius)
        return least + (flat @ values.reshape(len(values), -1).T).min(axis=1) - np.abs(flat) @ radius.ravel()

    def _linear(self, k: int, layer: Said) -> None:
        weight, bias, reads = layer["weight"], layer["bias"], self.size.shape
        shape = (1, 1, self.size.size) if layer["kind"] == "dense" else reads
        if len(shape) != 3 or weight.ndim != 4 or shape[2] != weight.shape[2] or bias.shape != weight.shape[3:]:
            raise Rejected(f"layer {k} does not fit the values that it reads")
        largest = np.abs(self.values).max(axis=0) + self.radius
        parts = np.stack([self.radius, np.minimum(self.size, largest), largest]).reshape(-1, *shape)
        radius, size, own = _convolved(parts, np.abs(weight), layer) + np.abs(bias) * np.array([0, 1, 1]).reshape(-1, 1, 1, 1)
        if not max(size.max(), own.max()) < _MOST:
            raise Rejected(f"layer {k} may overflow float32")
        terms = int(np.count_nonzero(self.size) if layer["kind"] == "dense" else np.prod(weight.shape[:3]))  # 0 w is exact
        flush = 2.0**-124 * (np.abs(weight).sum(axis=(0, 1, 2)) + self.size.sum() + terms + 1.0)
        network = _gamma(terms + 1) * size + flush if self.theorem.float32 else np.zeros_like(size)
        rounded = _own(self.size.size + size.size + weight.size)
        self.values = _convolved(self.values.reshape(-1, *shape), weight, layer) + bias
        self.radius = (radius + network + rounded * own) * (1.0 + rounded)
        self.size = size + network + rounded * size

        def back(c: np.ndarray) -> np.ndarray:
            parts = np.split(np.tensordot(c, weight.reshape(-1, weight.shape[3]).T, 1), len(weight) * weight.shape[1], axis=-1)
            return _scattered(parts, shape, weight.shape, layer).reshape(-1, *reads)

        self._steps.append((back, np.broadcast_to(bias, size.shape), False, network + rounded * size))

    def _relu(self, claims: Claims, k: int, _: Said) -> None:
        wide = self.radius + _own(0) * (np.abs(self.values).max(axis=0) + self.radius)
        low, high = self.values.min(axis=0) - wide, self.values.max(axis=0) + wide
        slope, found = (high > -low).astype(np.float64), claims(self, k, low, high)
        if found is not None:
            lower, upper, slope = (part.reshape(low.shape).astype(np.float64) for part in found)
            self._confirm(k, lower, upper, low, high)
            low, high = np.maximum(low, lower), np.minimum(high, upper)
            if not ((slope >= 0.0) & (slope <= 1.0) & (low <= high)).all():
                raise Rejected(f"a slope of ReLU {k} is not between 0 and 1, or a lower bound is above the upper one")
        active, mixed = low >= 0.0, (low < 0.0) & (high > 0.0)
        chord = np.where(mixed, high / np.where(mixed, high - low, 1.0), active)
        slope = np.where(mixed, slope, active)
        above = np.where(mixed, np.maximum(-chord * low, high - chord * high), 0.0)
        charge = np.where(mixed, _own(low.size) * (np.abs(low) + np.abs(high)), 0.0)
        self._steps.append((lambda c: np.maximum(c, 0.0) * slope + np.minimum(c, 0.0) * chord, above, True, charge))
        self.values = self.values * chord + above / 2.0  # between parallel lines: chord z, and `above` it
        own = _own(0) * (np.abs(self.values).max(axis=0) + self.radius) * mixed
        self.radius, self.size = chord * self.radius + above / 2.0 + charge + own, np.maximum(high, 0.0)

    def _confirm(self, k: int, lower: np.ndarray, upper: np.ndarray, low: np.ndarray, high: np.ndarray) -> None:
        """Claimed bounds that the way forward does not give, NaN too, must come out of the way back."""
        for sign, side, claimed, known in ((1.0, "lower", lower, low), (-1.0, "upper", -upper, -high)):
            beyond = np.flatnonzero(~(claimed <= known))
            for units in (beyond[i : i + 256] for i in range(0, len(beyond), 256)):
                rows = np.zeros([len(units), low.size])
                rows[np.arange(len(units)), units] = sign
                wrong = units[~(self.behind(rows.reshape(-1, *low.shape)) >= claimed.ravel()[units])]
                if len(wrong):
                    raise Rejected(f"the {side} bound of unit {wrong[0]} of ReLU {k} does not follow from the layers before")

    def _max_pool(self, k: int, layer: Said) -> None:
        pads = [(0, 0), *layer["padding"], (0, 0)]
        wide, shape = self.radius + _own(0) * (np.abs(self.values).max(axis=0) + self.radius), self.size.shape
        fills = (self.values, -np.inf), (wide[None], 0.0), ((self.values.min(axis=0) - wide)[None], -np.inf)
        members, wides, lows = (
            np.stack(_views(np.pad(part, pads, constant_values=fill), layer["size"], layer)) for part, fill in fills
        )
        lead = lows.argmax(axis=0)
        leading = np.take_along_axis(members, lead[None], axis=0)[0]
        leader = np.take_along_axis(wides, lead[None], axis=0)[0, 0]
        if not np.isfinite(leading).all():
            raise Rejected(f"a window of max-pool {k} lies outside of what it reads")
        gaps = (members - leading).max(axis=1) + wides[:, 0] + leader
        np.put_along_axis(gaps, lead, 0.0, axis=0)
        above = np.maximum(gaps.max(axis=0), 0.0)
        most = np.abs(leading).max(axis=0) + leader + above
        charge = _own(lead.size + len(members)) * most

        def back(c: np.ndarray) -> np.ndarray:
            parts = [np.where(lead[0] == place, c, 0.0) for place in range(len(members))]
            return _scattered(parts, shape, layer["size"], layer)

        self._steps.append((back, above, True, charge))
        self.values, self.radius, self.size = leading + above / 2.0, leader + above / 2.0 + charge, most + charge


def _views(values: np.ndarray, size: Sequence[int], layer: Said) -> list[np.ndarray]:
    """For each place of a window, what stands there in all windows of `values` `[n, H, W, C]`, which are padded."""
    rows, columns = ((n - s) // by * by + 1 for n, s, by in zip(values.shape[1:3], size[:2], layer["strides"], strict=True))
    places = ((i, j) for i in range(size[0]) for j in range(size[1]))
    return [values[:, i : i + rows : layer["strides"][0], j : j + columns : layer["strides"][1]] for i, j in places]


def _convolved(values: np.ndarray, kernel: np.ndarray, layer: Said) -> np.ndarray:
    views = _views(np.pad(values, [(0, 0), *layer["padding"], (0, 0)]), kernel.shape, layer)
    return np.tensordot(np.concatenate(views, axis=-1), kernel.reshape(-1, kernel.shape[3]), 1)


def _scattered(parts: list[np.ndarray], shape: Sequence[int], size: Sequence[int], layer: Said) -> np.ndarray:
    """The transpose of `_views` of padded values `[n, *shape]`."""
    (top, below), (left, right) = layer["padding"]
    full = np.zeros([len(parts[0]), top + shape[0] + below, left + shape[1] + right, shape[2]])
    for view, part in zip(_views(full, size, layer), parts, strict=True):
        view += part
    return full[:, top : top + shape[0], left : left + shape[1]]


def _replay(tree: np.ndarray, count: int) -> np.ndarray:
    """`[M, N, N]`, the leaves of bisections in preorder: (i, j) halves the edge between two vertices, (-1, -1) is a leaf."""
    waiting, leaves = [np.eye(count)], []
    for i, j in tree.tolist():
        if not waiting:
            raise Rejected("the tree goes on where the simplex is covered: a sub-simplex is there twice")
        here = waiting.pop()
        if (i, j) == (-1, -1):
            leaves.append(here)
            continue
        if not 0 <= i < j < count:
            raise Rejected(f"the tree halves an edge between vertices {i} and {j} of {count}")
        middle = (here[i] + here[j]) / 2.0
        if (np.ldexp(middle, 52) % 1.0).any():
            raise Rejected("the tree is so deep that weights are no longer exact")
        waiting += [here.copy(), here.copy()]
        waiting[-1][i], waiting[-2][j] = middle, middle
    if waiting:
        raise Rejected("the tree leaves a part of the simplex uncovered")
    return np.array(leaves)


def verify(arrays: Mapping[str, np.ndarray]) -> str:
    """What is proven, in words; raises `Rejected` where it is not."""
    claim = json.loads(str(arrays["claim"]))
    theorem, claimed, margin = theorem_of(claim, arrays), arrays["margins"], float(claim["margin"])
    leaves = _replay(arrays["tree"], len(theorem.corners))
    if not np.array_equal(leaves, arrays["vertices"]):
        raise Rejected("the vertices of the sub-simplices are not those of the tree")
    carried = [int(name[6:]) for name in arrays if name.startswith("lower_")]
    counts = {len(arrays[name]) for name in ["margins", *(f"{one}_{k}" for k in carried for one in _BOUNDS)]}
    if counts != {len(leaves)} or claimed.shape != (len(leaves),) or claimed.dtype != np.float64:  # or comparisons round
        raise Rejected("bounds or margins are of another number of sub-simplices, or no float64 numbers")
    if not 0.0 < margin <= claimed.min():
        raise Rejected("the claimed margin is not positive, or above that of a sub-simplex")
    for n, vertices in enumerate(leaves):
        given = {k: [arrays[f"{name}_{k}"][n] for name in _BOUNDS] for k in carried}
        found = float(Leaf(theorem, vertices).walk(lambda _, k, *__: given.get(k)).min())  # noqa: B023
        if not found >= claimed[n]:
            raise Rejected(f"sub-simplex {n} has a margin of {found:g}, not of {claimed[n]:g}")
    who = f"labels {claim['signs']}" if claim["several"] else f"class {claim['signs'].index(1)}"
    who += f", margin {margin} or more in {claim['arithmetic']} arithmetic"
    return f"every mixture of the {len(theorem.corners)} corners is read as {who}; parts of the hull: {len(leaves)}"


def main() -> int:
    """The program; returns its exit code."""
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print("\n\n".join((__doc__ or "").split("\n\n")[:2]))
        return 0 if sys.argv[1:] in (["-h"], ["--help"]) else 2
    try:
        with np.load(sys.argv[1], allow_pickle=False) as file:
            print(f"valid: {verify({name: file[name] for name in file.files})}")
    except Rejected as reason:
        print(f"rejected: {reason}")
        return 1
    except Exception as error:  # what a damaged file makes NumPy raise is any of many
        why = getattr(error, "strerror", None) or "not a proof, or not a whole one"
        print(f"bad input: {sys.argv[1]} ({why}): expected the proof.npz that --proof writes", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
