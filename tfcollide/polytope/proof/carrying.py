"""A proof of a hull that is handed on: what `check_proof` needs to derive every bound again, without this package.

The tree is that of the prover's bisections. At each leaf the checker itself says what
follows there, so that nothing is written which it would reject; a leaf where its bounds are looser
than the prover's is halved further. Units of layers that are cheap to bound from behind are, with bounds
rounded outward to float32; those of other layers follow from the way forward, and need no claim.
"""

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from tfcollide.files.atomic import write_npz
from tfcollide.models.classifier import Classifier
from tfcollide.models.dense_chain import Unreadable
from tfcollide.models.layer_list import PlainLayer, layers_of
from tfcollide.numerals import floored
from tfcollide.polytope.proof.check_proof import FORMAT, Leaf, Rejected, Theorem, theorem_of
from tfcollide.polytope.proof.engine import Splits
from tfcollide.records import Certificate
from tfcollide.runtime.progress import progress

__all__ = ["PROOF_FILE", "Carried", "carry_proof", "proof_claim"]

PROOF_FILE = "proof.npz"
"""In a run's directory."""

_ROOM = 0.9  # of the prover's margin; a leaf that keeps so much is not halved
_PRODUCTS = 2**27  # in bounding the units of a layer from behind, per leaf
_SPARE = 2.0**-20  # of what is claimed, as another machine sums in another order
_MORE = 4  # times as many leaves as the prover had, at most


class Carried(NamedTuple):
    """A proof that the checker accepts.

    Attributes:
        arrays: content of the file.
        margin: proven, at least 0.9 of the prover's.
        leaves: sub-simplices.
    """

    arrays: Mapping[str, np.ndarray]
    margin: float
    leaves: int

    def write(self, path: Path) -> None:
        """Writes the file whole."""
        write_npz(path, self.arrays, compressed=True)


def proof_claim(classifier: Classifier, target: int, arithmetic: str) -> tuple[dict, dict[str, np.ndarray]] | Unreadable:
    """What is claimed of a classifier, and the arrays of its network; or why it cannot be handed on.

    Args:
        classifier: the network.
        target: the code of the class or labels.
        arithmetic: "float32" or "real".
    """
    layers = layers_of(classifier)
    if isinstance(layers, Unreadable):
        return layers
    reading, binary = classifier.reading, classifier.outputs == "binary"
    signs = [1 if target else -1] if binary else [int(sign) for sign in reading.signs(target)]
    claim = {
        "format": FORMAT,
        "arithmetic": arithmetic,
        "signs": signs,
        "several": binary or reading.several,
        "layers": [layer.settings for layer in layers],
    }
    arrays = {f"{name}_{k}": getattr(layer, name) for k, layer in enumerate(layers) for name in ("weight", "bias")}
    return claim, {name: array for name, array in arrays.items() if array is not None}


def carry_proof(
    classifier: Classifier, corners: np.ndarray, target: int, certificate: Certificate, splits: Splits
) -> Carried | Unreadable:
    """The proof behind a certificate, to be handed on; or why it cannot be.

    Args:
        classifier: the network.
        corners: `[N, H, W, C]` float32.
        target: the code of the class or labels.
        certificate: what was proven; "certified".
        splits: of the prover.
    """
    read = proof_claim(classifier, target, certificate.arithmetic)
    if isinstance(read, Unreadable):
        return read
    claim, arrays = read[0], {**read[1], "corners": corners}
    layers = layers_of(classifier)
    if isinstance(layers, Unreadable):
        return layers
    try:
        walk = _Walk(theorem_of(claim, arrays), _cheap(layers, corners[0].size), certificate.margin * _ROOM)
        with threadpool_limits(1):  # products are small, and threads would wait for one another
            tree, leaves = _grown(walk, splits, len(corners))
    except Rejected as reason:
        return Unreadable(f"the proof does not pass its own check: {reason}")
    margins = np.array([leaf.margin for leaf in leaves])
    claim["margin"] = floored(float(margins.min()), 6)  # the checker prints it as it is
    carried = {f"{name}_{k}": np.stack([leaf.claims[k][i] for leaf in leaves]) for k in walk.cheap for i, name in _NAMES}
    arrays |= {"tree": np.array(tree, np.int16), "vertices": np.stack([leaf.vertices for leaf in leaves]), "margins": margins}
    return Carried({"claim": np.array(json.dumps(claim)), **arrays, **carried}, claim["margin"], len(leaves))


