"""Linear programs with vertex solutions, by HiGHS' simplex method, the dual one but where a point is known.

Three things make it faster here than `scipy.optimize.linprog`: no presolve, which
finds nothing in a dense program; rows joining only when they are violated, since a
collision polytope's corner touches few of its inequalities; and no scaling by
HiGHS, since rows and costs come in at length one. Each program is solved from cold
and by itself, so results do not depend on which others ran before or beside it.
"""

from typing import Any, NamedTuple

import highspy
import numpy as np
import scipy.sparse

__all__ = ["LinearProgram", "ProgramSolution", "solve_program"]

TOLERANCE = 1e-9
"""By how much HiGHS may miss a row of length one."""

_OPTIONS: dict[str, Any] = {
    "output_flag": False,
    "presolve": "off",
    "parallel": "off",
    "threads": 1,
    "simplex_scale_strategy": 0,
    "primal_feasibility_tolerance": TOLERANCE,
    "dual_feasibility_tolerance": TOLERANCE,
    "ipm_optimality_tolerance": 1e-9,
    "small_matrix_value": 1e-12,
}
_PRIMAL = 4  # HiGHS' "simplex_strategy"
_BASIC, _UPPER, _FREE = (
    int(s) for s in (highspy.HighsBasisStatus.kBasic, highspy.HighsBasisStatus.kUpper, highspy.HighsBasisStatus.kZero)
)


class LinearProgram(NamedTuple):
    """Minimize cost . x over row_lower <= rows x <= row_upper, lower <= x <= upper.

    Attributes:
        cost: `[D]` float64.
        rows: `[R, D]` float64, an array or a SciPy sparse array; best of length one.
        row_lower: `[R]`, may be -inf.
        row_upper: `[R]`, may be inf; equal to `row_lower` for an equation.
        lower: `[D]`, may be -inf.
        upper: `[D]`, may be inf.
    """

    cost: np.ndarray
    rows: Any
    row_lower: np.ndarray
    row_upper: np.ndarray
    lower: np.ndarray
    upper: np.ndarray


class ProgramSolution(NamedTuple):
    """What came of a program.

    Attributes:
        status: "optimal", "infeasible", "unbounded" or "failed: " and HiGHS' words.
        x: `[D]` float64; NaN unless optimal.
        value: cost . x; NaN unless optimal.
        row_dual: `[R]`, the multiplier of each row: cost - rows' row_dual is the
            reduced cost; at most 0 where the upper side binds. Of an infeasible program that
            was solved for a vertex, a combination of rows that no point satisfies.
        iterations: of the simplex method.
    """

    status: str
    x: np.ndarray
    value: float
    row_dual: np.ndarray
    iterations: int


def solve_program(program: LinearProgram, *, vertex: bool = True, from_zero: bool = False) -> ProgramSolution:
    """Solves a linear program.

    Args:
        program: see `LinearProgram`.
        vertex: whether the solution must be a vertex (simplex); otherwise
            whatever the interior-point method ends on, which is faster on many
            sparse rows.
        from_zero: whether x = 0 is within all rows and bounds. Then the primal simplex
            method sets out from there, with every row from the start: faster where
            most coordinates have no bounds.
    """
    rows, columns = program.rows.shape
    if (program.lower > program.upper).any():
        return ProgramSolution("infeasible", np.full(columns, np.nan), np.nan, np.zeros(rows), 0)
    run = _Run(program, vertex, primal=from_zero)
    status = run.lazily() if vertex and not from_zero else run.at_once()
    if status != "optimal":
        dual = run.ray() if vertex and status == "infeasible" else np.zeros(rows)
        return ProgramSolution(status, np.full(columns, np.nan), np.nan, dual, run.iterations)
    x = run.solution()
    return ProgramSolution(status, x, float(program.cost @ x), run.row_dual(), run.iterations)


class _Highs(highspy.Highs):
    """HiGHS without its callbacks, which none needs here: to enable them prints its license on standard output."""

    def __init__(self) -> None:
        super(highspy.Highs, self).__init__()


