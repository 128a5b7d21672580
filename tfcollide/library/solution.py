"""Corners and how they were come by; and who keeps what a search has done."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from tfcollide.optimize.state import DescentState
from tfcollide.records import ExactRecord, Trace

__all__ = ["Keeper", "Solution"]


class Solution(NamedTuple):
    """Corners and how they were come by.

    Attributes:
        corners: `[N, H, W, C]` float32.
        controls: `[N, ...]`, their control parameters.
        steps: of the descent, or of the simplex method; 0 where that is not known.
        converged: `[N]` bool.
        failed_at: `[N]`, the step of divergence or -1.
        stop_loss: `[N]`, what L_pos had to fall below.
        trace: the terms along the way.
        exact: what the exact solver has to say, or None.
        ended: why the search ended, one of `descent_state.ENDS`.
        spread: the distance that corners were to keep, a share of the pixel range; None where none was asked for.
        probe: what the probes of the hull said at the end, in words; None where there were none.
    """

    corners: np.ndarray
    controls: np.ndarray
    steps: int
    converged: np.ndarray
    failed_at: np.ndarray
    stop_loss: np.ndarray
    trace: Trace
    exact: ExactRecord | None = None
    ended: str = "met"
    spread: float | None = None
    probe: str | None = None


class Keeper:
    """Keeps what a search has done, so that an interrupted one goes on; this one keeps nothing."""

    def found(self) -> Mapping[str, np.ndarray] | None:
        """What `pack_state` made of an earlier state of the same search; None where there is none."""
        return None

    def keep(self, state: DescentState, trace: Trace) -> None:
        """Told of the state and the trace so far, between chunks of the compiled loop."""

    def beside(self, name: str) -> "Keeper":
        """A keeper of another search of the same run."""
        return self
