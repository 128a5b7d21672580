"""Points of a polytope by how they differ from a source: rows, bounds, and conic programs over them.

Clarabel solves what is no linear program: a quadratic cost, or a ball around the source.
"""

from typing import Any, NamedTuple

import clarabel
import numpy as np
import scipy.sparse

from tfcollide.polytope.exact.halfspaces import Polytope

__all__ = ["Answer", "Change", "solve_conic"]

Answer = tuple[str, np.ndarray | None, np.ndarray | None]
"""A status, z `[D]` and the rows' multipliers `[R]`; the latter None unless the status is "optimal"."""

_ACCURACY = 1e-10


class Change(NamedTuple):
    """The problem in z = x - source: equations and inequalities of length one, and a box.

    Attributes:
        rows: `[R, D]`.
        limits: `[R]`.
        equation: `[R]` bool; rows z = limits there, rows z <= limits elsewhere.
        least: `[D]`.
        most: `[D]`.
    """

    rows: np.ndarray
    limits: np.ndarray
    equation: np.ndarray
    least: np.ndarray
    most: np.ndarray

    @classmethod
    def of(cls, polytope: Polytope, source: np.ndarray, max_change: float = np.inf) -> "Change":
        """Of `source` `[D]` into `polytope`, by at most `max_change` a coordinate."""
        unit = polytope.unit_rows()
        rows = np.concatenate([unit.equalities, unit.inequalities])
        limits = np.concatenate([unit.values, unit.limits]) - rows @ source
        equation = np.arange(len(limits)) < len(unit.values)
        least, most = np.maximum(polytope.lower - source, -max_change), np.minimum(polytope.upper - source, max_change)
        return cls(rows, limits, equation, least, most)

    def miss(self, z: np.ndarray) -> float:
        """The worst violation of a row."""
        over = self.rows @ z - self.limits
        return float(np.where(self.equation, np.abs(over), over).max(initial=0.0))


def solve_conic(change: Change, quadratic: scipy.sparse.csc_array, cost: np.ndarray, radius: float | None = None) -> Answer:
    """Minimizes z' quadratic z / 2 + cost . z with the rows that matter: the equations, then each row once it is violated.

    Args:
        change: rows and bounds of z.
        quadratic: `[D, D]`, positive semidefinite.
        cost: `[D]`.
        radius: the most that |z|_2 may be; None for no limit.

    Returns:
        an answer, whose status is "optimal", "infeasible" or "failed: " and the solver's words.
    """
    included = change.equation.copy()
    while True:
        part = change._replace(rows=change.rows[included], limits=change.limits[included], equation=change.equation[included])
        status, z, some = _clarabel(part, quadratic, cost, radius)
        if z is None or some is None:
            return status, None, None
        violated = ~included & (change.rows @ z - change.limits > _ACCURACY)
        if not violated.any():
            dual = np.zeros(len(included))
            dual[included] = some
            return "optimal", z, dual
        included |= violated


def _clarabel(change: Change, quadratic: scipy.sparse.csc_array, cost: np.ndarray, radius: float | None) -> Answer:
    size, equations = len(change.least), int(change.equation.sum())
    low, high = np.isfinite(change.least), np.isfinite(change.most)
    eye = scipy.sparse.eye_array(size, format="csr")
    order = np.argsort(~change.equation, kind="stable")  # equations first, as the cones are listed
    blocks = [scipy.sparse.csr_array(change.rows[order]), -eye[low], eye[high]]
    levels = [change.limits[order], -change.least[low], change.most[high]]
    one_sided = sum(map(len, levels)) - equations
    cones = [clarabel.ZeroConeT(equations), clarabel.NonnegativeConeT(one_sided)]
    if radius is not None:  # (radius, z) in the second-order cone
        blocks += [scipy.sparse.csr_array((1, size)), -eye]
        levels += [np.array([radius]), np.zeros(size)]
        cones.append(clarabel.SecondOrderConeT(size + 1))
    a, b = scipy.sparse.csc_matrix(scipy.sparse.vstack(blocks)), np.concatenate(levels)
    solution = clarabel.DefaultSolver(scipy.sparse.csc_matrix(quadratic), cost, a, b, cones, _settings()).solve()
    words = str(solution.status)
    if "Infeasible" in words:
        return "infeasible", None, None
    if not words.endswith("Solved"):
        return f"failed: {words}", None, None
    dual = np.zeros(len(order))
    dual[order] = -np.array(solution.z)[: len(order)]
    return "optimal", np.clip(solution.x, change.least, change.most), dual


def _settings() -> Any:
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.max_threads = 1  # the same digits on any number of cores
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = _ACCURACY
    return settings
