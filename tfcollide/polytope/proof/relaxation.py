"""Sound linear bounds of a chain of affine maps and ReLUs over parts of a hull (CROWN).

A mixture of N corners is sum_n w_n corner_n with w in a simplex, so the first
affine map is affine in w, and over a sub-simplex each of its units is bounded
exactly by its values at the N vertices. Behind it every ReLU that may switch is
held between two lines on [lower, upper]:

    slope z <= max(z, 0) <= chord (z - lower),   chord = upper / (upper - lower)

Substituting backwards from the logits leaves a linear function of w, whose
minimum lies at a vertex (Zhang et al., Efficient Neural Network Robustness
Certification with General Activation Functions, NeurIPS 2018).

The quantities bounded are those that float32 computes. With e_k the rounding of
map k (see `float_error`), z_k = W_k a_{k-1} + b_k + d_k for some |d_k| <= e_k, and a
row c of the substitution pays |c| e_k for it, once cancellation among the paths
through the network has happened. e_1, which has the rounding of the mixture too,
is a linear function of w as well.

Float64 rounds here too. Every number computed is a sum over paths, each rounded at
most `depth` times, so it is off by at most gamma64(depth) times the sum of the
paths' absolute values; `slack` bounds that for every unit of every map, and is
taken off every bound.
"""

from typing import Any, NamedTuple

import numpy as np

from tfcollide.models.dense_chain import DenseChain, Stage
from tfcollide.models.reading import Reading
from tfcollide.polytope.proof.float_error import FLOAT32_MAX, flushed, gamma, mixture_error

__all__ = ["Hull", "Margins", "UnitBounds", "forward", "lower_margins", "prepare", "unit_bounds"]

_BLOCK = 2**22  # entries of the largest temporary array, about 32 MiB


class Hull(NamedTuple):
    """A network as a function of the convex weights.

    Attributes:
        pre_activation: `[N, U_1]`, z_1 at the corners.
        error: `[N, U_1]`, e_1 at the corners.
        stages: all maps; those before the first ReLU count as one.
        absolute: |weight| of each map.
        slack: `[U_k]` for each map: the rounding of float64.
        margin_rows: `[R, L]`, the margin is the smallest of these combinations of logits: as of
            `Reading.margin_rows`, the target's logit minus each other, say.
    """

    pre_activation: np.ndarray
    error: np.ndarray
    stages: tuple[Stage, ...]
    absolute: tuple[np.ndarray, ...]
    slack: tuple[np.ndarray, ...]
    margin_rows: np.ndarray

    @property
    def finite(self) -> bool:
        """Whether no float32 operation can overflow."""
        return bool(all(np.isfinite(s).all() for s in self.slack) and np.isfinite(self.error).all())


class UnitBounds(NamedTuple):
    """Bounds of the pre-activations of every map but the last, over B sub-simplices.

    Attributes:
        lower: `[B, U_k]` for each map.
        upper: `[B, U_k]` for each map.
    """

    lower: tuple[np.ndarray, ...]
    upper: tuple[np.ndarray, ...]

    def take(self, index: np.ndarray) -> "UnitBounds":
        """The bounds of the sub-simplices `index`."""
        return UnitBounds(tuple(v[index] for v in self.lower), tuple(v[index] for v in self.upper))

    @staticmethod
    def join(parts: "list[UnitBounds]") -> "UnitBounds":
        """Those of `parts`, one after the other."""
        lower, upper = (tuple(map(np.concatenate, zip(*(part[side] for part in parts), strict=True))) for side in (0, 1))
        return UnitBounds(lower, upper)


def prepare(chain: DenseChain, corners: np.ndarray, target: int, reading: Reading | None = None) -> Hull:
    """The network over the hull of `corners`.

    Args:
        chain: the classifier.
        corners: `[N, ...]` float32, finite.
        target: the code of the class or labels whose margin counts.
        reading: how logits are read; None: as one class of several.
    """
    values = corners.reshape(len(corners), -1).astype(np.float64)
    sizes = np.abs(values)
    errors = mixture_error(len(values)) * sizes + 2.0**-120 * (sizes.max(axis=0) > 0)
    depth, paths = 64 + len(values), sizes
    stages = _end_affine(chain.stages)
    slack = []
    for k, stage in enumerate(stages):
        absolute = np.abs(stage.weight)
        # Each ReLU may add an intercept as large as what it reads, and errors are smaller than that.
        with np.errstate(all="ignore"):
            paths = 2.0 * (paths @ absolute.T + stage.magnitude)
        depth += stage.weight.shape[1] + 16
        paths[paths > FLOAT32_MAX / 2 / stage.weight.shape[1]] = np.inf  # an average is a sum before it is divided
        slack.append(4.0 * float(gamma(depth, double=True)) * paths.max(axis=0))
        if k == 0 or (k < len(stages) - 1 and not any(s.relu for s in stages[:k])):
            reads = sizes + errors
            errors = errors @ absolute.T + _rounding(stage, absolute, reads, reads.max(axis=0))
            values = values @ stage.weight.T + stage.bias
            sizes, first = np.abs(values), k
    tail = stages[first:]
    rows = (reading or Reading(len(tail[-1].bias))).margin_rows(target)
    return Hull(values, errors, tail, tuple(np.abs(s.weight) for s in tail), tuple(slack[first:]), rows)


