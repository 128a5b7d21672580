"""The gradient loop, as the host sees it.

Between chunks of the compiled loop (`descent.py`) it is told of progress. How long a
chunk is does not change the arithmetic, so an interrupted and resumed descent ends in
the same bits.

Several pairs can be descended as one batch, the corners of one after those of another.
A chunk ends where a pair does, so each is judged, and ends or goes on, at the very step
at which it would by itself.
"""

import time
from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np
import tensorflow as tf

from tfcollide.optimize.state import ENDS, DescentResult, DescentState, extend, unpack_state
from tfcollide.optimize.step import Descent
from tfcollide.records import Trace

__all__ = ["minimize", "minimize_pairs"]

_Goal = TypeVar("_Goal")  # a tensor, or a tuple of tensors

_CHUNK_SECONDS, _LONGEST_FIRST_CHUNK = 0.5, 80
_MOST_ROUNDS = 4
_SPECK = np.finfo(np.float32).tiny
_STEP_PER_EVALUATION = 3.0  # a step is a forward and a backward pass


def minimize(
    descent: "Descent[_Goal]",
    controls: tf.Tensor,
    goal: _Goal,
    *,
    max_steps: int,
    stop_loss: float | None = None,
    stop_fraction: float = 0.05,
    resume: Mapping[str, np.ndarray] | None = None,
    on_chunk: Callable[[DescentState, Trace], None] = lambda state, trace: None,
    accept: Callable[[np.ndarray], float] = lambda controls: 1.0,
    limits: Mapping[str, np.ndarray] | None = None,
) -> DescentResult:
    """Descends one pair until every corner is below its stopping loss, or for `max_steps`.

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
        accept: asked of the control parameters once all corners have stopped, it says how good they
            are: below 1 they are refused, the limits are halved and all corners go on, a few times at most.
        limits: term -> `[N]`, what it is not to exceed, beside those of the progress term.
    """
    (found,) = minimize_pairs(
        descent,
        controls,
        goal,
        max_steps=max_steps,
        stop_loss=stop_loss,
        stop_fraction=stop_fraction,
        resume=resume,
        on_chunk=on_chunk,
        accept=lambda pair, controls: accept(controls),
        limits=limits,
    )
    return found


