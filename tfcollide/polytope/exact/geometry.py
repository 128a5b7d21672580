"""How large a polytope is: dimension, relative interior, Chebyshev ball, boundedness.

Rows are compared at length one, so that tolerances are lengths in the polytope's own space.
Where few directions are left by the equations, as in the space of a deep layer, programs are
solved among these; in image space, where many are, in the coordinates as they are.
"""

import dataclasses
from typing import NamedTuple

import numpy as np
import scipy.sparse

from tfcollide.polytope.exact.blas import one_blas_thread
from tfcollide.polytope.exact.halfspaces import Polytope
from tfcollide.polytope.exact.linear_program import LinearProgram, solve_program
from tfcollide.polytope.exact.relative_interior import Cuts, ImplicitEqualities, implicit_equalities, is_empty, solve

__all__ = ["Ball", "Flat", "affine_dimension", "bounded", "chebyshev", "diameter_bound", "flattened", "recession_direction"]

RANK_TOLERANCE = 1e-9
"""Singular values of rows of length one below this share of the largest count as zero."""


@dataclasses.dataclass(frozen=True)
class Ball:
    """The largest ball inside a polytope, within its affine hull.

    Attributes:
        center: `[D]` float64.
        radius: L2; 0 for a point, inf where the polytope holds balls of any size.
        ends: whether what holds the ball proves that the polytope has an end in every direction; False says nothing.
    """

    center: np.ndarray
    radius: float
    ends: bool = False


class Flat(NamedTuple):
    """A polytope in coordinates w of its hull: {point + frame w : rows w <= limits}.

    Attributes:
        point: `[D]`, of the polytope.
        frame: `[D, k]`, orthonormal columns; none for a single point.
        rows: `[R, k]` of length one.
        limits: `[R]`.
    """

    point: np.ndarray
    frame: np.ndarray
    rows: np.ndarray
    limits: np.ndarray


@one_blas_thread()
def flattened(polytope: Polytope) -> Flat | None:
    """A polytope in the coordinates of its hull; None where these are more than its equations, and for the empty set."""
    found = None if is_empty(polytope) else implicit_equalities(polytope)
    hull = _Hull.of(polytope, found) if found else None
    return None if hull is None or hull.frame is None else Flat(hull.project(hull.point), hull.frame, *hull.cuts_within())


@one_blas_thread()
def affine_dimension(polytope: Polytope) -> int:
    """D less the rank of all equalities, implicit ones included; 0 for a point, -1 for the empty set."""
    if is_empty(polytope):
        return -1
    found = implicit_equalities(polytope)
    free = ~found.fixed
    values = np.linalg.svd(_hull_rows(polytope, found)[:, free], compute_uv=False)
    return int(free.sum() - np.count_nonzero(_kept(values)))


@one_blas_thread()
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
        return Ball(hull.project(found.point), 0.0, ends=True)
    status, center, ends = hull.largest_ball()
    if status == "unbounded":
        return Ball(hull.largest_ball(most=1.0)[1], np.inf)
    centers = [found.point] + ([center] if status == "optimal" else [])
    return max((Ball(center, hull.radius(center), ends) for center in centers), key=lambda ball: ball.radius)


@one_blas_thread()
def recession_direction(polytope: Polytope, *, with_bounds: bool = True) -> np.ndarray | None:
    """A unit vector `[D]` along which the polytope has no end; None where it is bounded.

    Args:
        polytope: the set; an empty one is bounded.
        with_bounds: whether the bounds count, or the rows alone.
    """
    finite = np.isfinite(polytope.lower).all() and np.isfinite(polytope.upper).all()
    if (with_bounds and finite) or is_empty(polytope):
        return None
    unit, equalities = polytope.unit_rows(), polytope.unit_rows().equalities
    rows = Cuts.of(polytope).rows.toarray() if with_bounds else unit.inequalities
    if with_bounds:  # no direction leads out of the hull
        found = implicit_equalities(polytope)
        equalities = np.concatenate([_hull_rows(polytope, found), np.eye(polytope.size)[found.fixed]])
    frame = _frame(_row_space(equalities))
    if frame is None:
        line = _line(np.concatenate([equalities, rows]))
        return line if line is not None else _ray(equalities, rows)
    if not frame.shape[1]:
        return None
    within = rows @ frame
    line = _line(within)
    short = line if line is not None else _ray(np.zeros([0, frame.shape[1]]), within)
    return None if short is None else frame @ short


