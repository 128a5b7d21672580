"""The affine function of the image that a tap's pre-activation is: a fold over the calls of the graph.

Weights are read, never probed through float32. The fold goes from the tap down to the
image, so that a dense matrix has one row for each unit; convolutions stay sparse until
they meet a dense layer, or the image.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import keras
import numpy as np
from scipy import sparse

from tfcollide.errors import RequestError
from tfcollide.models.affine_call import AffineCall, Matrix, NotAffine, as_array
from tfcollide.models.affine_reading import Step, is_affine, kind_of, obstacle, read_step, rounded_input, steps_between
from tfcollide.models.classifier import Classifier
from tfcollide.models.graph import Call, calls_between
from tfcollide.models.rectifier import Rectifier

__all__ = ["AffineMap", "affine_map", "affine_tap", "check_reading", "composed"]

_PRECISIONS = ("float32", "float64")
_MAX_ENTRIES = 2**25
"""Of a dense matrix, 256 MiB; the map has two of them."""


@dataclasses.dataclass(frozen=True, eq=False)
class AffineMap:
    """x -> x weights + bias, for images `[D]` flattened in row-major order, D = H W C.

    Attributes:
        weights: `[D, U]` float64.
        bias: `[U]` float64.
        magnitude: `[D, U]` float64, the same chain of layers with every weight
            replaced by its absolute value; equal to |weights| for a single layer.
        magnitude_bias: `[U]` float64, likewise.
        roundings: how many float32 roundings a term of the sum passes through at
            most, in any order of summation. With gamma = n u / (1 - n u), u = 2^-24
            and n = roundings, the float32 network is within
            gamma (|x| magnitude + magnitude_bias) of this map (Higham, Accuracy and
            Stability of Numerical Algorithms, section 3.1).
    """

    weights: np.ndarray
    bias: np.ndarray
    magnitude: np.ndarray
    magnitude_bias: np.ndarray
    roundings: int

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Pre-activations `[..., U]` in float64 of `x` `[..., D]`."""
        return np.asarray(x, np.float64) @ self.weights + self.bias


def affine_map(classifier: Classifier, tap_name: str) -> AffineMap:
    """The affine function of the image that the pre-activation at a tap is.

    Args:
        classifier: the network.
        tap_name: a ReLU of it.

    Raises:
        RequestError: there is no such ReLU, a layer below it is not known to be affine or
            computes in another precision than float32 or float64, or the map is larger than
            2^25 entries and than the dense layers that it is made of.
    """
    way, pixels = _read_to(classifier, tap_name), math.prod(classifier.image_shape)
    return composed({classifier.graph.source: pixels}, way.steps, way.wanted, way.units, tap_name, limit=way.limit)


def affine_tap(classifier: Classifier) -> str:
    """The ReLU that is taken for exact collisions where none is named: the default one where affine, else the first that is.

    Where none is, the default one, of which `affine_map` says why.
    """
    first = classifier.default_tap
    for name in [first, *classifier.tap_names]:
        try:
            _read_to(classifier, name)
        except RequestError:
            continue
        return name
    return first


class _Way(NamedTuple):
    """What lies between the image and a tap.

    Attributes:
        steps: from the image on.
        wanted: the value that is the pre-activation.
        units: of the tap.
        limit: entries of a matrix, at most.
    """

    steps: list[Step]
    wanted: int
    units: int
    limit: int


def _read_to(classifier: Classifier, tap_name: str) -> _Way:
    """The way to a tap; raises what `affine_map` does, before anything is multiplied."""
    if tap_name not in classifier.tap_names:
        raise RequestError(f"--tap={tap_name}", f"a layer of {classifier.name}: {', '.join(classifier.tap_names)}")
    graph, place = classifier.graph, classifier.place(tap_name)
    if place.rectifier != Rectifier():
        raise _no_map(f"--tap={tap_name}, which is no plain max(x, 0)", "one that is")
    try:
        calls = calls_between(graph.calls, {graph.source}, {place.after})
    except RequestError as error:  # of a SavedModel the ReLUs alone are known
        received = f"--tap={tap_name}, which is no layer by itself in a Keras model that can be followed"
        raise _no_map(received, "a ReLU of a Keras model, as .keras files hold") from error
    _check_layers(calls, tap_name)
    _check(f"model {classifier.name}", rounded_input(graph))
    steps, wanted = steps_between(graph, place.before)
    pixels, units = math.prod(classifier.image_shape), math.prod(classifier.tap(tap_name).unit_shape)
    limit = max([_MAX_ENTRIES, *(math.prod(s.call.operation.kernel.shape) for s in steps if _is_dense(s.call))])
    if pixels * units > limit:
        raise _too_large(tap_name, pixels, units, limit)
    return _Way(steps, wanted, units, limit)