def minimize_pairs(
    descent: "Descent[_Goal]",
    controls: tf.Tensor,
    goal: _Goal,
    *,
    max_steps: int,
    stop_loss: float | None = None,
    stop_fraction: float = 0.05,
    resume: Mapping[str, np.ndarray] | None = None,
    on_chunk: Callable[[DescentState, Trace], None] = lambda state, trace: None,
    accept: Callable[[int, np.ndarray], float] = lambda pair, controls: 1.0,
    limits: Mapping[str, np.ndarray] | None = None,
) -> list[DescentResult]:
    """As `minimize`, of several pairs as one batch.

    Args:
        descent: the compiled descent, told of its `corners`.
        controls: `[P N, ...]`, the corners of one pair after those of another.
        goal: of all of them.
        max_steps: see `minimize`.
        stop_loss: see `minimize`.
        stop_fraction: see `minimize`.
        resume: see `minimize`.
        on_chunk: see `minimize`.
        accept: (number of a pair, its control parameters) -> how good they are, see `minimize`.
        limits: see `minimize`.

    Returns:
        One result per pair.
    """
    began = time.perf_counter()
    state, trace = unpack_state(descent.init(controls, goal), descent.term_names, resume)
    start = descent.progress(descent.evaluate(controls, goal, tf.constant(0)).numpy())
    threshold = np.full_like(start, stop_loss) if stop_loss is not None else stop_fraction * start
    threshold = np.where(threshold == 0, np.finfo(np.float32).tiny, threshold)  # a start that collides already is done
    asked = descent.limits(threshold, limits or {})
    descent.chunk(state, goal, _lowered(asked, descent, state), state.step)  # compiles; takes no step
    compiled, in_loop, length = time.perf_counter() - began, 0.0, _first_chunk(descent, controls, goal)
    while np.any(state.ended_at.numpy() < 0):
        before = time.perf_counter()
        last = min(int(state.step) + length, max_steps)
        state, steps, rows = descent.chunk(state, goal, _lowered(asked, descent, state), tf.constant(last))
        elapsed = time.perf_counter() - before
        in_loop += elapsed
        length = 2 * length if elapsed < _CHUNK_SECONDS / 2 else max(1, length // 2) if elapsed > 2 * _CHUNK_SECONDS else length
        trace = extend(trace, steps.numpy(), rows.numpy())
        state = _end_pairs(descent, state, max_steps, accept)
        on_chunk(state, trace)
    seconds = {"compile": compiled, "loop": in_loop, "total": time.perf_counter() - began - compiled}
    return [_result(descent, state, trace, goal, threshold, pair, seconds) for pair in range(len(state.ended_at))]


def _lowered(limits: Mapping[str, np.ndarray], descent: "Descent[_Goal]", state: DescentState) -> dict[str, tf.Tensor]:
    """Term -> `[N]`, its limit after so many rounds; one of 0 is met by a term of 0."""
    rounds = state.rounds.numpy()
    shares = np.repeat(0.5**rounds, len(state.done) // len(rounds)).astype(np.float32)
    found = {name: limit if name in descent.fixed_limits else limit * shares for name, limit in limits.items()}
    return {name: tf.constant(np.where(np.abs(limit) < _SPECK, _SPECK, limit)) for name, limit in found.items()}


def _end_pairs(
    descent: "Descent[_Goal]", state: DescentState, max_steps: int, accept: Callable[[int, np.ndarray], float]
) -> DescentState:
    """Ends pairs that have no more to do; sends those back that have met their limits but are not accepted."""
    step, rows = int(state.step), len(state.done) // len(state.rounds)
    for pair in np.flatnonzero(state.ended_at.numpy() < 0).tolist():
        own = slice(pair * rows, (pair + 1) * rows)
        done, failed = state.done.numpy()[own], state.failed_at.numpy()[own] >= 0
        if step < max_steps and not np.all(done | failed):
            continue
        candidate = (state.hold.best if state.hold else state.controls)[own]
        met = not failed.any() and bool(np.all(np.isfinite(state.hold.change[own])) if state.hold else done.all())
        score = float(accept(pair, candidate.numpy())) if met or state.hold else -1.0
        state = _keep(state, pair, own, candidate, score) if state.hold else state
        once_more = met and score < 1.0 and int(state.rounds[pair]) < _MOST_ROUNDS
        if step < max_steps and once_more:
            state = _once_more(descent, state, pair, own)
            continue
        reached = "met" if met and score >= 1.0 else "stagnated"
        cut_short = step >= max_steps and (once_more or not np.all(done))
        why = "diverged" if failed.any() else "max_steps" if cut_short else reached
        state = state._replace(
            ended_at=_with(state.ended_at, pair, step), ended_by=_with(state.ended_by, pair, ENDS.index(why))
        )
    return state


def _keep(state: DescentState, pair: int, own: slice, candidate: tf.Tensor, score: float) -> DescentState:
    """The state, `candidate` its pair's best where no earlier round had a better one."""
    if np.float32(score) <= float(state.kept_score[pair]):
        return state
    return state._replace(kept=_with(state.kept, own, candidate), kept_score=_with(state.kept_score, pair, score))


def _once_more(descent: "Descent[_Goal]", state: DescentState, pair: int, own: slice) -> DescentState:
    """The state with a pair at the start of another round, in which its limits are lower and its rate is whole again."""
    state = state._replace(done=_with(state.done, own, False), rounds=_with(state.rounds, pair, int(state.rounds[pair]) + 1))
    if not state.hold or descent.continuation is None:
        return state
    fresh = descent.continuation.init(state.controls[own], int(state.step))._replace(pull=state.hold.pull[own])
    hold = [_with(old, own, new) for old, new in zip(state.hold, fresh, strict=True)]
    return state._replace(hold=type(state.hold)(*hold))


def _with(values: tf.Tensor, where: int | slice, new: tf.Tensor | float | bool) -> tf.Tensor:
    """`values` with some replaced."""
    changed = values.numpy().copy()
    changed[where] = new
    return tf.constant(changed)


def _result(
    descent: "Descent[_Goal]",
    state: DescentState,
    trace: Trace,
    goal: _Goal,
    threshold: np.ndarray,
    pair: int,
    seconds: dict[str, float],
) -> DescentResult:
    """One pair, as if it had been alone."""
    count, step = len(threshold), int(state.ended_at[pair])
    each = count // len(state.ended_at)
    own = slice(pair * each, (pair + 1) * each)
    controls, failed_at = (state.kept if state.hold else state.controls)[own], state.failed_at.numpy()[own]
    terms = descent.evaluate(controls, descent.of(goal, range(count)[own], count), tf.constant(step)).numpy()
    before = trace.steps < step
    rows = Trace(trace.steps[before], {name: values[before, own] for name, values in trace.terms.items()})
    return DescentResult(
        controls=controls.numpy(),
        steps=step,
        converged=(descent.progress(terms) < threshold[own]) & (failed_at < 0),
        failed_at=failed_at,
        stop_loss=threshold[own],
        trace=extend(rows, np.array([step]), terms[None]),
        seconds=seconds,
        ended=ENDS[int(state.ended_by[pair])],
    )


def _first_chunk(descent: "Descent[_Goal]", controls: tf.Tensor, goal: _Goal) -> int:
    """Steps in about half a second, guessed from one evaluation: a large network should be heard of soon."""
    began = time.perf_counter()
    descent.evaluate(controls, goal, tf.constant(0)).numpy()
    step = _STEP_PER_EVALUATION * (time.perf_counter() - began)
    return int(np.clip(_CHUNK_SECONDS / step, 1, _LONGEST_FIRST_CHUNK))
