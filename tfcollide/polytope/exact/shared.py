"""Images that collide in two networks at once: where two collision polytopes meet, or a proof that they do not.

{x : A x = c, G x <= d, lower <= x <= upper}     of both networks' rows together
"""

import dataclasses
import math

import numpy as np

from tfcollide.polytope.exact.emptiness import Farkas, farkas_vector
from tfcollide.polytope.exact.halfspaces import Polytope
from tfcollide.polytope.exact.near_source import within_box
from tfcollide.polytope.exact.nearest import Nearest, nearest

__all__ = ["Meeting", "intersection", "meeting"]


@dataclasses.dataclass(frozen=True, eq=False)
class Meeting:
    """Where two collision polytopes meet near a source.

    Attributes:
        closest: the point of both that is nearest to the source in L2, or why there is none.
        proof: that there is none; None where there is one, or where the proof failed.
        alone: the L2 distances from the source to each polytope by itself; NaN where it has no point within the box.
    """

    closest: Nearest
    proof: Farkas | None
    alone: tuple[float, float]

    @property
    def ratios(self) -> tuple[float, float]:
        """The distance over each network's own; at least 1."""
        first, second = (self.closest.distance / one if one else math.nan for one in self.alone)
        return first, second


def intersection(first: Polytope, second: Polytope) -> Polytope:
    """The points of both; a member that is known of both, such as the target, is one of these."""
    known = first.member is not None and second.member is not None and np.array_equal(first.member, second.member)
    return Polytope(
        np.concatenate([first.equalities, second.equalities]),
        np.concatenate([first.values, second.values]),
        np.concatenate([first.inequalities, second.inequalities]),
        np.concatenate([first.limits, second.limits]),
        np.maximum(first.lower, second.lower),
        np.minimum(first.upper, second.upper),
        first.member if known else None,
    )


def meeting(first: Polytope, second: Polytope, source: np.ndarray, *, max_change: float | None = None) -> Meeting:
    """The point of both polytopes that is nearest to `source` `[D]`, or a proof that there is none.

    Args:
        first: the collisions of one network.
        second: those of another, over the same images.
        source: where the change starts from.
        max_change: the most that any one coordinate may change; None: as far as the bounds reach.
    """
    if max_change is not None:
        first, second = (within_box(one, source, max_change) for one in (first, second))
    both = intersection(first, second)
    closest, alone = nearest(both, source), (nearest(first, source).distance, nearest(second, source).distance)
    return Meeting(closest, None if closest.status == "optimal" else farkas_vector(both), alone)
