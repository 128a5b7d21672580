"""Terms that hold a hull together: one file each, whose `VARIANT` says of itself what `HullTerm` asks.

Far-apart corners of a deep network need not have a good hull between them: there
the collision set is not convex in the image. So at each step some random mixtures
have to match the target's features too, and corners closer than they should be are
pushed apart. Both are properties of all corners together; every corner carries the
same value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from tfcollide.registry import HULL_TERMS

if TYPE_CHECKING:
    import tensorflow as tf

__all__ = ["HullsAtStep", "HullTerm", "known_hull_terms"]


class HullsAtStep(NamedTuple):
    """The hulls of P pairs at one step.

    Attributes:
        corners: `[P, N, pixels]`.
        features: `[P, S, U]`, pre-activations of random mixtures of them.
        goal: what all corners aim at.
        spread: the L2 distance that corners should keep, in the model's units.
    """

    corners: tf.Tensor
    features: tf.Tensor
    goal: Any
    spread: float | tf.Tensor


class HullTerm(Protocol):
    """A term of all corners of a pair together.

    Attributes:
        weight: its default, of `--term_weights`; it does not decay along the search.
        matches: whether it is a feature distance, and met below the limit of that.
        unit_free: whether it has no unit, so that its weight is a share of the target's squared features.
        limit: what it is met below otherwise; None: it is not asked about.
        words: what it is, for figures.
    """

    weight: float
    matches: bool
    unit_free: bool
    limit: float | None
    words: str

    @staticmethod
    def value(hull: HullsAtStep) -> tf.Tensor:
        """`[P]`, unweighted."""


def known_hull_terms() -> Mapping[str, HullTerm]:
    """Name -> term, of all there are; what matches comes first."""
    found: dict[str, HullTerm] = HULL_TERMS.all()
    return dict(sorted(found.items(), key=lambda item: (not item[1].matches, item[0])))
