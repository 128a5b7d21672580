"""One call of a graph that is affine in the values that it reads, as matrices.

Values are flattened in row-major order. In float32, however a sum is ordered, each term
of what a call gives is rounded at most `terms + extra` times, so that the computed value
is off by at most gamma (sum |weights| |values| + magnitude), gamma as in
`polytope.proof.float_error`. That holds for convolutions that sum products, not for those by
Winograd's or Fourier's transformation.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from tfcollide.models.graph import Call

__all__ = [
    "AffineCall",
    "Matrix",
    "NotAffine",
    "Reader",
    "Shape",
    "as_array",
    "check_size",
    "elementwise",
    "is_entrywise",
    "linear",
]

Matrix: TypeAlias = np.ndarray | sparse.csr_array
Shape = tuple[int, ...]

_MAX_NONZERO = 2**24
"""Entries of a sparse matrix, 256 MiB of them."""


class AffineCall(NamedTuple):
    """What a call gives: sum_i weights_i value_i + bias.

    Attributes:
        weights: `[out, in_i]` float64 for each value that it reads.
        bias: `[out]` float64.
        magnitude: `[out]`, the sum of the absolute values that make up `bias`.
        terms: how many products one of its sums has at most, where these are rounded.
        extra: further roundings of a term, such as one to add the bias.
    """

    weights: tuple[Matrix, ...]
    bias: np.ndarray
    magnitude: np.ndarray
    terms: int
    extra: int


class NotAffine(Exception):
    """Why a call is not read as affine; the text follows the call's name."""


Reader = Callable[[Call, Sequence[Shape]], AffineCall]
"""From a call, and the shapes of the values that it reads without the batch axis, to what it computes; or `NotAffine`."""


def as_array(matrix: Matrix) -> np.ndarray:
    """A matrix with all its zeros."""
    return matrix if isinstance(matrix, np.ndarray) else matrix.toarray()


def linear(*weights: Matrix, terms: int, extra: int) -> AffineCall:
    """A call without a bias."""
    zeros = np.zeros(weights[0].shape[0])
    return AffineCall(weights, zeros, zeros, terms, extra)


def elementwise(shape: Shape, scale: ArrayLike, offset: ArrayLike, magnitude: ArrayLike, *, roundings: int) -> AffineCall:
    """The map x -> scale x + offset, each of which broadcasts to `shape`, that of x."""
    scale, offset, magnitude = (np.broadcast_to(part, shape).ravel() for part in (scale, offset, magnitude))
    return AffineCall((sparse.csr_array(sparse.diags_array(scale)),), offset, magnitude, 0, roundings)


def is_entrywise(call: AffineCall) -> bool:
    """Whether all that a call gives is made of the entries at its own place, as by `elementwise` or a sum of values."""
    return all(
        not isinstance(matrix, np.ndarray)
        and matrix.shape[0] == matrix.shape[1] >= matrix.nnz
        and np.array_equal(*sparse.coo_array(matrix).coords)
        for matrix in call.weights
    )


def check_size(nonzero: int) -> None:
    """Refuses a sparse matrix with so many entries, before it is made.

    Raises:
        NotAffine: there are too many.
    """
    if nonzero > _MAX_NONZERO:
        raise NotAffine(f"is a matrix with {nonzero:,} entries, which is too large ({_MAX_NONZERO:,} at most)")
