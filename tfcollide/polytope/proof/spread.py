"""What a value of the network may be over sub-simplices, and how each kind of step changes that.

Over a sub-simplex with N vertices a value is held as

    value(w) = sum_n w_n vertices[n] + e(w),   |e| <= radius

which is exact in w but for the radius. A linear step is applied to the N vertex
values, its absolute weights to the radius. Of a ReLU and of a max-pool the radius is
what their true range is off a linear function of the vertices alone, which is less than
two lines around all of vertices and radius leave: a radius goes through once, however
many members a window has.

A `Relaxation` is how a step was held, for the way back from the logits (`backward`):

    lower.slope in + lower.offset - error <= out <= upper.slope in + upper.offset + error

with `error` for the rounding of float32 in the network and of the bound itself. It
leaves room for the rounding of coefficients on the way back: those of a step are off
by no more than gamma(fan_out) |W|^T |coefficients|, which costs no more than
|coefficients| gamma(fan_out) |W| |in|.
"""

import functools
from typing import NamedTuple, TypeAlias

import numpy as np
import tensorflow as tf

from tfcollide.polytope.proof.float_error import FLOAT32_MAX
from tfcollide.polytope.proof.float_error import gamma as gamma_of
from tfcollide.polytope.proof.steps import Hinge, Linear, MaxPool, windows

__all__ = ["LOWEST", "Arithmetic", "Held", "HeldHinge", "HeldPool", "Relaxation", "Spread", "through"]

LOWEST = -1e30  # stands for what lies beyond the border of a max-pool; where values may be so low, nothing is bounded
_TINY = 2.0**-126
_SPARE = 24  # roundings of what is computed beside the sums


class Arithmetic(NamedTuple):
    """Whose rounding is bounded.

    Attributes:
        network: whether the network computes in float32; else in real numbers.
        double: whether the bound is computed in float64; else in float32.
    """

    network: bool
    double: bool

    @property
    def dtype(self) -> tf.DType:
        """Of the bound."""
        return tf.float64 if self.double else tf.float32

    def of_network(self, roundings: int) -> float:
        """The relative error of so many roundings of the network."""
        return float(gamma_of(roundings)) if self.network else 0.0

    def own(self, roundings: int) -> float:
        """The relative error of so many roundings of the bound."""
        return float(gamma_of(roundings, double=self.double))

    def sums(self, terms: int) -> float:
        """The relative error of what is added up over entries and steps on the way back, in float64; see `own` for products."""
        return float(gamma_of(terms + 1024, double=True))


class Spread(NamedTuple):
    """A value over B sub-simplices of N vertices.

    Attributes:
        vertices: `[B, N, *shape]`.
        radius: `[B, *shape]`.
    """

    vertices: tf.Tensor
    radius: tf.Tensor

    @property
    def low(self) -> tf.Tensor:
        """`[B, *shape]`, rounded by one operation."""
        return tf.reduce_min(self.vertices, axis=1) - self.radius

    @property
    def high(self) -> tf.Tensor:
        """`[B, *shape]`, rounded by one operation."""
        return tf.reduce_max(self.vertices, axis=1) + self.radius

    @property
    def size(self) -> tf.Tensor:
        """`[B, *shape]`: no absolute value is larger, but for a rounding."""
        return tf.maximum(tf.reduce_max(self.vertices, axis=1), -tf.reduce_min(self.vertices, axis=1)) + self.radius


class Held(NamedTuple):
    """How a linear step, or the images, were held. `[B, *shape]` each, and None for zero.

    Attributes:
        reads: the values that were read.
        error: of network and bound together.
        price: the part of `error` that is the network's.
    """

    reads: tuple[Spread, ...]
    error: tf.Tensor | None = None
    price: tf.Tensor | None = None


