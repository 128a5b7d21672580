"""The compiled part of the gradient loop: chunks of one `tf.while_loop`, no Python between steps.

The loss, the stopping rule and the tracing are told to it; it knows no concrete class.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar, cast

import numpy as np
import tensorflow as tf

from tfcollide.optimize.continuation import Continuation, Hold
from tfcollide.optimize.loss import LossTerms, Terms, weighted_sum, weights_at
from tfcollide.optimize.rates import Rate
from tfcollide.optimize.state import DescentState
from tfcollide.optimize.stopping import StoppingRule, each_below
from tfcollide.optimize.update_rules import UpdateRule
from tfcollide.runtime.compiled import compiled

__all__ = ["Descent"]

_Goal = TypeVar("_Goal")  # a tensor, or a tuple of tensors


class Descent(Generic[_Goal]):
    """A compiled descent, used again for any number of goals of the same shape.

    Args:
        terms: from control parameters `[N, ...]`, a goal and the step to unweighted terms `[N]`.
        term_weights: one per term.
        progress_term: the term whose fall is progress.
        stop: when corners need not go on; each on its own by default.
        rule: turns gradients into directions.
        rate: the learning rate at a step.
        project: (control parameters, goal) -> the nearest ones that are permitted.
        scales: goal -> what weights of terms are multiplied by, so that they suit any network; none by default.
        take: (goal, corners `[M]`) -> the goal of those corners alone. Where given, corners
            that are done leave the batch; several pairs need it.
        corners: N of a pair; None: all corners are of one.
        coupled: whether terms couple the corners of a pair, which then leave the batch together.
        half_life: see `weights_at`; `kept` terms keep their weights.
        kept: terms whose weights do not decay; `progress_term` by default.
        trace_every: steps from one traced row to the next.
        continuation: how the search stays with its source, and when it ends; None: by `stop` alone.
        same_limit: terms that have the limit of the progress term, too.
        fixed_limits: term -> its limit, the same in every round.
        fused: whether XLA compiles what goes over all control parameters, for so many that memory is the bound.
    """

    def __init__(
        self,
        terms: LossTerms,
        *,
        term_weights: Mapping[str, float],
        progress_term: str,
        rule: UpdateRule,
        rate: Rate,
        project: Callable[[tf.Tensor, _Goal], tf.Tensor] = lambda x, goal: x,
        stop: StoppingRule | None = None,
        scales: Callable[[_Goal], Mapping[str, tf.Tensor]] = lambda goal: {},
        take: Callable[[_Goal, tf.Tensor], _Goal] | None = None,
        corners: int | None = None,
        coupled: bool = False,
        half_life: float = 0.0,
        kept: tuple[str, ...] = (),
        trace_every: int = 10,
        continuation: Continuation | None = None,
        same_limit: tuple[str, ...] = (),
        fixed_limits: Mapping[str, float] | None = None,
        fused: bool = False,
    ):
        self._terms = terms
        self._weights = dict(term_weights)
        self._progress_term = progress_term
        self._rule = rule
        self._rate = rate
        self._project = project
        self._stop = stop or each_below(progress_term)
        self._scales = scales
        self._take = take
        self._corners = corners
        self._coupled = coupled
        self._half_life = half_life
        self._kept = kept or (progress_term,)
        self._trace_every = trace_every
        self.continuation = continuation
        self._same_limit = same_limit
        self.fixed_limits = dict(fixed_limits or {})
        self._move = compiled(self._moved, by_xla=True) if fused else self._moved
        self._remember = compiled(self._remembered, by_xla=True) if fused else self._remembered
        self.term_names = list(term_weights)
        self.evaluate = compiled(self._evaluate)
        self.chunk = compiled(self._chunk)

    def init(self, controls: tf.Tensor, goal: _Goal) -> DescentState:
        """The state before the first step."""
        controls = self._project(controls, goal)
        corners = controls.shape[0]
        pairs = corners // (self._corners or corners)
        return DescentState(
            step=tf.constant(0),
            controls=controls,
            slots=self._rule.init(controls),
            done=tf.zeros([corners], tf.bool),
            failed_at=tf.fill([corners], -1),
            terms=tf.zeros([len(self.term_names), corners]),
            rounds=tf.zeros([pairs], tf.int32),
            ended_at=tf.fill([pairs], -1),
            hold=self.continuation.init(controls) if self.continuation else (),
            kept=controls if self.continuation else (),
            kept_score=tf.fill([pairs], float("-inf")),
            ended_by=tf.zeros([pairs], tf.int32),
        )

    def limits(self, threshold: np.ndarray, others: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Term -> `[N]`, what it is not to exceed, from the progress term's `threshold` `[N]` and limits of others."""
        found = {self._progress_term: threshold} | dict.fromkeys(self._same_limit, threshold)
        for name, limit in others.items():
            found[name] = np.minimum(found[name], limit) if name in found else np.asarray(limit)
        fixed = {name: np.full_like(threshold, limit) for name, limit in self.fixed_limits.items()}
        return {name: limit.astype(np.float32) for name, limit in (found | fixed).items()}

    def of(self, goal: _Goal, corners: range, count: int) -> Any:
        """The goal of some corners alone, of `count` in all."""
        return goal if len(corners) == count or self._take is None else self._take(goal, tf.constant(corners))

    def progress(self, stacked: np.ndarray) -> np.ndarray:
        """The progress term `[N]` of stacked terms `[terms, N]`."""
        return stacked[self.term_names.index(self._progress_term)]

    def _evaluate(self, controls: tf.Tensor, goal: _Goal, step: tf.Tensor) -> tf.Tensor:
        """The terms at `controls`, stacked: `[terms, N]`."""
        return self._stack(self._terms(controls, goal, step))

    def _stack(self, terms: Terms) -> tf.Tensor:
        return tf.stack([terms[name] for name in self.term_names])

    def _chunk(self, state: DescentState, goal: _Goal, limits: Mapping[str, tf.Tensor], last_step: tf.Tensor) -> Any:
        """Steps until all corners of a pair are done or failed, or until `last_step`.

        Args:
            state: to go on from.
            goal: what the terms aim at.
            limits: term -> `[N]`, what it is not to exceed.
            last_step: at the most.

        Returns:
            The new state, and the traced steps `[T]` and terms `[T, terms, N]`.
        """
        steps = tf.TensorArray(tf.int32, size=0, dynamic_size=True, element_shape=[])
        rows = tf.TensorArray(tf.float32, size=0, dynamic_size=True, element_shape=[len(self.term_names), state.done.shape[0]])

        def more(state: DescentState, steps: tf.TensorArray, rows: tf.TensorArray) -> tf.Tensor:
            ended = state.ended_at >= 0
            return (state.step < last_step) & tf.reduce_all(ended | _at_work(state)) & ~tf.reduce_all(ended)

        def body(state: DescentState, steps: tf.TensorArray, rows: tf.TensorArray) -> Any:
            alive, part, aim, within = self._at_work(state, goal, limits)
            step, new = state.step, self._put_back(state, alive, self._advance(part, aim, within))
            traced = step % self._trace_every == 0
            steps, rows = tf.cond(
                traced,
                lambda: (steps.write(steps.size(), step), rows.write(rows.size(), new.terms)),
                lambda: (steps, rows),
            )
            return new, steps, rows

        state, steps, rows = tf.while_loop(more, body, [state, steps, rows])
        return state, steps.stack(), rows.stack()

    def _at_work(self, state: DescentState, goal: _Goal, limits: Mapping[str, tf.Tensor]) -> tuple[Any, ...]:
        """Corners `[M]`, or coupled pairs, that are not at an end, and their part of the rest; all where none may leave."""
        if self._take is None:
            return None, state, goal, limits
        at_work = tf.repeat(_at_work(state), self._corners) if self._coupled else ~state.done & (state.failed_at < 0)
        alive = tf.where(at_work)[:, 0]
        part = state._replace(
            controls=tf.gather(state.controls, alive),
            slots=tuple(tf.gather(slot, alive) for slot in state.slots),
            done=tf.gather(state.done, alive),
            failed_at=tf.gather(state.failed_at, alive),
            terms=tf.gather(state.terms, alive, axis=1),
            hold=tf.nest.map_structure(lambda values: tf.gather(values, alive), state.hold),
        )
        within = {name: tf.gather(limit, alive) for name, limit in limits.items()}
        return alive, part, self._take(goal, alive), within

    @staticmethod
    def _put_back(state: DescentState, alive: tf.Tensor | None, moved: DescentState) -> DescentState:
        """The state, corners `alive` `[M]` as they have `moved`, the others held still."""
        if alive is None:
            return moved

        def back(whole: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
            return tf.tensor_scatter_nd_update(whole, alive[:, None], values)

        return moved._replace(
            controls=back(state.controls, moved.controls),
            slots=tuple(back(whole, values) for whole, values in zip(state.slots, moved.slots, strict=True)),
            done=back(state.done, moved.done),
            failed_at=back(state.failed_at, moved.failed_at),
            terms=tf.transpose(back(tf.transpose(state.terms), tf.transpose(moved.terms))),
            hold=tf.nest.map_structure(back, state.hold, moved.hold),
        )

    def _advance(self, state: DescentState, goal: _Goal, limits: Mapping[str, tf.Tensor]) -> DescentState:
        """One step of every corner; those that are done or failed stay where they are."""
        weights = weights_at(state.step, self._weights, self._kept, self._half_life)
        if self.continuation:
            weights["source_pull"] = state.hold.pull
        weights |= {name: scale * weights[name] for name, scale in self._scales(goal).items() if name in weights}
        with tf.GradientTape() as tape:
            tape.watch(state.controls)
            terms = self._terms(state.controls, goal, state.step)
            loss = weighted_sum(terms, weights)
        gradient = tape.gradient(loss, state.controls)
        hold, rate, done = self._judge(state, terms, limits)
        over = done | (state.failed_at >= 0)
        controls, slots, sound = self._move(state.controls, state.slots, gradient, state.step, rate, over, goal, loss)
        return state._replace(
            step=state.step + 1,
            controls=controls,
            slots=slots,
            done=done,
            failed_at=tf.where(sound | over, state.failed_at, state.step),
            terms=self._stack(terms),
            hold=hold,
        )

    def _moved(
        self,
        controls: tf.Tensor,
        slots: tuple[tf.Tensor, ...],
        gradient: tf.Tensor,
        step: tf.Tensor,
        rate: tf.Tensor,
        over: tf.Tensor,
        goal: _Goal,
        loss: tf.Tensor,
    ) -> tuple[tf.Tensor, tuple[tf.Tensor, ...], tf.Tensor]:
        """Control parameters and slots after a step, and `[N]` bool, of which corners all numbers are finite.

        Corners that are `over` or not finite stay where they are.
        """
        axes = list(range(1, len(gradient.shape)))
        direction, slots = self._rule.update(gradient, slots, step)
        moved = self._project(controls - tf.reshape(rate, [-1] + [1] * len(axes)) * direction, goal)
        finite = tf.reduce_all(tf.math.is_finite(gradient) & tf.math.is_finite(moved), axes)
        sound = tf.math.is_finite(loss) & finite
        return tf.where(tf.reshape(sound & ~over, [-1] + [1] * len(axes)), moved, controls), slots, sound

    def _judge(self, state: DescentState, terms: Terms, limits: Mapping[str, tf.Tensor]) -> tuple[Any, tf.Tensor, tf.Tensor]:
        """What is remembered, the learning rate (a scalar or `[N]`), and `[N]` bool, which corners need not go on."""
        rate = self._rate(state.step)
        if self.continuation is None:
            return (), rate, state.done | self._stop(terms, limits[self._progress_term])
        over = state.done | (state.failed_at >= 0)
        hold = self._remember(state.hold, state.controls, terms, limits, state.step, over)
        return hold, rate * self.continuation.cooling(hold, state.step), state.done | self.continuation.over(hold, state.step)

    def _remembered(
        self,
        hold: Hold,
        controls: tf.Tensor,
        terms: Terms,
        limits: Mapping[str, tf.Tensor],
        step: tf.Tensor,
        over: tf.Tensor,
    ) -> Hold:
        """What the continuation remembers after a step, of corners that are `over` what it did before."""
        new = cast(Continuation, self.continuation).advance(hold, controls, terms, limits, step)
        return tf.nest.map_structure(functools.partial(_unless, over), hold, new)


def _unless(held: tf.Tensor, old: tf.Tensor, new: tf.Tensor) -> tf.Tensor:
    """`[N, ...]`, the old value of rows that are held, else the new one."""
    return tf.where(tf.reshape(held, [-1] + [1] * (new.shape.rank - 1)), old, new)


def _at_work(state: DescentState) -> tf.Tensor:
    """`[P]` bool, pairs of which some corner is neither done nor failed."""
    return tf.reduce_any(tf.reshape(~state.done & (state.failed_at < 0), [state.ended_at.shape[0], -1]), axis=1)
