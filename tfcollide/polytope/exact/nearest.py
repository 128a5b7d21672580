"""The nearest collision: the point of a polytope closest to a source image.

    minimize |x - s|_1   or   |x - s|_2   subject to   x in polytope, |x_j - s_j| <= max_change

The first is a linear program (HiGHS), the second a convex quadratic one (`dual_newton`, else Clarabel).
No solver's word is taken for optimality: from its multipliers y of the rows
A x = c or A x <= d a lower bound of the distance is computed by weak duality,

    min_{z in box} f(z) - y' (A z - b)   <=   f(x - s)   for y <= 0 at inequalities,  z = x - s,  b = d - A s

whose left side has a closed form, a coordinate at a time.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
import scipy.sparse

from tfcollide.errors import RequestError
from tfcollide.polytope.exact.blas import one_blas_thread
from tfcollide.polytope.exact.change import Answer, Change, solve_conic
from tfcollide.polytope.exact.dual_newton import lower_bound, refined, smallest_change
from tfcollide.polytope.exact.halfspaces import Polytope
from tfcollide.polytope.exact.linear_program import LinearProgram, solve_program

__all__ = ["Nearest", "nearest"]


@dataclasses.dataclass(frozen=True)
class Nearest:
    """The closest point, or why there is none.

    Attributes:
        point: `[D]` float64; NaN unless the status is "optimal".
        distance: |point - source| in the norm asked for; where the status is
            "too far", that of the closest collision all the same; else NaN.
        duality_gap: distance less a lower bound of it that weak duality proves; NaN likewise.
        status: "optimal"; "infeasible": no collision within the bounds and
            `max_change`; "too far": the closest one exceeds `max_total`; or
            "failed: " and the solver's words.
        multipliers: `[R]`, y of the equalities, then of the inequalities, where they are at most 0; NaN likewise.
    """

    point: np.ndarray
    distance: float
    duality_gap: float
    status: str
    multipliers: np.ndarray


@one_blas_thread()
def nearest(
    polytope: Polytope,
    source: np.ndarray,
    *,
    norm: str = "l2",
    max_change: float | None = None,
    max_total: float | None = None,
) -> Nearest:
    """The point of `polytope` closest to `source`.

    Args:
        polytope: the collisions.
        source: `[D]` float64.
        norm: "l1" or "l2".
        max_change: the most that any one coordinate may change; None for no limit.
        max_total: the most that `norm` of the change may be; None for no limit.

    Raises:
        RequestError: another norm, a negative limit, or a source of another size.
    """
    if norm not in _SOLVERS:
        raise RequestError(f"norm {norm}", f"one of {', '.join(_SOLVERS)}")
    for name, value in (("max_change", max_change), ("max_total", max_total)):
        if value is not None and not value >= 0.0:
            raise RequestError(f"{name}={value}", "a number of at least 0")
    source = np.asarray(source, np.float64)
    if source.shape != polytope.lower.shape:
        raise RequestError(f"a source of shape {source.shape}", f"{polytope.lower.shape}, one number a coordinate")
    change = Change.of(polytope, source, np.inf if max_change is None else max_change)
    status, z, dual = _SOLVERS[norm](change) if (change.least <= change.most).all() else ("infeasible", None, None)
    nowhere = np.full(source.size, np.nan)
    if z is None or dual is None:
        return Nearest(nowhere, np.nan, np.nan, status, np.full(len(change.limits), np.nan))
    distance = float(np.linalg.norm(z, 1 if norm == "l1" else 2))
    dual = np.where(change.equation, dual, np.minimum(dual, 0.0))
    gap = distance - _LOWER_BOUNDS[norm](change, dual)
    lengths = np.linalg.norm(np.concatenate([polytope.equalities, polytope.inequalities]), axis=1)
    multipliers = dual / np.where(lengths > 1e-100, lengths, 1.0)
    if max_total is not None and distance - max(gap, 0.0) > max_total:
        return Nearest(nowhere, distance, gap, "too far", multipliers)
    # Source + change may leave the bounds by an ulp.
    return Nearest(np.clip(source + z, polytope.lower, polytope.upper), distance, gap, "optimal", multipliers)


def _nearest_l1(change: Change) -> Answer:
    """Z = up - down with both at least 0; returns status, z and the rows' multipliers."""
    up = np.maximum(change.least, 0.0), np.maximum(change.most, 0.0)
    down = np.maximum(-change.most, 0.0), np.maximum(-change.least, 0.0)
    program = LinearProgram(
        cost=np.ones(2 * len(change.least)),
        rows=np.concatenate([change.rows, -change.rows], axis=1),
        row_lower=np.where(change.equation, change.limits, -np.inf),
        row_upper=change.limits,
        lower=np.concatenate([up[0], down[0]]),
        upper=np.concatenate([up[1], down[1]]),
    )
    solution = solve_program(program)
    if solution.status != "optimal":
        return solution.status, None, None
    rise, fall = np.split(solution.x, 2)
    return "optimal", rise - fall, solution.row_dual


def _lower_bound_l1(change: Change, dual: np.ndarray) -> float:
    """Of sum |z|: limits' y + sum_j min_{least <= z <= most} |z| - w z with w = rows' y."""
    w = change.rows.T @ dual
    endless = ~(np.isfinite(change.least) & np.isfinite(change.most))
    # Without an end |w_j| may not exceed 1; a multiple of y in (0, 1] is as valid as y.
    shrink = max(1.0, float(np.abs(w[endless]).max(initial=0.0)))
    w, dual = w / shrink, dual / shrink
    least, most = (np.where(np.isfinite(end), end, 0.0) for end in (change.least, change.most))
    ends = np.stack([least, most, np.clip(0.0, least, most)])
    ends = np.where(endless, np.clip(0.0, change.least, change.most), ends)
    return float(change.limits @ dual + (np.abs(ends) - w * ends).min(axis=0).sum())


def _nearest_l2(change: Change) -> Answer:
    """Minimizes z'z / 2."""
    found = smallest_change(change)
    if found is not None:
        return found
    size = len(change.least)
    status, z, dual = solve_conic(change, scipy.sparse.eye_array(size, format="csc"), np.zeros(size))
    if z is None or dual is None:
        return status, None, None
    return "optimal", *refined(change, z, dual)


_SOLVERS: dict[str, Callable[[Change], Answer]] = {
    "l1": _nearest_l1,
    "l2": _nearest_l2,
}
_LOWER_BOUNDS: dict[str, Callable[[Change, np.ndarray], float]] = {"l1": _lower_bound_l1, "l2": lower_bound}
