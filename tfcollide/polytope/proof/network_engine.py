"""The engine of proofs for networks that are no chain of matrices: convolutions, max-pools, branches.

Whose rounding is covered is tried out at the first corner, where nothing is loose: float32
in the network and in the bound, where TensorFlow computes on CPUs; else the bound in
float64; and where float32 alone eats up the margin, the network in real numbers. Where
that leaves nothing either, no part of the hull can be bounded, however small. Of a network
that is so deep that this holds at any image this is found out once, at the image of zeros.
"""

import functools
import os
import platform
from collections.abc import Callable
from typing import Literal

import numpy as np
import tensorflow as tf

from tfcollide.models.reading import Reading
from tfcollide.polytope.proof.counterexample import Landscape
from tfcollide.polytope.proof.hull_bounds import HullBounds, Itself
from tfcollide.polytope.proof.network_pieces import NetworkPieces
from tfcollide.polytope.proof.reading_network import Network
from tfcollide.polytope.proof.spread import Arithmetic
from tfcollide.polytope.proof.steps import Linear

__all__ = ["NetworkEngine"]

_ENTRIES = 2**24  # of the largest temporary array
_PRODUCTS = 2**26  # in bounding one sub-simplex of a network that may take all boxes
_MOST_DOUBLE = 2**30  # beyond so many, float64 takes minutes a sub-simplex on CPUs
_ARITHMETICS = (Arithmetic(True, False), Arithmetic(True, True), Arithmetic(False, True))
_HOPELESS = 30.0  # times a logit at the image of zeros: networks of which anything is proven lose less than its half there
_FAIR = 0.9  # of the margin at a corner; as much is enough to be content with a bound in float32
Word = Literal["float32", "real"]


