"""Where a descent stands, and where it ended: records, and a state as arrays for a checkpoint."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfcollide.records import Trace

__all__ = ["ENDS", "DescentResult", "DescentState", "extend", "pack_state", "unpack_state"]


class DescentState(NamedTuple):
    """Everything the next step depends on; N counts the corners of all P pairs that are descended together.

    Attributes:
        step: int32 scalar, steps taken.
        controls: `[N, ...]` control parameters.
        slots: the update rule's memory, `[N, ...]` each.
        done: `[N]` bool, corners that the stopping rule has released; they no longer move.
        failed_at: `[N]` int32, the step at which a corner's terms or gradient were
            not finite, or -1; it stays where it was.
        terms: `[terms, N]`, as last computed for each corner.
        rounds: `[P]` int32, how often a pair's stopping losses have been halved since the start.
        ended_at: `[P]` int32, the step after which a pair had no more to do, or -1.
        hold: what a `Continuation` remembers, a `Hold`; () without one.
        kept: `[N, ...]` control parameters, each pair's best of earlier rounds; () likewise.
        kept_score: `[P]` float32, how well those were accepted; minus infinity before any was.
        ended_by: `[P]` int32, why a pair ended, a number in `ENDS`.
    """

    step: tf.Tensor
    controls: tf.Tensor
    slots: tuple[tf.Tensor, ...]
    done: tf.Tensor
    failed_at: tf.Tensor
    terms: tf.Tensor
    rounds: tf.Tensor
    ended_at: tf.Tensor
    hold: Any = ()
    kept: Any = ()
    kept_score: Any = ()
    ended_by: Any = ()


ENDS = ("met", "stagnated", "max_steps", "diverged")
"""Why a descent ended: what was asked for was met; no progress any more; `max_steps`; a number that is not finite."""


class DescentResult(NamedTuple):
    """Where a descent ended.

    Attributes:
        controls: `[N, ...]` control parameters.
        steps: steps taken.
        converged: `[N]` bool, whose progress term is below its stopping loss.
        ended: why, one of `ENDS`.
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
    ended: str = "met"


def pack_state(state: DescentState, trace: Trace) -> dict[str, np.ndarray]:
    """A state and its trace as arrays, for a checkpoint."""
    arrays = {name: value for name, value in state._asdict().items() if name not in ("slots", "hold", "kept")}
    arrays |= {f"slot_{i}": slot for i, slot in enumerate(state.slots)}
    if state.hold:
        arrays |= {f"hold_{name}": value for name, value in state.hold._asdict().items()} | {"kept": state.kept}
    packed = {name: tensor.numpy() for name, tensor in arrays.items()}
    packed |= {f"trace_{name}": values for name, values in trace.terms.items()}
    return packed | {"trace_steps": trace.steps}


def unpack_state(start: DescentState, names: list[str], packed: Mapping[str, np.ndarray] | None) -> tuple[DescentState, Trace]:
    """The state and trace that `pack_state` saw, or `start` and an empty trace.

    Args:
        start: the state before the first step.
        names: of the terms.
        packed: what `pack_state` made, or None.
    """
    if packed is None:
        empty = np.zeros([0, start.done.shape[0]], np.float32)
        return start, Trace(np.zeros([0], np.int64), dict.fromkeys(names, empty))
    slots = tuple(tf.constant(packed[f"slot_{i}"]) for i in range(len(start.slots)))
    fields = {name: tf.constant(packed[name]) for name in start._fields if name not in ("slots", "hold", "kept")}
    if start.hold:
        fields["kept"] = tf.constant(packed["kept"])
        fields["hold"] = type(start.hold)(*(tf.constant(packed[f"hold_{name}"]) for name in start.hold._fields))
    return DescentState(slots=slots, **fields), Trace(packed["trace_steps"], {name: packed[f"trace_{name}"] for name in names})


def extend(trace: Trace, steps: np.ndarray, rows: np.ndarray) -> Trace:
    """`trace` with rows `[T, terms, N]` at `steps` `[T]` added."""
    terms = {name: np.concatenate([values, rows[:, i]]) for i, (name, values) in enumerate(trace.terms.items())}
    return Trace(np.concatenate([trace.steps, steps.astype(np.int64)]), terms)
