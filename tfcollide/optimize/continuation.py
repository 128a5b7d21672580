"""How a descent stays with its source: the weight of `source_pull` is led along the way, and the best state is kept.

    minimize   source_pull(x)   subject to   term(x) < limit   for each term that has one

The weight starts high, so that the search begins as the source. A step at which some limit is
not kept divides it, one at which all are multiplies it: the search comes to lie on the edge
of what matches, where the change is smallest. (Rony et al. 2019, "Decoupling Direction and Norm",
lead the norm of an adversarial example in this way.) Whenever it crosses the edge the learning
rate falls. Of the states that keep all limits the one of least change is kept; until there is one,
the one that comes nearest to the limits.

A search ends when it has spent twice as many steps on refining a match as on finding it, or when
`patience` steps have brought it no nearer to one. With a fixed weight it ends at the first match.
"""

from collections.abc import Mapping
from typing import NamedTuple

import tensorflow as tf

from tfcollide.optimize.loss import Terms

__all__ = ["Continuation", "Hold"]

_FIRST_PULL, _LEAST_PULL, _MOST_PULL = 30.0, 1e-3, 100.0
_GROWTH = 2.0**0.25
_COOLING = 0.9  # of the learning rate, at each crossing
_COOLING_STEPS, _COLDEST = 300.0, 1 / 16  # it also halves every so many steps, down to this share, from which it still can move
_LEAST_REFINING, _REFINING = 100, 2
_PROGRESS = 0.9
_NEVER = 2**31 - 1


class Hold(NamedTuple):
    """What a continuation remembers of each corner, `[N]`; corners that are coupled share all but `best`.

    Attributes:
        pull: float32, the weight of `source_pull`.
        matched: bool, whether the last state kept all limits.
        crossings: int32, how often that has changed.
        began: int32, the step at which this round began.
        first_met: int32, the step of the first match of the round, or -1.
        gap: float32, the largest term over its limit, the least so far.
        gap_mark: float32, `gap` when it last fell by a tenth.
        marked_at: int32, the step of that.
        change: float32, `source_pull` of `best` where it is a match, else infinite.
        best: `[N, ...]` control parameters.
    """

    pull: tf.Tensor
    matched: tf.Tensor
    crossings: tf.Tensor
    began: tf.Tensor
    first_met: tf.Tensor
    gap: tf.Tensor
    gap_mark: tf.Tensor
    marked_at: tf.Tensor
    change: tf.Tensor
    best: tf.Tensor


class Continuation(NamedTuple):
    """The rule.

    Attributes:
        corners: how many corners are one group, which is led as one; 1: each by itself.
        pull: a fixed weight of `source_pull`; None: it is led.
        patience: steps without progress after which a search ends; 0: it does not.
    """

    corners: int
    pull: float | None
    patience: int

    def init(self, controls: tf.Tensor, step: int = 0) -> Hold:
        """The memory before the first step of a round."""
        rows = [controls.shape[0]]
        nothing, never = tf.fill(rows, float("inf")), tf.fill(rows, -1)
        return Hold(
            pull=tf.fill(rows, _FIRST_PULL if self.pull is None else float(self.pull)),
            matched=tf.zeros(rows, tf.bool),
            crossings=tf.zeros(rows, tf.int32),
            began=tf.fill(rows, step),
            first_met=never,
            gap=nothing,
            gap_mark=nothing,
            marked_at=tf.fill(rows, step),
            change=nothing,
            best=controls,
        )

    def cooling(self, hold: Hold, step: tf.Tensor) -> tf.Tensor:
        """`[N]`, what the learning rate is multiplied by; 1 where the weight is fixed."""
        if self.pull is not None:
            return tf.ones_like(hold.pull)
        aged = tf.pow(0.5, tf.cast(step - hold.began, tf.float32) / _COOLING_STEPS)
        return tf.maximum(aged, _COLDEST) * tf.pow(_COOLING, tf.cast(hold.crossings, tf.float32))

    def advance(self, hold: Hold, controls: tf.Tensor, terms: Terms, limits: Mapping[str, tf.Tensor], step: tf.Tensor) -> Hold:
        """The memory after the terms `[N]` of `controls` `[N, ...]` are known."""
        gap = self._worst(tf.stack([terms[name] / limit for name, limit in limits.items()]))
        change = self._mean(terms["source_pull"])
        matched = gap < 1.0
        first = tf.where(matched & (hold.first_met < 0), step, hold.first_met)
        better = tf.where(matched, change < hold.change, (first < 0) & (gap < hold.gap))
        nearer = gap < _PROGRESS * hold.gap_mark
        growth = 1.0 if self.pull is not None else tf.where(matched, _GROWTH, 1.0 / _GROWTH)
        least, most = (_LEAST_PULL, _MOST_PULL) if self.pull is None else (self.pull, self.pull)
        return Hold(
            pull=tf.clip_by_value(hold.pull * growth, least, most),
            matched=matched,
            crossings=hold.crossings + tf.cast(matched != hold.matched, tf.int32),
            began=hold.began,
            first_met=first,
            gap=tf.minimum(gap, hold.gap),
            gap_mark=tf.where(nearer, gap, hold.gap_mark),
            marked_at=tf.where(nearer, step, hold.marked_at),
            change=tf.where(matched & better, change, hold.change),
            best=tf.where(tf.reshape(better, [-1] + [1] * (controls.shape.rank - 1)), controls, hold.best),
        )

    def over(self, hold: Hold, step: tf.Tensor) -> tf.Tensor:
        """`[N]` bool, whether a search has come to its end."""
        met = hold.first_met >= 0
        refined = step >= hold.first_met + tf.maximum(_LEAST_REFINING, _REFINING * (hold.first_met - hold.began))
        return tf.where(met, refined | (self.pull is not None), step - hold.marked_at >= (self.patience or _NEVER))

    def _worst(self, ratios: tf.Tensor) -> tf.Tensor:
        """`[N]`, the largest of ratios `[terms, N]` in each group; one that is no number is infinite."""
        worst = tf.reduce_max(tf.where(tf.math.is_nan(ratios), float("inf"), ratios), axis=0)
        return tf.repeat(tf.reduce_max(tf.reshape(worst, [-1, self.corners]), axis=1), self.corners)

    def _mean(self, values: tf.Tensor) -> tf.Tensor:
        return tf.repeat(tf.reduce_mean(tf.reshape(values, [-1, self.corners]), axis=1), self.corners)