_NAMES = tuple(enumerate(("lower", "upper", "slope")))
_Claim = tuple[np.ndarray, np.ndarray, np.ndarray]


class _Grown(NamedTuple):
    """A leaf: its vertices, what is claimed of each ReLU, and the margin that follows."""

    vertices: np.ndarray
    claims: dict[int, _Claim]
    margin: float


class _Walk:
    """Asks the checker what follows at a leaf.

    Args:
        theorem: of the proof.
        cheap: the ReLUs whose units are bounded from behind.
        goal: the margin that is enough.
    """

    def __init__(self, theorem: Theorem, cheap: tuple[int, ...], goal: float):
        self._theorem, self.cheap, self.goal = theorem, cheap, goal

    def __call__(self, vertices: np.ndarray) -> _Grown:
        """The leaf with these vertices."""
        claims: dict[int, _Claim] = {}

        def claimed(leaf: Leaf, k: int, low: np.ndarray, high: np.ndarray) -> _Claim | None:
            if k in self.cheap:
                claims[k] = _from_behind(leaf.behind, low.ravel(), high.ravel(), low.shape)
            return claims.get(k)

        leaf = Leaf(self._theorem, vertices)
        found = float(leaf.walk(claimed).min())
        spare = _SPARE * (self.goal + _SPARE * float(np.abs(leaf.values).max()))
        return _Grown(vertices, claims, found - spare)


def _grown(walk: _Walk, splits: Splits, count: int) -> tuple[list[tuple[int, int]], list[_Grown]]:
    """The tree in preorder, and its leaves."""
    waiting, tree, leaves, most = [np.eye(count)], [], [], _MORE * (len(splits) + 16)
    with progress(desc="proof", unit=" parts", delay=1.0) as bar:
        while waiting:
            here = waiting.pop()
            edge = splits.edge(here)
            if edge is None:
                leaf = walk(here)
                bar.update()
                if leaf.margin >= walk.goal:
                    leaves.append(leaf)
                    tree.append((-1, -1))
                    continue
                edge = _longest(here)
            if len(tree) > 2 * most or (np.ldexp(here, 50) % 1.0).any() or count == 1:
                raise Rejected(f"after {len(leaves)} parts a margin of {walk.goal:g} still does not follow")
            tree.append(edge)
            middle = (here[edge[0]] + here[edge[1]]) / 2.0
            for corner in (edge[1], edge[0]):
                half = here.copy()
                half[corner] = middle
                waiting.append(half)
    return tree, leaves


def _longest(vertices: np.ndarray) -> tuple[int, int]:
    lengths = np.triu(np.linalg.norm(vertices[:, None] - vertices, axis=-1))
    i, j = np.unravel_index(lengths.argmax(), lengths.shape)
    return int(i), int(j)


def _from_behind(
    behind: Callable[[np.ndarray], np.ndarray], low: np.ndarray, high: np.ndarray, shape: tuple[int, ...]
) -> _Claim:
    """Bounds of the units that may switch, rounded outward, and which lower line each takes."""
    mixed = np.flatnonzero((low < 0.0) & (high > 0.0))
    lower, upper = np.full(low.size, -np.inf, np.float32), np.full(low.size, np.inf, np.float32)
    for units in (mixed[i : i + 256] for i in range(0, len(mixed), 256)):
        rows = np.zeros([len(units), low.size])
        rows[np.arange(len(units)), units] = 1.0
        least, most = behind(rows.reshape(-1, *shape)), -behind(-rows.reshape(-1, *shape))
        spare = _SPARE * (most - least)
        lower[units] = np.nextafter(np.float32(least - spare), np.float32(-np.inf))
        upper[units] = np.nextafter(np.float32(most + spare), np.float32(np.inf))
    slope = np.minimum(high, upper) > -np.maximum(low, lower)
    return lower, upper, slope.astype(np.float32)


def _cheap(layers: tuple[PlainLayer, ...], read: int) -> tuple[int, ...]:
    """The ReLUs whose units are bounded from behind: those behind another step that bends, for as long as that is little work.

    Args:
        layers: of the network.
        read: how many values the first one reads.
    """
    found, products, bent = [], 0, False
    for k, layer in enumerate(layers):
        gives = math.prod(layer.shape)
        if layer.kind == "relu" and bent and 2 * gives * products <= _PRODUCTS:
            found.append(k)
        bent = bent or layer.kind in ("relu", "maxpool")
        if bent:
            products += read if layer.weight is None else gives * math.prod(layer.weight.shape[:-1])
        read = gives
    return tuple(found)