class _Run:
    """One program inside HiGHS, and which of its rows are there yet."""

    def __init__(self, program: LinearProgram, vertex: bool, *, primal: bool = False):
        self._program = program
        self._scale = float(np.linalg.norm(program.cost)) or 1.0
        self._included = np.zeros(0, np.int64)
        self.iterations = 0
        self._highs = _Highs()
        for name, value in (_OPTIONS | {"solver": "simplex" if vertex else "ipm"}).items():
            self._highs.setOptionValue(name, value)
        if primal:
            self._highs.setOptionValue("simplex_strategy", _PRIMAL)
        if not vertex:
            self._highs.setOptionValue("run_crossover", "off")
        self._highs.passModel(self._columns())

    def lazily(self) -> str:
        """Solves with the equations alone, then with every row that was violated, until none is."""
        p = self._program
        equation = p.row_lower == p.row_upper
        self._include(np.flatnonzero(equation))
        while True:
            status = self._solve()
            outside = np.setdiff1d(np.arange(p.rows.shape[0]), self._included)
            if status == "unbounded" and outside.size:
                self._include(outside)
                continue
            if status != "optimal":
                return status
            activity = p.rows @ self._raw()
            excess = np.maximum(activity - p.row_upper, p.row_lower - activity)
            violated = outside[excess[outside] > TOLERANCE]
            if not violated.size:
                return status
            self._include(violated)

    def at_once(self) -> str:
        self._include(np.arange(self._program.rows.shape[0]))
        return self._solve()

    def solution(self) -> np.ndarray:
        """The vertex, solved for again from its basis: HiGHS' own digits miss rows by up to `TOLERANCE`."""
        raw = np.clip(self._raw(), self._program.lower, self._program.upper)
        polished = self._from_basis()
        if polished is None or self._miss(polished) > self._miss(raw):
            return raw
        return polished

    def row_dual(self) -> np.ndarray:
        dual = np.zeros(self._program.rows.shape[0])
        dual[self._included] = np.array(self._highs.getSolution().row_dual) * self._scale
        return dual

    def ray(self) -> np.ndarray:
        """The multipliers that show that there is no point; zeros where HiGHS has none."""
        dual = np.zeros(self._program.rows.shape[0])
        _, known, values = self._highs.getDualRay()  # type: ignore[attr-defined]
        if known:
            dual[self._included] = values
        return dual

    def _columns(self) -> Any:
        p, lp = self._program, highspy.HighsLp()
        lp.num_col_, lp.num_row_ = p.rows.shape[1], 0
        lp.col_cost_ = p.cost / self._scale
        lp.col_lower_, lp.col_upper_ = p.lower, p.upper
        return lp

    def _include(self, rows: np.ndarray) -> None:
        if not rows.size:
            return
        p, block = self._program, scipy.sparse.csr_array(self._program.rows[rows])
        starts, indices = block.indptr[:-1].astype(np.int32), block.indices.astype(np.int32)
        self._highs.addRows(rows.size, p.row_lower[rows], p.row_upper[rows], block.nnz, starts, indices, block.data)
        self._included = np.concatenate([self._included, rows])

    def _solve(self) -> str:
        self._highs.run()
        self.iterations += max(self._highs.getInfo().simplex_iteration_count, 0)
        found = self._highs.getModelStatus()
        names = {"kOptimal": "optimal", "kInfeasible": "infeasible", "kUnbounded": "unbounded", "kModelEmpty": "optimal"}
        return names.get(found.name, f"failed: {self._highs.modelStatusToString(found)}")

    def _raw(self) -> np.ndarray:
        return np.array(self._highs.getSolution().col_value)

    def _miss(self, x: np.ndarray) -> float:
        p = self._program
        activity = p.rows[self._included] @ x
        over = np.maximum(activity - p.row_upper[self._included], p.row_lower[self._included] - activity)
        return float(over.max(initial=0.0))

    def _from_basis(self) -> np.ndarray | None:
        p, basis = self._program, self._highs.getBasis()
        if not basis.valid:
            return None
        columns = np.array([int(s) for s in basis.col_status])
        status = np.array([int(s) for s in basis.row_status], np.int64)
        basic, held = np.flatnonzero(columns == _BASIC), status != _BASIC
        if basic.size != held.sum():
            return None
        x = np.where(columns == _UPPER, p.upper, np.where(columns == _FREE, 0.0, p.lower))
        x[basic] = 0.0
        tight = self._included[held]
        level = np.where(status[held] == _UPPER, p.row_upper[tight], p.row_lower[tight])
        block = p.rows[tight]
        matrix = block[:, basic].toarray() if scipy.sparse.issparse(block) else block[:, basic]
        try:
            x[basic] = np.linalg.solve(matrix, level - block @ x)
        except np.linalg.LinAlgError:
            return None
        return np.clip(x, p.lower, p.upper) if np.isfinite(x).all() else None
