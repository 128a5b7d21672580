"""How large a polytope is: dimension, relative interior, Chebyshev ball, boundedness.

Rows are compared at length one, so that tolerances are lengths in image space.
A run asks for the dimension alone; the rest is for whoever studies a collision set.
"""

import dataclasses

import numpy as np
import scipy.sparse

from tfcollide.polytope.exact.blas import one_blas_thread
from tfcollide.polytope.exact.halfspaces import Polytope
from tfcollide.polytope.exact.linear_program import LinearProgram, ProgramSolution, solve_program
from tfcollide.polytope.exact.relative_interior import Cuts, ImplicitEqualities, implicit_equalities, is_empty, solve

__all__ = ["Ball", "affine_dimension", "bounded", "chebyshev", "recession_direction"]

RANK_TOLERANCE = 1e-9
"""Singular values of rows of length one below this share of the largest count as zero."""


@dataclasses.dataclass(frozen=True)
class Ball:
    """The largest ball inside a polytope, within its affine hull.

    Attributes:
        center: `[D]` float64.
        radius: L2; 0 for a point, inf where the polytope holds balls of any size.
    """

    center: np.ndarray
    radius: float


@one_blas_thread()
def affine_dimension(polytope: Polytope) -> int:
    """D less the rank of all equalities, implicit ones included; 0 for a point, -1 for the empty set."""
    if is_empty(polytope):
        return -1
    found = implicit_equalities(polytope)
    free = ~found.fixed
    values = np.linalg.svd(_hull_rows(polytope, found)[:, free], compute_uv=False)
    return int(free.sum() - np.count_nonzero(_kept(values)))


def chebyshev(polytope: Polytope) -> Ball:
    """The largest ball of the affine hull inside the polytope.

        maximize r   subject to   a_i x + r |P a_i| <= d_i,   x in the affine hull

    with P the projection onto the directions of the hull. Constraints with
    |P a_i| = 0 say nothing there. For a polytope that holds balls of any size the
    center is that of one of radius 1.

    Raises:
        RequestError: the polytope is empty.
    """
    found = implicit_equalities(polytope)
    hull = _Hull.of(polytope, found)
    if hull.is_point:
        return Ball(hull.project(found.point), 0.0)
    solution = hull.largest_ball()
    if solution.status == "unbounded":
        return Ball(hull.project(hull.largest_ball(most=1.0).x[:-1]), np.inf)
    centers = [found.point] + ([hull.project(solution.x[:-1])] if solution.status == "optimal" else [])
    return max((Ball(center, hull.radius(center)) for center in centers), key=lambda ball: ball.radius)


def recession_direction(polytope: Polytope, *, with_bounds: bool = True) -> np.ndarray | None:
    """A unit vector `[D]` along which the polytope has no end; None where it is bounded.

    Args:
        polytope: the set; an empty one is bounded.
        with_bounds: whether the bounds count, or the rows alone.
    """
    finite = np.isfinite(polytope.lower).all() and np.isfinite(polytope.upper).all()
    if (with_bounds and finite) or is_empty(polytope):
        return None
    unit = polytope.unit_rows()
    rows = Cuts.of(polytope).rows.toarray() if with_bounds else unit.inequalities
    line = _line(np.concatenate([unit.equalities, rows]))
    return line if line is not None else _ray(unit.equalities, rows)


def bounded(polytope: Polytope, *, with_bounds: bool = True) -> bool:
    """Whether the polytope has an end in every direction, with the bounds or by its rows alone."""
    return recession_direction(polytope, with_bounds=with_bounds) is None


