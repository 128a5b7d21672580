"""`--what=mixture`: the hull of a run's corners as a SavedModel, with the classifier that judges it inside."""

from tfcollide.exports.modules import hull_parts
from tfcollide.exports.parts import Parts, Subject

__all__ = ["VARIANT", "mixture"]


def mixture(subject: Subject) -> Parts:
    """The signatures `mix` and `check`, both of `convex_weights` `[S, N]`."""
    return hull_parts(subject, "mixture")


VARIANT = mixture
