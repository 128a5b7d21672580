"""The collision set of a target as an object: a polytope given by its half-spaces.

Exact where the tap's pre-activation is an affine function: of the image, or of the values of
the layer before. Then features are equal to the target's where its active units are
(equations) and every other unit stays off (inequalities). `contains` and `violation` are for
whoever studies a collision set; a run judges corners by the network instead.
"""

import dataclasses

import numpy as np

from tfcollide.errors import RequestError
from tfcollide.models.affine import AffineMap
from tfcollide.polytope.exact.rounding import inward, tightening
from tfcollide.shapes import Bounds

__all__ = ["Polytope", "Violation", "active_units", "collision_polytope", "feature_polytope"]


@dataclasses.dataclass(frozen=True)
class Violation:
    """By how much a point misses a polytope; for points `[..., D]`, `[...]` each.

    Attributes:
        equalities: max |equalities x - values|, in units of the pre-activation.
        inequalities: max (inequalities x - limits), at least 0, likewise.
        bounds: the furthest that a coordinate lies outside, in units of the image.
    """

    equalities: np.ndarray
    inequalities: np.ndarray
    bounds: np.ndarray

    @property
    def worst(self) -> np.ndarray:
        """The largest of the three."""
        return np.maximum(np.maximum(self.equalities, self.inequalities), self.bounds)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Polytope:
    """{x : equalities x = values, inequalities x <= limits, lower <= x <= upper}.

    Rows may repeat, be zero or depend on each other. Everything is float64.

    Attributes:
        equalities: `[E, D]`.
        values: `[E]`.
        inequalities: `[I, D]`.
        limits: `[I]`.
        lower: `[D]`, may be -inf.
        upper: `[D]`, may be inf.
        member: `[D]`, a point that is known to be in it, such as the target; None where none is.
    """

    equalities: np.ndarray
    values: np.ndarray
    inequalities: np.ndarray
    limits: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    member: np.ndarray | None = None

    def __repr__(self) -> str:
        """In one line, without the numbers."""
        return f"{type(self).__name__}({self.size} coordinates, {len(self.values)} equalities, {len(self.limits)} inequalities)"

    @property
    def size(self) -> int:
        """D, the number of coordinates."""
        return self.lower.size

    def violation(self, x: np.ndarray) -> Violation:
        """How far points `[..., D]` are from satisfying every constraint."""
        x = np.asarray(x, np.float64)
        return Violation(
            np.abs(x @ self.equalities.T - self.values).max(axis=-1, initial=0.0),
            (x @ self.inequalities.T - self.limits).max(axis=-1, initial=0.0),
            np.maximum(self.lower - x, x - self.upper).max(axis=-1, initial=0.0),
        )

    def contains(self, x: np.ndarray, *, tolerance: float = 1e-9) -> np.ndarray:
        """Whether points `[..., D]` violate no constraint by more than `tolerance`; `[...]` bool."""
        return self.violation(x).worst <= tolerance

    def unit_rows(self) -> "Polytope":
        """The same set, its rows divided by their lengths; rows of length zero stay."""
        equalities, values = _unit(self.equalities, self.values)
        inequalities, limits = _unit(self.inequalities, self.limits)
        return Polytope(equalities, values, inequalities, limits, self.lower, self.upper, self.member)


def active_units(affine: AffineMap, target: np.ndarray) -> np.ndarray:
    """`[U]` bool: the units of which a collision with `target` `[D]` has equations, pre_activation(target) > 0 in float64."""
    return affine(target) > 0.0


def collision_polytope(affine: AffineMap, target: np.ndarray, bounds: Bounds, *, float32_safe: bool = False) -> Polytope:
    """The images whose features equal the target's.

    W_a x = pre_activation(t)_a - b_a where the target's pre-activation is > 0,
    W_i x <= -b_i where it is <= 0, and x in the bounds.

    Args:
        affine: the pre-activation as a function of the image.
        target: `[D]`, the target image, flattened.
        bounds: of the pixels.
        float32_safe: tighten the inequalities and the bounds so that a point of the
            polytope, rounded to float32, switches no inactive unit on in a float32
            network, in whatever order it sums (see `rounding.tightening`). The
            target itself may then lie outside.

    Raises:
        RequestError: the target has another size than the network's images, or
            `float32_safe` with bounds that are not finite.
    """
    target = np.asarray(target, np.float64)
    if target.shape != affine.weights.shape[:1]:
        raise RequestError(f"a target of shape {target.shape}", f"{affine.weights.shape[:1]}, one number per pixel")
    lower, upper = np.full(target.size, bounds.lower, float), np.full(target.size, bounds.upper, float)
    found = feature_polytope(affine, np.maximum(affine(target), 0.0), lower, upper)
    if not float32_safe:
        return dataclasses.replace(found, member=target)
    if not (np.isfinite(lower).all() and np.isfinite(upper).all()):
        raise RequestError(f"bounds {bounds.lower} to {bounds.upper} with float32_safe", "finite bounds")
    lower, upper = inward(lower, upper)
    extra, margin = tightening(affine, lower, upper)
    off = ~active_units(affine, target)
    inequalities, limits = found.inequalities + extra.T[off], found.limits - margin[off]
    return dataclasses.replace(found, inequalities=inequalities, limits=limits, lower=lower, upper=upper)


def feature_polytope(
    affine: AffineMap, features: np.ndarray, lower: np.ndarray, upper: np.ndarray, *, ceiling: float = np.inf
) -> Polytope:
    """The points within bounds whose features are f: W x + b = f where 0 < f < ceiling, <= 0 where f is 0, >= ceiling at it.

    Args:
        affine: the pre-activation as a function of the point.
        features: `[U]` float64, post-activations.
        lower: `[D]`.
        upper: `[D]`.
        ceiling: the most that the ReLU gives, 6 for ReLU6.
    """
    off, full = features <= 0.0, features >= ceiling
    between = ~(off | full)
    rows, levels = affine.weights.T, features - affine.bias
    inequalities = np.concatenate([rows[off], -rows[full]])
    limits = np.concatenate([-affine.bias[off], affine.bias[full] - ceiling])
    return Polytope(np.ascontiguousarray(rows[between]), levels[between], inequalities, limits, lower, upper)


def _unit(rows: np.ndarray, levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    length = np.linalg.norm(rows, axis=1)
    # Below this the quotient would be noise or overflow, and the row is as good as zero.
    length = np.where(length > 1e-100, length, 1.0)
    return rows / length[:, None], levels / length