def _end_affine(stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    """At least two maps, the last without a ReLU: an identity, which rounds nothing, makes up for it."""
    if len(stages) > 1 and not stages[-1].relu:
        return stages
    size = len(stages[-1].bias)
    return (*stages, Stage("identity", np.eye(size), np.zeros(size), np.zeros(size), np.zeros(size, int), 0, False))


def _rounding(stage: Stage, absolute: np.ndarray, reads: np.ndarray, largest: np.ndarray) -> np.ndarray:
    """The rounding e of one map in float32, `[B, out]`.

    Args:
        stage: the map.
        absolute: |weight|.
        reads: `[B, in]`, bounds of the absolute values that it reads.
        largest: `[in]`, their maxima: a term that is zero everywhere is not rounded.
    """
    roundings = np.minimum(stage.terms, np.count_nonzero(largest)) + stage.extra
    flush = flushed(absolute.sum(axis=1), reads.sum(axis=1, keepdims=True), roundings)
    return gamma(roundings) * (reads @ absolute.T + stage.magnitude) + flush


def forward(hull: Hull, weights: np.ndarray) -> list[np.ndarray]:
    """Pre-activations of every map, `[..., U_k]` each, at convex `weights` `[..., N]`, in float64."""
    values = [weights @ hull.pre_activation]
    for below, stage in zip(hull.stages, hull.stages[1:], strict=False):
        active = np.maximum(values[-1], 0.0) if below.relu else values[-1]
        values.append(active @ stage.weight.T + stage.bias)
    return values


def unit_bounds(hull: Hull, vertices: np.ndarray, parent: UnitBounds | None = None) -> UnitBounds:
    """Bounds of every unit over sub-simplices.

    Args:
        hull: the network.
        vertices: `[B, N, N]`, the convex weights of the N vertices of each.
        parent: bounds that hold there too. Then only units that may still switch are bounded anew.
    """
    first, error = vertices @ hull.pre_activation, vertices @ hull.error
    lower = [(first - error).min(axis=1) - hull.slack[0]]
    upper = [(first + error).max(axis=1) + hull.slack[0]]
    for k in range(1, len(hull.stages) - 1):
        low, high = _bounds_of(hull, vertices, UnitBounds(tuple(lower), tuple(upper)), k, parent)
        lower.append(low)
        upper.append(high)
    return UnitBounds(tuple(lower), tuple(upper))


def _bounds_of(
    hull: Hull, vertices: np.ndarray, below: UnitBounds, k: int, parent: UnitBounds | None
) -> tuple[np.ndarray, np.ndarray]:
    """Those of map `k`, given those of the maps below."""
    lines, errors = _lines(hull, below)
    units = np.arange(len(hull.stages[k].bias))
    if parent is not None:
        units = units[((parent.lower[k] < 0) & (parent.upper[k] > 0)).any(axis=0)] if hull.stages[k].relu else units[:0]
    low = np.full([len(vertices), len(hull.stages[k].bias)], -np.inf) if parent is None else parent.lower[k].copy()
    high = -low if parent is None else parent.upper[k].copy()
    step = max(1, _BLOCK // (2 * len(vertices) * hull.stages[k].weight.shape[1]))
    for chosen in (units[i : i + step] for i in range(0, len(units), step)):
        rows, offsets = hull.stages[k].weight[chosen], hull.stages[k].bias[chosen]
        constant = np.concatenate([offsets, -offsets]) - np.tile(errors[k][:, chosen], 2)
        bound = _substitute(hull, vertices, lines, errors, np.concatenate([rows, -rows]), constant, k).least
        bound -= np.tile(hull.slack[k][chosen], 2)
        low[:, chosen] = np.maximum(low[:, chosen], bound[:, : len(chosen)])
        high[:, chosen] = np.minimum(high[:, chosen], -bound[:, len(chosen) :])
    return low, high


class Margins(NamedTuple):
    """What is proven of B sub-simplices.

    Attributes:
        margin: `[B]`, the smallest of all rows.
        real: `[B]`, the same for a network that computes in real numbers.
        gaps: for each map below the last `[B, U_k]`, how loose its ReLUs make that bound, a unit of z.
    """

    margin: np.ndarray
    real: np.ndarray
    gaps: list[np.ndarray]


def lower_margins(hull: Hull, vertices: np.ndarray, bounds: UnitBounds) -> Margins:
    """Proven margins of the target over sub-simplices.

    Args:
        hull: the network.
        vertices: `[B, N, N]`.
        bounds: of every unit there.
    """
    rows, last = hull.margin_rows, len(hull.stages) - 1
    lines, errors = _lines(hull, bounds)
    paid = errors[last] @ np.abs(rows).T
    constant = rows @ hull.stages[last].bias - paid
    found = _substitute(hull, vertices, lines, errors, rows @ hull.stages[last].weight, constant, last, trace=True)
    slack = np.abs(rows) @ hull.slack[last]
    margins, real = found.least - slack, found.least_real + paid - slack
    worst = margins.argmin(axis=1)
    here = np.arange(len(worst))
    return Margins(margins[here, worst], real.min(axis=1), [gap[here, worst] for gap in found.gaps])


class _Lines(NamedTuple):
    """slope z <= relu(z) <= chord z + intercept, for the units that switch in some sub-simplex.

    Attributes:
        active: `[U]` bool, the units that are active everywhere.
        mixed: `[U]` bool, those that are neither active nor inactive everywhere; M of them.
        slope: `[B, M]`.
        chord: `[B, M]`.
        intercept: `[B, M]`.
        looseness: `[B, M]`, intercept / (upper - lower).
    """

    active: np.ndarray
    mixed: np.ndarray
    slope: np.ndarray
    chord: np.ndarray
    intercept: np.ndarray
    looseness: np.ndarray


def _lines(hull: Hull, bounds: UnitBounds) -> tuple[list[_Lines | None], list[np.ndarray]]:
    """The lines of each ReLU, None where there is none; and the rounding of each map behind the first."""
    lines: list[_Lines | None] = []
    errors = [np.zeros(0)]
    for k, (low, high) in enumerate(zip(*bounds, strict=True)):
        if hull.stages[k].relu:
            lines.append(_relu_lines(low, high))
            reads = np.maximum(high, 0.0)
        else:
            lines.append(None)
            reads = np.maximum(np.abs(low), np.abs(high))
        errors.append(_rounding(hull.stages[k + 1], hull.absolute[k + 1], reads, reads.max(axis=0)))
    return lines, errors


def _relu_lines(low: np.ndarray, high: np.ndarray) -> _Lines:
    """The triangle around each unit; the lower line is the one that leaves the smaller area."""
    inactive = np.all(high <= 0, axis=0)
    active = np.all(low >= 0, axis=0) & ~inactive
    mixed = ~(active | inactive)
    low, high = low[:, mixed], high[:, mixed]
    crossing = (low < 0) & (high > 0)
    width = np.where(crossing, high - low, 1.0)
    chord = np.where(crossing, high / width, (low >= 0).astype(np.float64))
    slope = np.where(crossing, (high > -low).astype(np.float64), chord)
    intercept = np.where(crossing, -low * chord, 0.0)
    return _Lines(active, mixed, slope, chord, intercept, intercept / width)


class _Least(NamedTuple):
    """Minima `[B, R]` over sub-simplices, with and without the rounding of float32 on the way; and see `Margins`."""

    least: np.ndarray
    least_real: np.ndarray
    gaps: list[np.ndarray]


def _substitute(
    hull: Hull,
    vertices: np.ndarray,
    lines: list[_Lines | None],
    errors: list[np.ndarray],
    rows: np.ndarray,
    constant: np.ndarray,
    k: int,
    *,
    trace: bool = False,
) -> _Least:
    """Minima of rows a_{k-1} + constant over sub-simplices: rows `[R, U]`, constant `[B, R]`; see `lower_margins`."""
    coefficients, gaps, paid = rows[None], [], np.zeros(1)
    for j in range(k - 1, -1, -1):
        line = lines[j]
        parts: list[tuple[Any, np.ndarray]] = [(slice(None), coefficients)]
        if line is not None:
            # What is active all over needs no copy for each sub-simplex, what is inactive all over drops out.
            mixed = coefficients[..., line.mixed]
            up, down = np.maximum(mixed, 0.0), np.minimum(mixed, 0.0)
            constant = constant + _times(down, line.intercept)
            relaxed = up * line.slope[:, None] + down * line.chord[:, None]
            parts = [(line.active, coefficients[..., line.active]), (line.mixed, relaxed)]
        if trace:
            gaps.append(_looseness(coefficients, line, len(vertices)))
        if j:
            lost = sum(_times(np.abs(c), errors[j][:, i]) for i, c in parts)
            constant = constant + sum(_times(c, hull.stages[j].bias[i]) for i, c in parts) - lost
            paid = paid + lost
            coefficients = sum(c @ hull.stages[j].weight[i] for i, c in parts)
    exact = sum(c @ hull.pre_activation[:, i].T for i, c in parts)
    corners = exact - sum(np.abs(c) @ hull.error[:, i].T for i, c in parts)
    least = (corners @ vertices.swapaxes(1, 2)).min(axis=-1) + constant
    real = (exact @ vertices.swapaxes(1, 2)).min(axis=-1) + (constant + paid) if trace else least
    return _Least(least, real, gaps[::-1])


def _times(coefficients: np.ndarray, values: np.ndarray) -> np.ndarray:
    """`[B, R]`: rows `[B or 1, R, U]` times `[B, U]` or `[U]`."""
    return (coefficients @ values[..., None])[..., 0]


def _looseness(coefficients: np.ndarray, line: _Lines | None, boxes: int) -> np.ndarray:
    gaps = np.zeros([boxes, *coefficients.shape[1:]])
    if line is not None:
        gaps[..., line.mixed] = np.abs(coefficients[..., line.mixed]) * line.looseness[:, None]
    return gaps