class HeldHinge(NamedTuple):
    """How a ReLU was held.

    Attributes:
        reads: as of `Held`.
        error: as of `Held`.
        price: as of `Held`.
        slope: of the parallel lines, of which the upper one is the upper line of the triangle.
        low: the offset of the lower parallel line.
        high: the offset of the upper one.
        lower_slope: of the lower line of the triangle; its offset is zero unless it is that parallel line.
        width: by how much the value that decides about the looseness varies.
        decides: `[B, N, *shape]`, that value at the vertices.
    """

    reads: tuple[Spread, ...]
    error: tf.Tensor
    price: tf.Tensor | None
    slope: tf.Tensor
    low: tf.Tensor
    high: tf.Tensor
    lower_slope: tf.Tensor
    width: tf.Tensor
    decides: tf.Tensor


class HeldPool(NamedTuple):
    """How a max-pool was held: mean <= out <= mean + high.

    Attributes:
        reads: as of `Held`.
        error: as of `Held`.
        price: None, as a maximum is not rounded.
        high: what may exceed the mean.
        shares: of each member of a window in the mean, by its place.
        width: as of `HeldHinge`.
        decides: as of `HeldHinge`.
    """

    reads: tuple[Spread, ...]
    error: tf.Tensor
    price: None
    high: tf.Tensor
    shares: tuple[tf.Tensor, ...]
    width: tf.Tensor
    decides: tf.Tensor


Relaxation: TypeAlias = Held | HeldHinge | HeldPool


def through(step: Linear | Hinge | MaxPool, reads: tuple[Spread, ...], arithmetic: Arithmetic) -> tuple[Spread, Relaxation]:
    """What a step makes of the values that it reads, and how it was held."""
    if isinstance(step, Linear):
        return _linear(step, reads, arithmetic)
    if isinstance(step, Hinge):
        return _hinge(step, reads[0], arithmetic)
    return _max_pool(step, reads[0], arithmetic)


def _folded(values: tf.Tensor) -> tf.Tensor:
    """`[B N, *shape]` of `[B, N, *shape]`."""
    return tf.reshape(values, [-1, *values.shape[2:]])


def _linear(step: Linear, reads: tuple[Spread, ...], arithmetic: Arithmetic) -> tuple[Spread, Held]:
    count = reads[0].vertices.shape[1]
    vertices = step.apply([_folded(read.vertices) for read in reads], False)
    vertices = tf.reshape(vertices, [-1, count, *vertices.shape[1:]])
    radii = [read.radius for read in reads]
    if not step.roundings and step.fan_out == 1 and step.bias is None:
        return Spread(vertices, step.apply(radii, True)), Held(reads)
    both = step.apply([tf.concat([read.radius, read.size], axis=0) for read in reads], True)
    radius, size = tf.split(both, 2, axis=0)
    bias = None if step.bias is None else tf.constant(step.bias, vertices.dtype)
    magnitude = tf.constant(0.0 if step.magnitude is None else step.magnitude, vertices.dtype)
    units = int(np.prod(size.shape[1:]))
    flush = _flush(step, reads)
    price = arithmetic.of_network(step.roundings) * size + arithmetic.of_network(step.bias_roundings) * magnitude
    price = (price + flush) * _up(arithmetic, step.roundings) if arithmetic.network and step.roundings else None
    rounded = arithmetic.own(step.fan_out + _SPARE)  # of coefficients on the way back
    rounded += arithmetic.sums(units + step.fan_out)  # of sums there
    rounded += arithmetic.own(step.roundings + _SPARE) if step.roundings else 0.0  # of values on the way forward
    error = (rounded * (size + magnitude) + flush) * _up(arithmetic, step.roundings)
    error = error if price is None else error + price
    # No sum may overflow, in any order; that of an average is as many times as large as it has members.
    error = tf.where(max(step.roundings, 1) * (size + magnitude) < FLOAT32_MAX / 8, error, tf.cast(np.inf, error.dtype))
    vertices = vertices if bias is None else vertices + bias
    radius = (radius + error) * _up(arithmetic, step.roundings)
    return Spread(vertices, radius), Held(reads, error, price)


def _up(arithmetic: Arithmetic, roundings: int) -> float:
    """So much larger is a sum of positive terms that was rounded down."""
    return 1.0 + 2.0 * arithmetic.own(roundings + _SPARE)