def bounded(polytope: Polytope, *, with_bounds: bool = True) -> bool:
    """Whether the polytope has an end in every direction, with the bounds or by its rows alone."""
    return recession_direction(polytope, with_bounds=with_bounds) is None


@one_blas_thread()
def diameter_bound(polytope: Polytope, *, enough: float = np.inf) -> float:
    """The diameter of a bounded polytope, at most; or, where it exceeds `enough`, a number between the two.

    The diagonal of the box around the set, along the directions of its hull, by two programs each.
    """
    hull = _Hull.of(polytope, implicit_equalities(polytope))
    if hull.frame is None:
        spanned = np.concatenate([hull.basis, np.eye(polytope.size)[hull.fixed]])
        hull = dataclasses.replace(hull, frame=np.linalg.qr(spanned.T, mode="complete")[0][:, len(spanned) :])
    rows, limits = hull.cuts_within()
    free, squares = np.full(rows.shape[1], np.inf), 0.0
    for axis in np.eye(rows.shape[1]):
        program = LinearProgram(axis, rows, np.full(len(rows), -np.inf), limits, -free, free)
        ends = solve_program(program), solve_program(program._replace(cost=-axis))
        width = -sum(end.value for end in ends)
        squares += width**2
        if not width <= enough:
            return width
    return float(squares**0.5)


