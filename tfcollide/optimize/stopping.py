"""When corners need not go on: rules apart from the loop that they end."""

from collections.abc import Callable, Mapping

import tensorflow as tf

from tfcollide.optimize.hull_terms import known_hull_terms

__all__ = ["StoppingRule", "each_below", "all_below"]

StoppingRule = Callable[[Mapping[str, tf.Tensor], tf.Tensor], tf.Tensor]
"""(terms, stopping losses `[N]`) -> `[N]` bool, corners that need not go on."""


def each_below(progress_term: str) -> StoppingRule:
    """A corner stops when its own progress term is below its stopping loss."""
    return lambda terms, stop_loss: terms[progress_term] < stop_loss


def all_below(progress_term: str, corners: int) -> StoppingRule:
    """The N corners of a pair stop together: each below its loss, what holds their hull together below its limits."""

    def rule(terms: Mapping[str, tf.Tensor], stop_loss: tf.Tensor) -> tf.Tensor:
        matched = terms[progress_term] < stop_loss
        for name, term in known_hull_terms().items():
            if term.matches or term.limit is not None:
                matched &= terms[name] < (stop_loss if term.matches else term.limit)
        return tf.repeat(tf.reduce_all(tf.reshape(matched, [-1, corners]), axis=1), corners)

    return rule