class _Paths(NamedTuple):
    """All paths from a value to the tap.

    Attributes:
        weights: `[U, n]`.
        magnitude: `[U, n]`, with the absolute value of each weight.
        roundings: of a term, at most.
    """

    weights: Matrix
    magnitude: Matrix
    roundings: int

    def below(self, weights: Matrix, roundings: int) -> "_Paths":
        """Those from what is multiplied by `weights` `[n, m]`."""
        return _Paths(_times(self.weights, weights), _times(self.magnitude, abs(weights)), self.roundings + roundings)

    def and_those(self, other: "_Paths") -> "_Paths":
        """The paths of both."""
        roundings = max(self.roundings, other.roundings)
        return _Paths(self.weights + other.weights, self.magnitude + other.magnitude, roundings)


def composed(
    ends: Mapping[int, int], steps: Sequence[Step], wanted: int, units: int, tap_name: str, *, limit: int = _MAX_ENTRIES
) -> AffineMap:
    """The steps put together, from the last to the first.

    Args:
        ends: the values that they begin with, by number, and the size of each; the map is of all, one after the other.
        steps: in order.
        wanted: the number of the value that the map gives.
        units: its size.
        tap_name: for messages.
        limit: entries of a dense matrix on the way, at most.

    Raises:
        RequestError: a step is not read as affine, or a matrix is too large.
    """
    identity = sparse.csr_array(sparse.eye_array(units))
    paths = {wanted: _Paths(identity, identity, 0)}
    bias, magnitude_bias = np.zeros(units), np.zeros(units)
    for step in reversed(steps):
        above, found = paths.pop(step.call.writes[0]), _read(step)
        bias = bias + _dot(above.weights, found.bias)
        magnitude_bias = magnitude_bias + _dot(above.magnitude, found.magnitude)
        for number, weights in zip(step.reads, found.weights, strict=True):
            if units * weights.shape[1] > limit and not (sparse.issparse(above.weights) and sparse.issparse(weights)):
                raise _too_large(tap_name, weights.shape[1], units, limit)
            part = above.below(weights, found.terms + found.extra)
            paths[number] = paths[number].and_those(part) if number in paths else part
    parts = [paths.get(number, _Paths(np.zeros([units, size]), np.zeros([units, size]), 0)) for number, size in ends.items()]
    weights, magnitude = (
        np.concatenate([as_array(part).T for part in matrices])
        for matrices in ([one.weights for one in parts], [one.magnitude for one in parts])
    )
    return AffineMap(weights, bias, magnitude, magnitude_bias, max(1, *(one.roundings for one in parts)))


def _times(one: Matrix, other: Matrix) -> Matrix:
    found = one @ other
    return found if sparse.issparse(found) else np.ascontiguousarray(found)


def _dot(weights: Matrix, values: np.ndarray) -> np.ndarray:
    return weights @ values if sparse.issparse(weights) else (weights * values).sum(axis=1)


def _read(step: Step) -> AffineCall:
    try:
        return read_step(step)
    except NotAffine as error:
        raise _refused(f"layer {step.call.name}", str(error)) from error


def _check_layers(calls: list[Call], tap_name: str) -> None:
    """Refuses what is not affine from the tap, the last of `calls`, down to the images, and what rounds otherwise."""
    for call in reversed(calls):
        if call is not calls[-1] and not is_affine(call):
            raise _no_map(
                f"--tap={tap_name}: layer {call.name} ({kind_of(call)}) lies between it and the image",
                "only layers that are affine in the image (Dense, Conv2D, AveragePooling2D, BatchNormalization, Rescaling,"
                " Add, those that reshape, pad and crop, Dropout)",
                "Take the first ReLU",
            )
        check_reading(call)


def check_reading(call: Call) -> None:
    """Raises `RequestError` where a call computes in another precision than its map speaks of."""
    _check(f"layer {call.name}", obstacle(call, precisions=_PRECISIONS))


def _check(name: str, reason: str | None) -> None:
    if reason is not None:
        raise _refused(name, reason)


def _refused(name: str, reason: str) -> RequestError:
    return _no_map(f"{name}, which {reason}", "a plain Keras layer in float32, whose rounding is bounded")


def _no_map(received: str, expected: str, other: str = "") -> RequestError:
    """There is no affine map; a descent needs none."""
    mend, in_python = (f"{other}, or {way}." for way in ("--solver=gradient", "find_corners"))
    if not other:
        mend, in_python = "Say --solver=gradient.", "Take find_corners."
    return RequestError(received, expected, mend, mend_in_python=in_python)


def _too_large(tap_name: str, values: int, units: int, limit: int) -> RequestError:
    return _no_map(
        f"--tap={tap_name}, a matrix of {values:,} x {units:,} numbers",
        f"{limit:,} numbers at most ({limit >> 17:,} MiB)",
        "Take a tap of fewer units",
    )


def _is_dense(call: Call) -> bool:
    return type(call.operation) is keras.layers.Dense
