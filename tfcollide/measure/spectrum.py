"""How many singular values of a linear map are above a share of the largest, from products with it alone.

For a random vector v the Lanczos process on M = J^T J gives the recurrence of the measure that v sees of M's eigenvalues.
A quadrature of the same moments can be given a node at any level (Gauss-Radau: Golub 1973, SIAM Review 15). By Chebyshev,
Markov and Stieltjes the mass below the level is then at least the weights of the nodes below it, and at most these and the
level's own (Szego, Orthogonal Polynomials, section 3.41). Those bounds need no assumption on the spectrum. Their mean over
random signs v estimates the share of eigenvalues up to the level (Hutchinson 1990); Student's t says how far the mean may be
off (stochastic Lanczos quadrature: Ubaru, Chen and Saad 2017, SIAM J. Matrix Anal. Appl. 38). Every new vector is made
orthogonal to all before it, twice, in float64, so that rounding makes no ghosts.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence

import numpy as np
import scipy.linalg
from scipy import stats

__all__ = ["CountBounds", "Quadrature", "count_below", "quadratures"]

_NOTHING = 1e-7  # below this share of the first length float32 products say nothing any more


@dataclasses.dataclass(frozen=True)
class CountBounds:
    """How many eigenvalues are at most a level.

    Attributes:
        value: the middle of the mean bounds.
        low: the lower end.
        high: the upper end; both with the confidence asked for.
    """

    value: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True)
class Quadrature:
    """What one random vector sees of a symmetric map.

    Attributes:
        diagonal: `[m]`, of the tridiagonal matrix that the process makes.
        beside: `[m]`, beside it; the last is the length of what the process left.
        whole: whether the process came to its end, so that nothing is left and nodes are eigenvalues.
    """

    diagonal: np.ndarray
    beside: np.ndarray
    whole: bool

    @functools.cached_property
    def largest(self) -> float:
        """The largest node, nearly the largest eigenvalue."""
        return float(self._rule(self.diagonal, self.beside[:-1])[0][-1])

    def mass_up_to(self, level: float) -> tuple[float, float]:
        """Bounds on the mass of what is at most `level`."""
        if self.whole:
            nodes, weights = self._rule(self.diagonal, self.beside[:-1])
            mass = float(weights[nodes <= level].sum())
            return mass, mass
        nodes, weights = self._rule(np.append(self.diagonal, self._end(level)), self.beside)
        own = int(np.abs(nodes - level).argmin())
        return float(weights[:own].sum()), min(float(weights[: own + 1].sum()), 1.0)

    def _end(self, level: float) -> float:
        """The last diagonal number with which the level is a node: level + beside_m^2 [(T - level)^-1]_mm, by recurrence."""
        pivot = self.diagonal[0] - level
        for number, off in zip(self.diagonal[1:], self.beside[:-1], strict=True):
            pivot = number - level - off**2 / _away_from_zero(pivot)
        return level + self.beside[-1] ** 2 / _away_from_zero(pivot)

    @staticmethod
    def _rule(diagonal: np.ndarray, beside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Nodes, ascending, and weights of sum 1 (Golub and Welsch 1969)."""
        nodes, vectors = scipy.linalg.eigh_tridiagonal(diagonal, beside)
        return nodes, vectors[0] ** 2


def quadratures(
    product: Callable[[np.ndarray], np.ndarray], size: int, *, probes: int, steps: int, seed: int = 0
) -> list[Quadrature]:
    """Lanczos quadratures of a symmetric positive semidefinite map, all vectors side by side.

    Args:
        product: `[k, size]` -> `[k, size]`, the map applied to each row.
        size: of a vector.
        probes: k, random vectors of signs.
        steps: m, of the Lanczos process; fewer where it comes to its end.
        seed: of the vectors.
    """
    steps = min(steps, size)
    bases = np.zeros([probes, steps + 1, size])
    bases[:, 0] = np.random.default_rng(seed).choice([-1.0, 1.0], [probes, size]) / size**0.5
    diagonal, beside, lengths = np.zeros([probes, steps]), np.zeros([probes, steps]), np.full(probes, steps)
    for k in range(steps):
        found = np.asarray(product(bases[:, k]), np.float64)
        diagonal[:, k] = np.einsum("pd,pd->p", found, bases[:, k])
        for _ in range(2):
            known = bases[:, : k + 1]
            found = found - np.einsum("pk,pkd->pd", np.einsum("pkd,pd->pk", known, found), known)
        beside[:, k] = np.linalg.norm(found, axis=1)
        scale = np.abs(diagonal).max(axis=1) + beside.max(axis=1)
        ended = (beside[:, k] <= _NOTHING * scale) & (lengths == steps)
        lengths[ended] = k + 1
        if (lengths <= k + 1).all():
            break
        bases[:, k + 1] = found / np.maximum(beside[:, k], np.finfo(np.float64).tiny)[:, None]
    return [
        Quadrature(
            diagonal[p, :n], beside[p, :n], bool(beside[p, n - 1] <= _NOTHING * np.abs(diagonal[p, :n]).max() or n == size)
        )
        for p, n in enumerate(lengths)
    ]


def count_below(
    found: Sequence[Quadrature], size: int, level: float, *, confidence: float = 0.95, least: float = 0.0
) -> CountBounds:
    """How many of `size` eigenvalues are at most a level.

    Args:
        found: quadratures of independent random vectors.
        size: of the map.
        level: that eigenvalues are compared with.
        confidence: of the interval that the random vectors ask for.
        least: how many are known to be.
    """
    bounds = size * np.array([one.mass_up_to(level) for one in found])
    middle, spread = bounds.mean(axis=0), np.zeros(2)
    if len(found) > 1:
        times = stats.t.ppf((1 + confidence) / 2, len(found) - 1)
        spread = times * bounds.std(axis=0, ddof=1) / len(found) ** 0.5
    low, high = np.clip([middle[0] - spread[0], middle[1] + spread[1]], least, size)
    return CountBounds(float(np.clip(middle.mean(), low, high)), float(low), float(high))


def _away_from_zero(value: float) -> float:
    tiny = np.finfo(np.float64).tiny ** 0.5
    return value if abs(value) > tiny else tiny