@dataclasses.dataclass(frozen=True)
class _Hull:
    """A polytope's affine hull {x : basis x = values, x = level where fixed}, and what cuts it.

    Attributes:
        fixed: `[D]` bool.
        level: `[D]`.
        basis: `[rank, D]` orthonormal rows, zero at fixed coordinates.
        values: `[rank]`.
        rows: `[R, D]` sparse, the constraints that end the set within its hull.
        limits: `[R]`.
        lengths: `[R]`, |P a|, the length of each along the hull.
    """

    fixed: np.ndarray
    level: np.ndarray
    basis: np.ndarray
    values: np.ndarray
    rows: scipy.sparse.csr_array
    limits: np.ndarray
    lengths: np.ndarray

    @classmethod
    def of(cls, polytope: Polytope, found: ImplicitEqualities) -> "_Hull":
        free, cuts = ~found.fixed, Cuts.of(polytope)
        short = _row_space(_hull_rows(polytope, found)[:, free])
        basis = np.zeros([len(short), polytope.size])
        basis[:, free] = short
        along = cuts.rows.toarray() * free
        lengths = np.linalg.norm(along - (along @ basis.T) @ basis, axis=1)
        ends = lengths > RANK_TOLERANCE
        level = np.where(found.lower, polytope.lower, np.where(found.upper, polytope.upper, 0.0))
        values = basis @ found.point
        return cls(found.fixed, level, basis, values, cuts.rows[ends], cuts.limits[ends], lengths[ends])

    @property
    def is_point(self) -> bool:
        """Whether no direction lies in the hull."""
        return len(self.basis) + int(self.fixed.sum()) == self.level.size

    def largest_ball(self, *, most: float = np.inf) -> ProgramSolution:
        """The program of `chebyshev` over (x, r), 0 <= r <= most."""
        size, inequalities = self.level.size, len(self.limits)
        rows = scipy.sparse.block_array(
            [[scipy.sparse.csr_array(self.basis), None], [self.rows, scipy.sparse.csr_array(self.lengths[:, None])]],
            format="csr",
        )
        row_upper = np.concatenate([self.values, self.limits])
        row_lower = np.concatenate([self.values, np.full(inequalities, -np.inf)])
        lower = np.append(np.where(self.fixed, self.level, -np.inf), 0.0)
        upper = np.append(np.where(self.fixed, self.level, np.inf), most)
        return solve(LinearProgram(-np.eye(1, size + 1, size)[0], rows, row_lower, row_upper, lower, upper))

    def project(self, x: np.ndarray) -> np.ndarray:
        """The point of the hull nearest to `x` `[D]`."""
        x = np.where(self.fixed, self.level, x)
        return x - (self.basis @ x - self.values) @ self.basis

    def radius(self, x: np.ndarray) -> float:
        """Of the largest ball of the hull around a point `x` of it."""
        return max(float(((self.limits - self.rows @ x) / self.lengths).min(initial=np.inf)), 0.0)


def _hull_rows(polytope: Polytope, found: ImplicitEqualities) -> np.ndarray:
    unit = polytope.unit_rows()
    return np.concatenate([unit.equalities, unit.inequalities[found.inequalities]])


def _row_space(rows: np.ndarray) -> np.ndarray:
    """`[rank, D]` orthonormal rows that span those of `rows` `[R, D]`."""
    if not rows.size:
        return np.zeros([0, rows.shape[1]])
    _, values, basis = np.linalg.svd(rows, full_matrices=False)
    return basis[_kept(values)]


def _kept(values: np.ndarray) -> np.ndarray:
    """Which singular values, largest first, of rows of length one count as more than zero."""
    return values > RANK_TOLERANCE * max(1.0, values.max(initial=0.0))


def _line(rows: np.ndarray) -> np.ndarray | None:
    """A unit vector that every row is orthogonal to, or None."""
    basis = _row_space(rows)
    if len(basis) == rows.shape[1]:
        return None
    axis = int((basis**2).sum(axis=0).argmin())
    line = np.eye(1, rows.shape[1], axis)[0] - basis[:, axis] @ basis
    return line / np.linalg.norm(line)


def _ray(equalities: np.ndarray, rows: np.ndarray) -> np.ndarray | None:
    """A unit vector v with equalities v = 0 and rows v <= 0, where the two together have full rank; or None.

        minimize sum_i (rows v)_i   subject to   equalities v = 0,   -1 <= rows v <= 0

    Any v but 0 has a negative component of rows v, and can be scaled until one is -1.
    """
    size = rows.shape[1]
    row_lower = np.concatenate([np.zeros(len(equalities)), -np.ones(len(rows))])
    free = np.full(size, np.inf)
    program = LinearProgram(
        rows.sum(axis=0), np.concatenate([equalities, rows]), row_lower, np.zeros(row_lower.size), -free, free
    )
    solution = solve_program(program)
    if solution.status != "optimal" or solution.value > -0.5:
        return None
    return solution.x / np.linalg.norm(solution.x)
