"""The gradient loop: `objective(tap(to_image(control_parameters)))`, descended.

The loop is compiled: chunks of one `tf.while_loop`, no Python between steps, and
the host is told of progress only between chunks. How long a chunk is does not
change the arithmetic, so an interrupted and resumed descent ends in the same bits.
The loop, the stopping rule and the tracing are separate; it knows protocols only.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
import tensorflow as tf

from tfcollide.records import Trace
from tfcollide.update_rules import Rate, UpdateRule

__all__ = [
    "Descent",
    "DescentResult",
    "DescentState",
    "Objective",
    "Parameterization",
    "loss_terms",
    "minimize",
    "pack_state",
    "unpack_state",
    "weighted_sum",
    "weights_at",
]

Terms = dict[str, tf.Tensor]
LossTerms = Callable[[tf.Tensor, Any], Terms]

_FIRST_CHUNK, _CHUNK_SECONDS = 80, 0.5


class Objective(Protocol):
    """Loss terms of features.

    Attributes:
        pushes_units: whether each corner pushes inactive units of its own.
        progress_term: the term that the stopping rule watches.
        weights: default weights of the terms.
    """

    pushes_units: bool
    progress_term: str
    weights: Mapping[str, float]

    def terms(self, pre_activation: tf.Tensor, goal: Any) -> Terms:
        """Unweighted terms, `[N]` each, of `pre_activation` `[N, U]`."""


class Parameterization(Protocol):
    """Control parameters and the images they stand for."""

    def init(self, source: np.ndarray, num_corners: int, *, noise: float = 0.0, seed: int = 0) -> tf.Tensor:
        """Control parameters `[N, ...]` of N images near the source `[H, W, C]`."""

    def to_image(self, control_parameters: tf.Tensor) -> tf.Tensor:
        """Images `[N, H, W, C]`, differentiable."""

    def project(self, control_parameters: tf.Tensor) -> tf.Tensor:
        """The nearest permitted control parameters."""


class DescentState(NamedTuple):
    """Everything the next step depends on.

    Attributes:
        step: int32 scalar, steps taken.
        controls: `[N, ...]` control parameters.
        slots: the update rule's memory.
        done: `[N]` bool, corners below their stopping loss; they no longer move.
        failed_at: `[N]` int32, the step at which a corner's terms or gradient were
            not finite, or -1; it stays where it was.
    """

    step: tf.Tensor
    controls: tf.Tensor
    slots: tuple[tf.Tensor, ...]
    done: tf.Tensor
    failed_at: tf.Tensor


class DescentResult(NamedTuple):
    """Where a descent ended.

    Attributes:
        controls: `[N, ...]` control parameters.
        steps: steps taken.
        converged: `[N]` bool.
        failed_at: `[N]` int, the step of divergence or -1.
        stop_loss: `[N]`, what the progress term had to fall below.
        trace: the terms along the way.
        seconds: "compile", "loop" (inside the compiled chunks) and "total" (all but compile).
    """

    controls: np.ndarray
    steps: int
    converged: np.ndarray
    failed_at: np.ndarray
    stop_loss: np.ndarray
    trace: Trace
    seconds: Mapping[str, float]


def loss_terms(
    objective: Objective, pre_activation: Callable[[tf.Tensor], tf.Tensor], parameterization: Parameterization
) -> LossTerms:
    """The heart: from control parameters and a goal to unweighted terms."""
    return lambda controls, goal: objective.terms(pre_activation(parameterization.to_image(controls)), goal)


def weighted_sum(terms: Terms, weights: Mapping[str, float | tf.Tensor]) -> tf.Tensor:
    """The one place where weights meet terms: `[N]`."""
    return tf.add_n([weights[name] * value for name, value in terms.items()])


def weights_at(step: tf.Tensor, weights: Mapping[str, float], kept: str, half_life: float) -> dict[str, float | tf.Tensor]:
    """The weights after `step` steps: all but that of `kept` halve every `half_life` steps.

    Pushing hard first and matching last is what makes every corner converge; the
    authors do the same in one jump, with 1000 L_pos + 1 L_neg as their last phase.
    A `half_life` of 0 keeps all weights, as Eq. 3 does.
    """
    if not half_life:
        return dict(weights)
    decay = tf.pow(0.5, tf.cast(step, tf.float32) / half_life)
    return {name: weight if name == kept else weight * decay for name, weight in weights.items()}


class Descent:
    """A compiled descent, used again for any number of goals of the same shape.

    Args:
        terms: from control parameters `[N, ...]` and a goal to unweighted terms `[N]`.
        weights: one a term.
        progress_term: the term that the stopping rule watches.
        rule: turns gradients into directions.
        rate: the learning rate at a step.
        project: keeps control parameters where they may be.
        half_life: see `weights_at`; `progress_term` keeps its weight.
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
        half_life: float = 0.0,
        trace_every: int = 10,
    ):
        self._terms = terms
        self._weights = dict(weights)
        self._progress_term = progress_term
        self._rule = rule
        self._rate = rate
        self._project = project
        self._half_life = half_life
        self._trace_every = trace_every
        self.term_names = list(weights)
        self.evaluate = tf.function(self._evaluate, autograph=False)
        self.chunk = tf.function(self._chunk, autograph=False)

    def init(self, controls: tf.Tensor) -> DescentState:
        """The state before the first step."""
        corners = controls.shape[0]
        return DescentState(
            tf.constant(0), controls, self._rule.init(controls), tf.zeros([corners], tf.bool), tf.fill([corners], -1)
        )

    def progress(self, stacked: np.ndarray) -> np.ndarray:
        """The progress term `[N]` of stacked terms `[terms, N]`."""
        return stacked[self.term_names.index(self._progress_term)]

    def _evaluate(self, controls: tf.Tensor, goal: Any) -> tf.Tensor:
        """The terms at `controls`, stacked: `[terms, N]`."""
        terms = self._terms(controls, goal)
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
            step, (new, terms) = state.step, self._step(state, goal, stop_loss)
            traced = step % self._trace_every == 0
            steps, rows = tf.cond(
                traced,
                lambda: (steps.write(steps.size(), step), rows.write(rows.size(), terms)),
                lambda: (steps, rows),
            )
            return new, steps, rows

        state, steps, rows = tf.while_loop(more, body, [state, steps, rows])
        return state, steps.stack(), rows.stack()

    def _step(self, state: DescentState, goal: Any, stop_loss: tf.Tensor) -> tuple[DescentState, tf.Tensor]:
        """One step of every corner that is neither done nor failed, and the terms before it."""
        weights = weights_at(state.step, self._weights, self._progress_term, self._half_life)
        with tf.GradientTape() as tape:
            tape.watch(state.controls)
            terms = self._terms(state.controls, goal)
            loss = weighted_sum(terms, weights)
        gradient = tape.gradient(loss, state.controls)
        axes = list(range(1, len(gradient.shape)))
        finite = tf.math.is_finite(loss) & tf.reduce_all(tf.math.is_finite(gradient), axes)
        done = state.done | (terms[self._progress_term] < stop_loss)
        failed_at = tf.where(finite | done | (state.failed_at >= 0), state.failed_at, state.step)
        direction, slots = self._rule.update(gradient, state.slots, state.step)
        moved = self._project(state.controls - self._rate(state.step) * direction)
        landed = tf.reduce_all(tf.math.is_finite(moved), axes)
        failed_at = tf.where(landed | done | (failed_at >= 0), failed_at, state.step)
        still = tf.reshape(done | (failed_at >= 0), [-1] + [1] * len(axes))
        controls = tf.where(still, state.controls, moved)
        return DescentState(state.step + 1, controls, slots, done, failed_at), tf.stack([terms[n] for n in self.term_names])


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
    """
    began = time.perf_counter()
    state, trace = unpack_state(descent, controls, resume)
    start = descent.progress(descent.evaluate(controls, goal).numpy())
    threshold = np.full_like(start, stop_loss) if stop_loss is not None else stop_fraction * start
    threshold = np.where(threshold == 0, np.finfo(np.float32).tiny, threshold)  # a start that collides already is done
    stop = tf.constant(threshold)
    descent.chunk(state, goal, stop, state.step)  # compiles; takes no step
    compiled, in_loop, length = time.perf_counter() - began, 0.0, _FIRST_CHUNK
    finished = False
    while not finished:
        before = time.perf_counter()
        last = min(int(state.step) + length, max_steps)
        state, steps, rows = descent.chunk(state, goal, stop, tf.constant(last))
        elapsed = time.perf_counter() - before
        in_loop += elapsed
        length = 2 * length if elapsed < _CHUNK_SECONDS / 2 else max(1, length // 2) if elapsed > 2 * _CHUNK_SECONDS else length
        trace = _extend(trace, descent, steps.numpy(), rows.numpy())
        finished = int(state.step) >= max_steps or bool(np.all(state.done.numpy() | (state.failed_at.numpy() >= 0)))
        on_chunk(state, trace)
    terms = descent.evaluate(state.controls, goal).numpy()
    if not trace.steps.size or trace.steps[-1] != int(state.step):
        trace = _extend(trace, descent, np.array([int(state.step)]), terms[None])
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


def pack_state(state: DescentState, trace: Trace) -> dict[str, np.ndarray]:
    """A state and its trace as arrays, for a checkpoint."""
    arrays = {"step": state.step, "controls": state.controls, "done": state.done, "failed_at": state.failed_at}
    arrays |= {f"slot_{i}": slot for i, slot in enumerate(state.slots)}
    packed = {name: tensor.numpy() for name, tensor in arrays.items()}
    packed |= {f"trace_{name}": values for name, values in trace.terms.items()}
    return packed | {"trace_steps": trace.steps}


def unpack_state(descent: Descent, controls: tf.Tensor, packed: Mapping[str, np.ndarray] | None) -> tuple[DescentState, Trace]:
    """The state and trace that `pack_state` saw, or those at the start."""
    state = descent.init(controls)
    if packed is None:
        empty = np.zeros([0, controls.shape[0]], np.float32)
        return state, Trace(np.zeros([0], np.int64), dict.fromkeys(descent.term_names, empty))
    slots = tuple(tf.constant(packed[f"slot_{i}"]) for i in range(len(state.slots)))
    fields = {name: tf.constant(packed[name]) for name in ("step", "controls", "done", "failed_at")}
    terms = {name: packed[f"trace_{name}"] for name in descent.term_names}
    return DescentState(slots=slots, **fields), Trace(packed["trace_steps"], terms)


def _extend(trace: Trace, descent: Descent, steps: np.ndarray, rows: np.ndarray) -> Trace:
    """`trace` with rows `[T, terms, N]` added."""
    terms = {name: np.concatenate([trace.terms[name], rows[:, i]]) for i, name in enumerate(descent.term_names)}
    return Trace(np.concatenate([trace.steps, steps.astype(np.int64)]), terms)
