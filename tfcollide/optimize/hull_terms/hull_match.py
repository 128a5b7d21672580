"""hull_match = mean over random mixtures m of feature_distance(m)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcollide.optimize.hull_terms import HullsAtStep

if TYPE_CHECKING:
    import tensorflow as tf

__all__ = ["VARIANT", "HullMatch"]


class HullMatch:
    """How far the features of random mixtures are from the target's."""

    weight = 1.0
    matches = True
    unit_free = False
    limit = None
    words = "feature distance of random mixtures, mean"

    @staticmethod
    def value(hull: HullsAtStep) -> tf.Tensor:
        """`[P]`."""
        import tensorflow as tf

        from tfcollide.objectives.terms import feature_distance, first_of_pairs

        target = first_of_pairs(hull.goal.post_activation, hull.corners.shape[1])
        return tf.reduce_mean(feature_distance(hull.features, target, hull.goal.ceiling), axis=1)


VARIANT = HullMatch
