"""Eq. 1: match all features after the ReLU; the baseline that the paper argues against.

Its gradient vanishes on inactive units that are off, so it stops inside the
polytope's boundary layer and finds one point, not corners.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tensorflow as tf

    from tfcollide.objectives.terms import Goal

__all__ = ["VARIANT", "MatchFeatures"]


class MatchFeatures:
    """The distance between features after the ReLU."""

    pushes_units = False
    progress_term = "feature_distance"
    term_weights: Mapping[str, float] = {"feature_distance": 1.0}
    words: Mapping[str, str] = {"feature_distance": "from the target's features, on all units"}

    @staticmethod
    def terms(pre_activation: tf.Tensor, goal: Goal) -> dict[str, tf.Tensor]:
        """Eq. 1, `[N]`, for `pre_activation` `[N, U]`."""
        from tfcollide.objectives import terms  # TensorFlow: not needed to know the weights

        return {"feature_distance": terms.feature_distance(pre_activation, goal.post_activation, goal.ceiling)}


VARIANT = MatchFeatures