def _flush(step: Linear, reads: tuple[Spread, ...]) -> tf.Tensor:
    """What flushing to zero may add, `[B, 1, ...]`: see `float_error.flushed`."""
    ones = step.apply([tf.ones([1, *read.radius.shape[1:]], read.radius.dtype) for read in reads], True)
    axes = list(range(1, len(reads[0].radius.shape)))
    largest = sum(tf.reduce_max(read.size, axis=axes) for read in reads)
    terms = step.roundings + 3.0
    found = 8.0 * _TINY * (tf.reduce_max(ones) + terms * largest + 3.0 * terms)
    return tf.reshape(found, [-1] + [1] * (len(ones.shape) - 1))


def _hinge(step: Hinge, read: Spread, arithmetic: Arithmetic) -> tuple[Spread, HeldHinge]:
    """Piecewise linear, with bends at 0 and at the ceiling, so that two parallel lines touch it at an end or a bend."""
    margin = arithmetic.own(4) * read.size + _TINY
    low, high = read.low - margin, read.high + margin
    below, above = low >= 0, high <= 0  # nothing below zero, nothing above it
    kept = below & (high <= step.ceiling)
    crossing = ~(kept | above)
    one, floor, none = (tf.cast(value, low.dtype) for value in (1.0, step.slope, 0.0))
    width = tf.where(crossing, high - low, one)
    chord = tf.clip_by_value((step(high) - step(low)) / width, none, one)
    slope = tf.where(kept, one, tf.where(above, floor, chord))
    bends = [low, high, tf.minimum(tf.nn.relu(low), high)]
    if np.isfinite(step.ceiling):
        bends.append(tf.minimum(tf.maximum(low, step.ceiling), high))
    gaps = [step(bend) - slope * bend for bend in bends]
    least = tf.where(crossing, tf.reduce_min(tf.stack(gaps), axis=0), none)
    most = tf.where(crossing, tf.reduce_max(tf.stack(gaps), axis=0), none)
    exact = kept | (above & (step.slope == 0.0))
    rounded = (arithmetic.own(16) + arithmetic.sums(int(np.prod(low.shape[1:])))) * read.size + _TINY
    price = None
    if step.slope and arithmetic.network:
        price = tf.where(kept, none, arithmetic.of_network(3) * read.size + _TINY)
    error = tf.where(exact, none, 4.0 * rounded)
    error = error if price is None else error + price
    along, middle, half = _band(step, read, margin)
    straight = kept | above
    along, middle = tf.where(straight, slope, along), tf.where(straight, none, middle)
    radius = tf.where(straight, slope * read.radius, half) + error
    spread = Spread(read.vertices * along[:, None] + middle[:, None], radius)
    lower_slope = tf.where(high > -low, one, floor)
    lower_slope = tf.where(crossing & (high <= step.ceiling), lower_slope, slope)
    return spread, HeldHinge((read,), error, price, slope, least, most, lower_slope, width, read.vertices)