class NetworkEngine:
    """Bounds sub-simplices by `hull_bounds`.

    Args:
        network: the steps.
        corners: `[N, H, W, C]` float32, finite.
        target: the code of the class or labels whose margin counts.
        reading: how logits are read.
        max_boxes: of a network of four million products an image and ten classes; of a larger one fewer, so that the
            work is the same.

    Attributes:
        batch: see `engine.Engine`, as the others.
        share: likewise.
        boxes: likewise.
        finite: likewise.
        arithmetic: likewise.
        landscape: likewise.
    """

    def __init__(self, network: Network, corners: np.ndarray, target: int, reading: Reading, max_boxes: int):
        rows = reading.margin_rows(target)
        self._rows, self._count = len(rows), len(corners)
        sizes = [int(np.prod(shape)) for shape in (network.shape, *(node.shape for node in network.nodes))]
        self.batch = int(np.clip(_ENTRIES // (max(sizes) * (len(corners) + min(len(rows), 16))), 2, 64))
        linear = [(int(np.prod(node.shape)), node.step) for node in network.nodes if isinstance(node.step, Linear)]
        products = sum(size * (1 if step.entrywise else step.roundings) for size, step in linear)
        passes = len(corners) + 2 + len(rows)
        self.share = min(1.0, _PRODUCTS / max(products * passes, 1))
        self.boxes = max(1, int(max_boxes * self.share))
        self._network, self._corners, self._margin_rows = network, corners, rows
        self._bounds, self.arithmetic, self.finite = self._chosen(network, corners, rows, products)

    @functools.cached_property
    def landscape(self) -> Landscape:
        """See `engine.Engine`; not made where nothing can be bounded."""
        return _landscape(self._network, self._corners, self._margin_rows, self.batch)

    def whole(self) -> NetworkPieces:
        """The simplex itself."""
        return NetworkPieces.whole(self._bounds, self._count, self._rows)

    def split(self, pieces: NetworkPieces, goal: float) -> NetworkPieces:
        """Halves of `pieces`; rows beyond the goal are not bounded again."""
        return pieces.split(self._bounds, goal)

    def alone(self, weights: np.ndarray) -> float:
        """The margin proven of one mixture `[N]`."""
        point = np.tile(weights, [1, self._count, 1])
        return float(self._bounds(point, np.arange(self._rows)[None]).margins.min())

    def _chosen(self, network: Network, corners: np.ndarray, rows: np.ndarray, products: int) -> tuple[HullBounds, Word, bool]:
        """The first arithmetic that leaves a fair part of the margin at the first corner; and whether one leaves any."""
        images, against = tf.constant(corners[:1], tf.float32), tf.constant(network.rows(rows).T, tf.float32)
        goal = float(_margins(network, images, against)[0])
        tried = [one for one in _ARITHMETICS if one.double or _plain_float32()]
        if products > _MOST_DOUBLE and not tf.config.list_logical_devices("GPU"):
            tried = tried[:1]
        if goal > 0 and self.share < 1.0 and _too_deep(Itself(network), tried[-1]):
            return HullBounds(network, corners, rows, tried[-1]), "float32" if tried[-1].network else "real", False
        row = 0
        for arithmetic in tried:
            alone = HullBounds(network, corners[:1], rows, arithmetic)
            if arithmetic is tried[0]:  # the way forward says which row is the worst
                row = int(alone.once(np.ones([1, 1, 1]), np.zeros([1, 1], int)).margins.argmin())
            found = float(alone.once(np.ones([1, 1, 1]), np.full([1, 1], row)).margins[0, row])
            left = goal <= 0 or found > 0.0  # a corner of another class is for the search
            if goal <= 0 or found > (_FAIR * goal if arithmetic is not tried[-1] and not arithmetic.double else 0.0):
                break
        return HullBounds(network, corners, rows, arithmetic), "float32" if arithmetic.network else "real", left


@functools.lru_cache(maxsize=8)
def _too_deep(network: Itself, arithmetic: Arithmetic) -> bool:
    """Whether rounding alone costs many times the largest logit at the image of zeros, where nothing else is loose.

    What rounding costs grows with the values as they do, so that it is about as many times a logit at any image.
    """
    black = np.zeros([1, *network.value.shape], np.float32)
    logits = _outputs(network.value, tf.constant(black)).numpy()[0]
    largest = int(np.abs(logits).argmax())
    row = np.zeros([1, network.value.after_zero + len(logits)])
    row[0, network.value.after_zero + largest] = np.sign(logits[largest])
    found = HullBounds(network.value, black, row, arithmetic).once(np.ones([1, 1, 1]), np.zeros([1, 1], int))
    return bool(found.margins[0, 0] < -_HOPELESS * abs(logits[largest]))


def _plain_float32() -> bool:
    """Whether this machine sums float32 products as they are: on x86 CPUs, unless oneDNN was told to use fewer bits.

    Elsewhere its convolutions may be Winograd's.
    """
    names = ("ONEDNN_DEFAULT_FPMATH_MODE", "DNNL_DEFAULT_FPMATH_MODE", "TF_SET_ONEDNN_FPMATH_MODE")
    strict = all(os.environ.get(name, "").upper() in ("", "STRICT") for name in names)
    return strict and platform.machine().lower() in ("x86_64", "amd64") and not tf.config.list_logical_devices("GPU")


def _landscape(network: Network, corners: np.ndarray, rows: np.ndarray, batch: int) -> Landscape:
    """Margins by a plain forward pass in float32, and their gradients."""
    images = tf.constant(corners.reshape(len(corners), -1), tf.float32)
    against = tf.constant(network.rows(rows).T, tf.float32)
    look = _look(Itself(network), *against.shape)

    def margins(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        chunks = (tf.constant(weights[i : i + 4 * batch], tf.float32) for i in range(0, len(weights), 4 * batch))
        parts = [look(some, images, against) for some in chunks]
        found, slopes = (np.concatenate([part[k].numpy() for part in parts]).astype(np.float64) for k in (0, 1))
        return found, slopes

    return Landscape(margins, 1e-4 * max(1.0, float(np.abs(margins(np.eye(len(corners)))[0]).max())))


@functools.lru_cache(maxsize=8)
def _look(network: Itself, logits: int, rows: int) -> Callable[..., tuple[tf.Tensor, tf.Tensor]]:
    """Weights, corners `[N, D]` and margin rows `[L, R]` -> margins and their gradients; compiled once for all hulls."""
    specs = [tf.TensorSpec(shape, tf.float32) for shape in ([None, None], [None, None], [logits, rows])]

    @tf.function(input_signature=specs, autograph=False)
    def look(weights: tf.Tensor, images: tf.Tensor, against: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(weights)
            margins = _margins(network.value, tf.reshape(weights @ images, [-1, *network.value.shape]), against)
        return margins, tape.gradient(margins, weights)

    return look


def _margins(network: Network, images: tf.Tensor, against: tf.Tensor) -> tf.Tensor:
    """`[n]` by a plain forward pass."""
    return tf.reduce_min(_outputs(network, images) @ against, axis=1)


def _outputs(network: Network, images: tf.Tensor) -> tf.Tensor:
    """`[n, L]` by a plain forward pass."""
    values = {network.source: tf.reshape(images, [-1, *network.shape])}
    for node in network.nodes:
        values[node.writes] = _plainly(node.step, [values[number] for number in node.reads])
    return tf.reshape(values[network.result], [-1, network.logits])


def _plainly(step: object, values: list[tf.Tensor]) -> tf.Tensor:
    """What a step gives."""
    if not isinstance(step, Linear):
        return step(values[0])  # type: ignore[operator]
    found = step.apply(values, False)
    return found if step.bias is None else found + tf.constant(step.bias, found.dtype)