@dataclasses.dataclass(frozen=True)
class _Hull:
    """A polytope's affine hull {x : basis x = values, x = level where fixed}, and what cuts it.

    Attributes:
        fixed: `[D]` bool.
        level: `[D]`.
        point: `[D]`, of the hull and inside the polytope.
        basis: `[rank, D]` orthonormal rows, zero at fixed coordinates.
        frame: `[D, k]` orthonormal columns, the directions of the hull; None where they are more than the basis has rows.
        rows: `[R, D]` sparse, the constraints that end the set within its hull.
        limits: `[R]`.
        lengths: `[R]`, |P a|, the length of each along the hull.
    """

    fixed: np.ndarray
    level: np.ndarray
    point: np.ndarray
    basis: np.ndarray
    frame: np.ndarray | None
    rows: scipy.sparse.csr_array
    limits: np.ndarray
    lengths: np.ndarray

    @classmethod
    def of(cls, polytope: Polytope, found: ImplicitEqualities) -> "_Hull":
        free, cuts = ~found.fixed, Cuts.of(polytope)
        short = _row_space(_hull_rows(polytope, found)[:, free])
        basis = np.zeros([len(short), polytope.size])
        basis[:, free] = short
        frame = _frame(short)
        if frame is not None:
            wide = np.zeros([polytope.size, frame.shape[1]])
            wide[free] = frame
            frame = wide
        along = cuts.rows.toarray() * free
        lengths = np.linalg.norm(along - (along @ basis.T) @ basis, axis=1)
        ends = lengths > RANK_TOLERANCE
        level = np.where(found.lower, polytope.lower, np.where(found.upper, polytope.upper, 0.0))
        point = np.where(found.fixed, level, found.point)
        return cls(found.fixed, level, point, basis, frame, cuts.rows[ends], cuts.limits[ends], lengths[ends])

    @property
    def is_point(self) -> bool:
        """Whether no direction lies in the hull."""
        return len(self.basis) + int(self.fixed.sum()) == self.level.size

    def largest_ball(self, *, most: float = np.inf) -> tuple[str, np.ndarray, bool]:
        """The program of `chebyshev` over (x, r), 0 <= r <= most: its status, the center `[D]`, and `Ball.ends`."""
        if self.frame is not None:
            return self._largest_within(most)
        size, inequalities = self.level.size, len(self.limits)
        rows = scipy.sparse.block_array(
            [[scipy.sparse.csr_array(self.basis), None], [self.rows, scipy.sparse.csr_array(self.lengths[:, None])]],
            format="csr",
        )
        values = self.basis @ self.point
        row_upper = np.concatenate([values, self.limits])
        row_lower = np.concatenate([values, np.full(inequalities, -np.inf)])
        lower = np.append(np.where(self.fixed, self.level, -np.inf), 0.0)
        upper = np.append(np.where(self.fixed, self.level, np.inf), most)
        solution = solve(LinearProgram(-np.eye(1, size + 1, size)[0], rows, row_lower, row_upper, lower, upper))
        return solution.status, self.project(solution.x[:-1]), False

    def _largest_within(self, most: float) -> tuple[str, np.ndarray, bool]:
        """The same in the coordinates of the frame, from `point` on."""
        rows, limits = self.cuts_within()
        size = rows.shape[1]
        program = LinearProgram(
            cost=-np.eye(1, size + 1, size)[0],
            rows=np.concatenate([rows, np.ones([len(rows), 1])], axis=1) / 2.0**0.5,
            row_lower=np.full(len(rows), -np.inf),
            row_upper=limits / 2.0**0.5,
            lower=np.append(np.full(size, -np.inf), 0.0),
            upper=np.append(np.full(size, np.inf), most),
        )
        solution = solve_program(program, from_zero=True)
        ends = solution.status == "optimal" and _positively_spanning(rows, -solution.row_dual)
        return solution.status, self.point + self.frame @ solution.x[:-1], ends

    def cuts_within(self) -> tuple[np.ndarray, np.ndarray]:
        """What ends the set in the coordinates w of point + frame w: rows `[R, k]` of length one, and limits `[R]`."""
        return self.rows @ self.frame / self.lengths[:, None], (self.limits - self.rows @ self.point) / self.lengths

    def project(self, x: np.ndarray) -> np.ndarray:
        """The point of the hull nearest to `x` `[D]`."""
        x = np.where(self.fixed, self.level, x)
        return x - (self.basis @ (x - self.point)) @ self.basis

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


def _frame(basis: np.ndarray) -> np.ndarray | None:
    """`[D, k]` orthonormal columns, orthogonal to the orthonormal rows `basis` `[rank, D]`; None where k > rank."""
    rank, size = basis.shape
    return None if size - rank > rank else np.linalg.qr(basis.T, mode="complete")[0][:, rank:]


def _kept(values: np.ndarray) -> np.ndarray:
    """Which singular values, largest first, of rows of length one count as more than zero."""
    return values > RANK_TOLERANCE * max(1.0, values.max(initial=0.0))


def _positively_spanning(rows: np.ndarray, multipliers: np.ndarray) -> bool:
    """Whether multipliers `[R]` at least 0 with rows' multipliers = 0 prove that rows v <= 0 has no solution but v = 0.

    For a unit vector v with rows v <= 0 the sum of multipliers_i |rows_i v| is -v . (rows' multipliers), at most the
    length of that combination, which float64 does not make exactly 0. So there is none where the
    smallest singular value of the rows times their multipliers, which that sum is at least, is clearly larger.
    """
    weights = np.maximum(multipliers, 0.0)
    weights /= max(float(weights.max(initial=0.0)), 1e-100)
    weighted = rows * weights[:, None]
    used = weighted[weights > 0.0]
    if len(used) < rows.shape[1]:
        return False
    least = float(np.linalg.svd(used, compute_uv=False)[-1])
    return least > 100.0 * max(float(np.linalg.norm(weighted.sum(axis=0))), RANK_TOLERANCE)


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