def _band(step: Hinge, read: Spread, margin: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Slope s, middle and half of the width of step(v + e) - s v, where v runs along the vertices and |e| <= radius.

    With the slope on v alone this is narrower than two lines over all that v + e may be, most so where the
    radius is what counts. The slope is that of the chord of step(v + radius).
    """
    least, most = tf.reduce_min(read.vertices, axis=1), tf.reduce_max(read.vertices, axis=1)
    reach, width = read.radius + margin, most - least
    one, none = (tf.cast(value, width.dtype) for value in (1.0, 0.0))
    rise = (step(most + reach) - step(least + reach)) / tf.where(width > 0, width, one)
    slope = tf.where(width > 0, tf.clip_by_value(rise, none, one), none)
    bends = [0.0] if np.isinf(step.ceiling) else [0.0, step.ceiling]
    above = [least, most] + [tf.clip_by_value(bend - reach, least, most) for bend in bends[1:]]
    below = [least, most] + [tf.clip_by_value(bend + reach, least, most) for bend in bends]
    high = functools.reduce(tf.maximum, (step(at + reach) - slope * at for at in above))
    low = functools.reduce(tf.minimum, (step(at - reach) - slope * at for at in below))
    return slope, (high + low) / 2.0, (high - low) / 2.0


def _max_pool(step: MaxPool, read: Spread, arithmetic: Arithmetic) -> tuple[Spread, HeldPool]:
    count = read.vertices.shape[1]
    parts = [tf.reshape(part, [-1, count, *part.shape[1:]]) for part in windows(step, _folded(read.vertices), border=LOWEST)]
    members = [Spread(part, radius) for part, radius in zip(parts, windows(step, read.radius), strict=True)]
    lows, highs = [member.low for member in members], [member.high for member in members]
    least = functools.reduce(tf.maximum, lows)
    # Two roundings could hide that a member takes the lead.
    possible = [high - least >= -arithmetic.own(8) * (tf.abs(high) + tf.abs(least)) - _TINY for high in highs]
    contested = sum(tf.cast(may, tf.int32) for may in possible) > 1
    top = functools.reduce(tf.maximum, (member.vertices + member.radius[:, None] for member in members))
    regrets = [tf.reduce_max(top - member.vertices, axis=1) for member in members]
    shares = _shares(regrets, possible, contested)
    mean = sum(share[:, None] * member.vertices for share, member in zip(shares, members, strict=True))
    radius = sum(share * member.radius for share, member in zip(shares, members, strict=True))
    # The largest, less a line, is convex in w: most is attained at a vertex.
    above, none = tf.reduce_max(top - mean, axis=1), tf.zeros_like(radius)
    largest = sum(share * member.size for share, member in zip(shares, members, strict=True)) + above + radius
    rounded = arithmetic.own(16 + len(members)) + arithmetic.sums(int(np.prod(least.shape[1:])))
    # Where windows overlap, coefficients are added up on the way back, who leads or not.
    added_up = contested | (step.strides[0] < step.size[0] or step.strides[1] < step.size[1])
    error = tf.where(added_up, 4.0 * rounded * largest + _TINY, none)
    if any(map(any, step.padding)):  # what stands for the border has to be below all values
        error = tf.where(tf.reduce_all(read.size < -LOWEST / 8.0), error, tf.cast(np.inf, error.dtype))
    vertices = mean + tf.where(contested, (above - radius) / 2.0, none)[:, None]
    spread = Spread(vertices, tf.where(contested, (above + radius) / 2.0 + error, radius))
    most = tf.where(contested, above + radius, none)
    ahead = tf.where(contested[:, None], _ahead(members, regrets), none[:, None])
    width = tf.reduce_max(ahead, axis=1) - tf.reduce_min(ahead, axis=1) + tf.where(contested, most, tf.ones_like(most))
    return spread, HeldPool((read,), error, None, most, tuple(shares), width, ahead)


def _shares(regrets: list[tf.Tensor], possible: list[tf.Tensor], contested: tf.Tensor) -> list[tf.Tensor]:
    """Of each member in the mean: the less the further it may fall behind, and none where it never leads.

    Of two that may be ahead of each other by p and q this gives the chord of max(a, b) = a + max(b - a, 0).
    """
    pairs = list(zip(regrets, possible, strict=True))
    worth = [tf.where(may, 1.0 / (regret + 1e-30), tf.zeros_like(regret)) for regret, may in pairs]
    whole = sum(worth)
    return [tf.where(contested, part / whole, tf.cast(may, part.dtype)) for part, may in zip(worth, possible, strict=True)]


def _ahead(members: list[Spread], regrets: list[tf.Tensor]) -> tf.Tensor:
    """`[B, N, *shape]`: how far others are ahead of the member of the least regret."""
    least, lowest = functools.reduce(tf.minimum, regrets)[:, None], tf.cast(LOWEST, regrets[0].dtype)
    pairs = [(regret[:, None] <= least, member.vertices) for regret, member in zip(regrets, members, strict=True)]
    leader = functools.reduce(tf.maximum, (tf.where(leads, values, lowest) for leads, values in pairs))
    others = functools.reduce(tf.maximum, (tf.where(leads, lowest, values) for leads, values in pairs))
    return tf.where(others > LOWEST / 2, others - leader, tf.zeros_like(others))
