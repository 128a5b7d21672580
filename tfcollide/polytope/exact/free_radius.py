"""How far around an image nothing collides: a plane between it and all images with a target's features.

Let s be the image, f the target's features, and y multipliers of the rows of the collision polytope, those of
inequalities at most 0. With the rows' sum w = rows' y, z = w clipped to the bounds less s, and beta = z - w, every x
within the bounds has

    z . (x - s) = y . rows (x - s) + beta . (x - s)
               >= y . rows (x - s) + beta . z                                       (beta . (x - s) is least at z)

so that |x - s|_2 >= (y . rows (x - s) + beta . z) / |z|_2. Where x has the features f, y . rows (x - s) is at least
y . (levels - rows s) =: y . b, and the bound is r = (y . b + beta . z) / |z|_2.

Where features are e away from f, |e|_2 <= eps (`feature_distance` is the square of that norm), the row of a unit u that is
on at x has rows_u x = level_u + e_u, and that of one that is off has rows_u x <= level_u + e_u. With y_u <= 0
both give y_u rows_u x >= y_u (level_u + e_u). With y_u > 0 only the first does, so that y_u > 0 may stand only at units
that must stay on, f_u > eps. Then y . rows (x - s) >= y . b + y . e, and y . e >= -eps |y|_2, as the L2 norm is its own
dual:

    |x - s|_2 >= r - eps |y|_2 / |z|_2

All of this is computed again here in float64, from multipliers that a solver gave; its optimality is not needed.
"""

import dataclasses

import numpy as np

from tfcollide.models.affine import AffineMap
from tfcollide.polytope.exact.halfspaces import Polytope, active_units, collision_polytope
from tfcollide.polytope.exact.nearest import nearest
from tfcollide.polytope.proof.float_error import gamma
from tfcollide.shapes import Bounds

__all__ = ["Plane", "TargetSet", "float32_tolerance", "free_radius", "separating_plane"]


@dataclasses.dataclass(frozen=True)
class Plane:
    """What multipliers prove of a source.

    Attributes:
        radius: no point of the polytope is nearer to the source; at least 0.
        cost: |y|_2 / |z|_2, by how much `radius` falls per unit of feature tolerance.
        distance: to the nearest point that the solver found; NaN where it found none.
    """

    radius: float
    cost: float
    distance: float

    def at(self, tolerance: float) -> float:
        """The radius for features at most `tolerance` away, in L2; at least 0."""
        return max(self.radius - tolerance * self.cost, 0.0)

    @property
    def gap(self) -> float:
        """How much farther the nearest point is than what is proven, a share of its distance."""
        return (self.distance - self.radius) / self.distance if self.distance else 0.0


class TargetSet:
    """The images with a target's features, for any number of sources.

    Args:
        affine: the pre-activation as a function of the image.
        target: `[D]`.
        bounds: of the pixels.
    """

    def __init__(self, affine: AffineMap, target: np.ndarray, bounds: Bounds):
        target = np.asarray(target, np.float64)
        self._polytope = collision_polytope(affine, target, bounds)
        self._features = affine(target)[active_units(affine, target)]

    def plane(self, source: np.ndarray, tolerance: float = 0.0) -> Plane:
        """What keeps a source `[D]` from it, for features at most `tolerance` away, in L2, see the module."""
        return separating_plane(self._with_off(self._features <= tolerance), source)

    def has_weak_units(self, tolerance: float) -> bool:
        """Whether some of its units may be off within the tolerance, so that their equations are of no use."""
        return bool((self._features <= tolerance).any()) and tolerance > 0.0

    def _with_off(self, weak: np.ndarray) -> Polytope:
        """The set with an upper side alone for the units `[E]` bool that may be off."""
        whole = self._polytope
        if not weak.any():
            return whole
        inequalities = np.concatenate([whole.equalities[weak], whole.inequalities])
        limits = np.concatenate([whole.values[weak], whole.limits])
        strong = ~weak
        return dataclasses.replace(
            whole, equalities=whole.equalities[strong], values=whole.values[strong], inequalities=inequalities, limits=limits
        )


def free_radius(targets: TargetSet, source: np.ndarray, tolerances: tuple[float, ...]) -> tuple[Plane, tuple[float, ...]]:
    """The plane at tolerance 0, and the radius at each of `tolerances`; its multipliers serve where no unit is weak."""
    exact = targets.plane(source)
    return exact, tuple((targets.plane(source, one) if targets.has_weak_units(one) else exact).at(one) for one in tolerances)


def separating_plane(polytope: Polytope, source: np.ndarray) -> Plane:
    """The plane that the multipliers of the nearest collision make, checked here; without any where the solver has none.

    Args:
        polytope: the images with the target's features.
        source: `[D]`.
    """
    source = np.asarray(source, np.float64)
    found = nearest(polytope, source)
    if found.status != "optimal":
        return Plane(0.0, 0.0, np.nan)
    rows = np.concatenate([polytope.equalities, polytope.inequalities])
    levels = np.concatenate([polytope.values, polytope.limits]) - rows @ source
    one_sided = np.arange(len(levels)) >= len(polytope.values)
    y = np.where(one_sided, np.minimum(found.multipliers, 0.0), found.multipliers)
    w = rows.T @ y
    z = np.clip(w, polytope.lower - source, polytope.upper - source)
    size = float(np.linalg.norm(z))
    if not size:
        return Plane(0.0, 0.0, found.distance)
    less, wider = _rounding(polytope, rows, source, y, w, z)
    proven = max(float(y @ levels + (z - w) @ z) - less, 0.0) / (size + wider)
    return Plane(proven, float(np.linalg.norm(y)) / size, found.distance)


def _rounding(
    polytope: Polytope, rows: np.ndarray, source: np.ndarray, y: np.ndarray, w: np.ndarray, z: np.ndarray
) -> tuple[float, float]:
    """By how much numerator and denominator of the bound may be off in float64.

    Each sum of n terms is off by at most 2 n 2^-53 times the sum of their absolute values. Where w is off by some vector, the
    inequality is off by it times x - s, which is as if |z|_2 were longer by its norm.
    """
    share = 2.0 * sum(rows.shape) * 2.0**-53
    values = np.concatenate([polytope.values, polytope.limits])
    sums = np.abs(y) @ (np.abs(values) + np.abs(rows) @ np.abs(source)) + np.abs(z - w) @ np.abs(z)
    off = np.abs(rows).T @ np.abs(y) + np.abs(w) + np.abs(z)
    return share * float(sums), share * float(np.linalg.norm(off))


def float32_tolerance(affine: AffineMap, bounds: Bounds) -> float:
    """How far apart, in L2, real features can be at most where a float32 network has the same for two images within bounds."""
    largest = np.full(len(affine.weights), max(abs(bounds.lower), abs(bounds.upper)), np.float64)
    error = gamma(affine.roundings + 1) * (largest @ affine.magnitude + affine.magnitude_bias)
    return float(2.0 * np.linalg.norm(error))
