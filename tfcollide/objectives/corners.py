"""Eq. 3: match the active units, push one inactive unit (or a group) a corner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tensorflow as tf

    from tfcollide.objectives.terms import Goal

__all__ = ["VARIANT", "Corners"]


class Corners:
    """Terms whose weighted sum has its minimum at a corner of the polytope."""

    pushes_units = True
    progress_term = "active_match"
    term_weights: Mapping[str, float] = {
        "active_match": 1.0,
        "corner_push": 0.7,
        "inactive_magnitude": 0.08,
        "feature_distance": 1.0,
        "inactive_violation": 0.0,
    }
    words: Mapping[str, str] = {
        "active_match": "from the target's features, on its active units (L_pos)",
        "corner_push": "sum of the units that are pushed off",
        "inactive_magnitude": "size of the other inactive units",
        "feature_distance": "from the target's features, on all units",
        "inactive_violation": "largest inactive unit, above zero",
    }

    @staticmethod
    def terms(pre_activation: tf.Tensor, goal: Goal) -> dict[str, tf.Tensor]:
        """L_pos, both terms of L_neg and what L_pos does not see, `[N]` each, for `pre_activation` `[N, U]`."""
        from tfcollide.objectives import terms  # TensorFlow: not needed to know the weights

        return {
            "active_match": terms.active_match(pre_activation, goal.post_activation, goal.active, goal.ceiling),
            "corner_push": terms.corner_push(pre_activation, goal.pushed),
            "inactive_magnitude": terms.inactive_magnitude(pre_activation, goal.idle),
            "feature_distance": terms.feature_distance(pre_activation, goal.post_activation, goal.ceiling),
            "inactive_violation": terms.inactive_violation(pre_activation, goal.active),
        }


VARIANT = Corners
