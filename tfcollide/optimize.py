"""The gradient loop.

The loop is compiled: chunks of one `tf.while_loop`, no Python between steps, and
the host is told of progress only between chunks. How long a chunk is does not
change the arithmetic, so an interrupted and resumed descent ends in the same bits.
The loss, the stopping rule and the tracing are told to it; it knows no concrete class.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfcollide.descent_state import DescentResult, DescentState, extend, unpack_state
from tfcollide.loss import LossTerms, Terms, weighted_sum, weights_at
from tfcollide.records import Trace
from tfcollide.stopping import StoppingRule, each_below
from tfcollide.update_rules import Rate, UpdateRule

__all__ = ["Descent", "minimize"]

_CHUNK_SECONDS, _LONGEST_FIRST_CHUNK = 0.5, 80
_STEP_PER_EVALUATION = 3.0  # a step is a forward and a backward pass


class Descent:
    """A compiled descent, used again for any number of goals of the same shape.

    Args:
        terms: from control parameters `[N, ...]`, a goal and the step to unweighted terms `[N]`.
        weights: one a term.
        progress_term: the term whose fall is progress.
        stop: when corners need not go on; each on its own by default.
        rule: turns gradients into directions.
        rate: the learning rate at a step.
        project: keeps control parameters where they may be.
        scales: goal -> what weights of terms are multiplied by, so that they suit any network; none by default.
        take: (goal, corners `[M]`) -> the goal of those corners alone. Where given, corners
            that are done leave the batch; the terms must then not couple corners.
        half_life: see `weights_at`; `kept` terms keep their weights.
        kept: terms whose weights do not decay; `progress_term` by default.
        trace_every: steps from one traced row to the next.
    """

    def __init__(
        self,
        terms: LossTerms,
        *,
        weights: Mapping[str, float],
        progress_term: str,
        rule: UpdateRule,
        rate: Rate,
        project: Callable[[tf.Tensor], tf.Tensor] = lambda x: x,
        stop: StoppingRule | None = None,
        scales: Callable[[Any], Mapping[str, tf.Tensor]] = lambda goal: {},
        take: Callable[[Any, tf.Tensor], Any] | None = None,
        half_life: float = 0.0,
        kept: tuple[str, ...] = (),
        trace_every: int = 10,
    ):
        self._terms = terms
        self._weights = dict(weights)
        self._progress_term = progress_term
        self._rule = rule
        self._rate = rate
        self._project = project
        self._stop = stop or each_below(progress_term)
        self._scales = scales
        self._take = take
        self._half_life = half_life
        self._kept = kept or (progress_term,)
        self._trace_every = trace_every
        self.term_names = list(weights)
        self.evaluate = tf.function(self._evaluate, autograph=False)
        self.chunk = tf.function(self._chunk, autograph=False)

    def init(self, controls: tf.Tensor) -> DescentState:
        """The state before the first step."""
        corners = controls.shape[0]
        return DescentState(
            step=tf.constant(0),
            controls=controls,
            slots=self._rule.init(controls),
            done=tf.zeros([corners], tf.bool),
            failed_at=tf.fill([corners], -1),
            terms=tf.zeros([len(self.term_names), corners]),
            rounds=tf.constant(0),
        )

    def progress(self, stacked: np.ndarray) -> np.ndarray:
        """The progress term `[N]` of stacked terms `[terms, N]`."""
        return stacked[self.term_names.index(self._progress_term)]

    def _evaluate(self, controls: tf.Tensor, goal: Any, step: tf.Tensor) -> tf.Tensor:
        """The terms at `controls`, stacked: `[terms, N]`."""
        return self._stack(self._terms(controls, goal, step))

    def _stack(self, terms: Terms) -> tf.Tensor:
        return tf.stack([terms[name] for name in self.term_names])

    def _chunk(self, state: DescentState, goal: Any, stop_loss: tf.Tensor, last_step: tf.Tensor) -> Any:
        """Steps until all corners are done or failed, or until `last_step`.

        Returns:
            The new state, and the traced steps `[T]` and terms `[T, terms, N]`.
        """
        steps = tf.TensorArray(tf.int32, size=0, dynamic_size=True, element_shape=[])
        rows = tf.TensorArray(tf.float32, size=0, dynamic_size=True, element_shape=[len(self.term_names), state.done.shape[0]])

        def more(state: DescentState, steps: Any, rows: Any) -> tf.Tensor:
            return (state.step < last_step) & ~tf.reduce_all(state.done | (state.failed_at >= 0))

        def body(state: DescentState, steps: Any, rows: Any) -> Any:
            step, new = state.step, self._step(state, goal, stop_loss)
            traced = step % self._trace_every == 0
            steps, rows = tf.cond(
                traced,
                lambda: (steps.write(steps.size(), step), rows.write(rows.size(), new.terms)),
                lambda: (steps, rows),
            )
            return new, steps, rows

        state, steps, rows = tf.while_loop(more, body, [state, steps, rows])
        return state, steps.stack(), rows.stack()

    def _step(self, state: DescentState, goal: Any, stop_loss: tf.Tensor) -> DescentState:
        """One step of the corners that are neither done nor failed, the others left out or held still."""
        if self._take is None:
            return self._advance(state, goal, stop_loss)
        alive = tf.where(~state.done & (state.failed_at < 0))[:, 0]
        part = DescentState(
            state.step,
            tf.gather(state.controls, alive),
            tuple(tf.gather(slot, alive) for slot in state.slots),
            tf.gather(state.done, alive),
            tf.gather(state.failed_at, alive),
            tf.gather(state.terms, alive, axis=1),
            state.rounds,
        )
        moved = self._advance(part, self._take(goal, alive), tf.gather(stop_loss, alive))

        def back(whole: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
            return tf.tensor_scatter_nd_update(whole, alive[:, None], values)

        return DescentState(
            moved.step,
            back(state.controls, moved.controls),
            tuple(back(whole, values) for whole, values in zip(state.slots, moved.slots, strict=True)),
            back(state.done, moved.done),
            back(state.failed_at, moved.failed_at),
            tf.transpose(back(tf.transpose(state.terms), tf.transpose(moved.terms))),
            state.rounds,
        )

    def _advance(self, state: DescentState, goal: Any, stop_loss: tf.Tensor) -> DescentState:
        """One step of every corner; those that are done or failed stay where they are."""
        weights = weights_at(state.step, self._weights, self._kept, self._half_life)
        weights |= {name: scale * weights[name] for name, scale in self._scales(goal).items() if name in weights}
        with tf.GradientTape() as tape:
            tape.watch(state.controls)
            terms = self._terms(state.controls, goal, state.step)
            loss = weighted_sum(terms, weights)
        gradient = tape.gradient(loss, state.controls)
        axes = list(range(1, len(gradient.shape)))
        finite = tf.math.is_finite(loss) & tf.reduce_all(tf.math.is_finite(gradient), axes)
        done = state.done | self._stop(terms, stop_loss)
        failed_at = tf.where(finite | done | (state.failed_at >= 0), state.failed_at, state.step)
        direction, slots = self._rule.update(gradient, state.slots, state.step)
        moved = self._project(state.controls - self._rate(state.step) * direction)
        landed = tf.reduce_all(tf.math.is_finite(moved), axes)
        failed_at = tf.where(landed | done | (failed_at >= 0), failed_at, state.step)
        still = tf.reshape(done | (failed_at >= 0), [-1] + [1] * len(axes))
        controls = tf.where(still, state.controls, moved)
        return DescentState(state.step + 1, controls, slots, done, failed_at, self._stack(terms), state.rounds)


def minimize(
    descent: Descent,
    controls: tf.Tensor,
    goal: Any,
    *,
    max_steps: int,
    stop_loss: float | None = None,
    stop_fraction: float = 0.05,
    resume: Mapping[str, np.ndarray] | None = None,
    on_chunk: Callable[[DescentState, Trace], None] = lambda state, trace: None,
    accept: Callable[[np.ndarray], bool] = lambda controls: True,
) -> DescentResult:
    """Descends until every corner is below its stopping loss, or for `max_steps`.

    Args:
        descent: the compiled descent.
        controls: `[N, ...]` control parameters to start from.
        goal: what `descent`'s terms aim at.
        max_steps: the most steps to take.
        stop_loss: a corner stops when its progress term is below this; None is
            `stop_fraction` of the term's value at the start.
        stop_fraction: see `stop_loss`.
        resume: what `pack_state` made of an earlier state of the same descent.
        on_chunk: called between chunks with the state and the trace so far.
        accept: asked of the control parameters once all corners have stopped; where it
            refuses, the stopping losses are halved and all corners go on.
    """
    began = time.perf_counter()
    state, trace = unpack_state(descent.init(controls), descent.term_names, resume)
    start = descent.progress(descent.evaluate(controls, goal, tf.constant(0)).numpy())
    threshold = np.full_like(start, stop_loss) if stop_loss is not None else stop_fraction * start
    threshold = np.where(threshold == 0, np.finfo(np.float32).tiny, threshold)  # a start that collides already is done
    descent.chunk(state, goal, tf.constant(threshold), state.step)  # compiles; takes no step
    compiled, in_loop, length = time.perf_counter() - began, 0.0, _first_chunk(descent, controls, goal)
    finished = False
    while not finished:
        before = time.perf_counter()
        last = min(int(state.step) + length, max_steps)
        stop = tf.constant(threshold * np.float32(0.5 ** int(state.rounds)))
        state, steps, rows = descent.chunk(state, goal, stop, tf.constant(last))
        elapsed = time.perf_counter() - before
        in_loop += elapsed
        length = 2 * length if elapsed < _CHUNK_SECONDS / 2 else max(1, length // 2) if elapsed > 2 * _CHUNK_SECONDS else length
        trace = extend(trace, steps.numpy(), rows.numpy())
        finished = int(state.step) >= max_steps or bool(np.all(state.done.numpy() | (state.failed_at.numpy() >= 0)))
        if finished and bool(np.all(state.done)) and int(state.step) < max_steps and not accept(state.controls.numpy()):
            state, finished = state._replace(done=tf.zeros_like(state.done), rounds=state.rounds + 1), False
        on_chunk(state, trace)
    terms = descent.evaluate(state.controls, goal, state.step).numpy()
    if not trace.steps.size or trace.steps[-1] != int(state.step):
        trace = extend(trace, np.array([int(state.step)]), terms[None])
    failed_at = state.failed_at.numpy()
    return DescentResult(
        controls=state.controls.numpy(),
        steps=int(state.step),
        converged=(descent.progress(terms) < threshold) & (failed_at < 0),
        failed_at=failed_at,
        stop_loss=threshold,
        trace=trace,
        seconds={"compile": compiled, "loop": in_loop, "total": time.perf_counter() - began - compiled},
    )


def _first_chunk(descent: Descent, controls: tf.Tensor, goal: Any) -> int:
    """Steps in about half a second, guessed from one evaluation: a large network should be heard of soon."""
    began = time.perf_counter()
    descent.evaluate(controls, goal, tf.constant(0)).numpy()
    step = _STEP_PER_EVALUATION * (time.perf_counter() - began)
    return int(np.clip(_CHUNK_SECONDS / step, 1, _LONGEST_FIRST_CHUNK))
