"""The smallest change into a polytope, by Newton's method on the multipliers of its rows.

    minimize |z|^2 / 2   subject to   rows z = limits or rows z <= limits,   least <= z <= most

has the dual problem, in multipliers y that are at most 0 where a row is an inequality,

    maximize   limits . y + sum_j min_{least <= z <= most} z^2 / 2 - w z,      w = rows' y,   z = clip(w, least, most)

which is concave, smooth and piecewise quadratic: its gradient is limits - rows z, and on a piece its Hessian is minus the
Gram matrix of the rows, over the coordinates that are inside their bounds. A step solves with that matrix and a
multiple of the identity, which grows where a step gained nothing and shrinks elsewhere (Levenberg and Marquardt). Once it is
known which rows and bounds bind, one system gives the last digits.

Rows are dense here, and Clarabel is made for sparse ones: at fc1 of a small VGG16 and at hidden layers of 1,024 units it takes
2 to 30 times as long. It is asked where this method comes to no end.
"""

from typing import NamedTuple

import numpy as np
import scipy.linalg

from tfcollide.polytope.exact.change import Answer, Change

__all__ = ["lower_bound", "refined", "smallest_change"]

_STEPS = 300
_ENOUGH = 1e-11
"""What a row of length one may miss, and the relative duality gap."""

_NEAR = 1e-5
"""Where rows are missed by no more than this, those that bind are probably known."""

_FIRST, _LEAST, _LARGEST = 1e-3, 1e-13, 1e6
_FACTOR = 4.0


class _Place(NamedTuple):
    """Where an ascent is: multipliers `[R]`, the dual's value, w `[D]` and z `[D]`, and the gradient `[R]`."""

    dual: np.ndarray
    value: float
    pull: np.ndarray
    z: np.ndarray
    slope: np.ndarray

    @classmethod
    def at(cls, change: Change, dual: np.ndarray) -> "_Place":
        dual = _signed(change, dual)
        w = change.rows.T @ dual
        z = np.clip(w, change.least, change.most)
        value = float(change.limits @ dual + (0.5 * z * z - w * z).sum())
        return cls(dual, value, w, z, change.limits - change.rows @ z)

    def residual(self, change: Change) -> float:
        """0 where no multiplier can be better: where the slope is 0, or leads to above 0 at an inequality."""
        onward = np.minimum(self.dual + self.slope, 0.0) - self.dual
        return float(np.abs(np.where(change.equation, self.slope, onward)).max(initial=0.0))


def smallest_change(change: Change) -> Answer | None:
    """The smallest z of `change` in L2, and its multipliers.

    Args:
        change: rows of length one, and bounds.

    Returns:
        as of `solve_conic`: "optimal", z `[D]` and multipliers `[R]`; or "infeasible", None and None, where the dual's value
        exceeds what any z within the bounds has; None where neither was reached.
    """
    here, damping, tried = _Place.at(change, np.zeros(len(change.limits))), _FIRST, np.inf
    scale = max(1.0, float(np.abs(change.limits).max(initial=0.0)))
    farthest = 0.5 * float((np.maximum(np.abs(change.least), np.abs(change.most)) ** 2).sum())
    for _ in range(_STEPS):
        left = here.residual(change) / scale
        if left <= min(_NEAR, 0.3 * tried):
            tried, (z, dual) = left, refined(change, here.z, here.dual)
            if left <= _ENOUGH or _is_best(change, z, dual, scale):
                return "optimal", z, dual
        if here.value > 1.001 * farthest:
            return "infeasible", None, None
        here, damping = _step(change, here, max(damping, 0.1 * left, _LEAST))
        if damping > _LARGEST:
            break
    return None


def refined(change: Change, z: np.ndarray, dual: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Solves for z again from the rows and bounds that bind, to the last digits, unless that is worse."""
    binding = change.equation | (-dual > change.limits - change.rows @ z)
    w = change.rows.T @ dual
    inside = (w > change.least) & (w < change.most)
    exact, multipliers = np.where(w <= change.least, change.least, change.most), np.zeros(len(dual))
    exact[inside] = 0.0
    block = change.rows[binding]
    part = block[:, inside]
    # z = part' y where inside; least squares, since rows may depend on each other.
    multipliers[binding] = np.linalg.lstsq(part @ part.T, change.limits[binding] - block @ exact, rcond=1e-12)[0]
    exact[inside] = part.T @ multipliers[binding]
    exact = np.clip(exact, change.least, change.most)
    if not change.miss(exact) <= max(change.miss(z), 1e-13):
        return z, dual
    bounds = [lower_bound(change, _signed(change, y)) for y in (dual, multipliers)]
    return exact, dual if bounds[0] > bounds[1] else multipliers


def lower_bound(change: Change, dual: np.ndarray) -> float:
    """Of |z|: the root of 2 (limits' y + sum_j min_{least <= z <= most} z^2 / 2 - w z), least at z = clip(w)."""
    w = change.rows.T @ dual
    z = np.clip(w, change.least, change.most)
    return float(np.sqrt(max(2.0 * (change.limits @ dual + (0.5 * z * z - w * z).sum()), 0.0)))


def _signed(change: Change, dual: np.ndarray) -> np.ndarray:
    return np.where(change.equation, dual, np.minimum(dual, 0.0))


def _is_best(change: Change, z: np.ndarray, dual: np.ndarray, scale: float) -> bool:
    """Whether weak duality proves z to be the smallest, and it misses no row."""
    gap = float(np.linalg.norm(z)) - lower_bound(change, _signed(change, dual))
    return change.miss(z) <= _ENOUGH * scale and gap <= _ENOUGH * scale


def _step(change: Change, here: _Place, damping: float) -> tuple[_Place, float]:
    """A place that is higher, but for rounding; and the damping to go on with, above `_LARGEST` where there is none."""
    moving = change.equation | (here.dual < 0.0) | (here.slope < 0.0)
    part = change.rows[moving][:, (here.pull > change.least) & (here.pull < change.most)]
    gram, step = part @ part.T, np.zeros(len(here.dual))
    diagonal, own = np.diag_indices_from(gram), gram.diagonal().copy()
    while damping <= _LARGEST:
        gram[diagonal] = own + damping
        factor = scipy.linalg.cho_factor(gram, lower=True, check_finite=False)
        step[moving] = scipy.linalg.cho_solve(factor, here.slope[moving], check_finite=False)
        there = _Place.at(change, here.dual + step)
        promised, gained = float(here.slope @ (there.dual - here.dual)), there.value - here.value
        if gained >= 0.25 * promised or promised <= 1e-12 * max(1.0, abs(here.value)):
            return there, damping / _FACTOR
        if gained >= 1e-4 * promised:
            return there, damping
        damping *= _FACTOR
    return here, damping
