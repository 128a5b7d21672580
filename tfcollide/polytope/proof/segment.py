"""A network along a segment, where it is piecewise linear in one variable: every point at which it bends.

The walk goes layer by layer, as ExactLine does (Sotoudeh and Thakur, Computing Linear
Restrictions of Neural Networks, NeurIPS 2019): between two neighboring points all values
so far are linear, so that a ReLU bends where its input is zero, and a max-pool where
another unit takes the lead; there, points are put in. Points go on in pieces of bounded
memory, from one end to the other. All in float64.
"""

import functools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfcollide.polytope.proof.reading_network import Network
from tfcollide.polytope.proof.steps import Hinge, Linear, MaxPool, Node, windows

__all__ = ["Points", "overtakings", "walk"]

_ENTRIES = 2**22  # of all values that are kept at a time
_BORDER = -1e300  # stands for what lies beyond the border of a max-pool; products with it still are finite


class Points(NamedTuple):
    """Neighboring points of a segment, between which the network is linear.

    Attributes:
        at: `[m]`, where they are, rising within 0..1.
        values: by number, `[m, *shape]` float64; of the whole network, those of its logits.
    """

    at: np.ndarray
    values: dict[int, np.ndarray]


def walk(network: Network, first: np.ndarray, second: np.ndarray, start: float, end: float) -> Iterator[Points]:
    """The logits at all points at which the network bends between two images, both ends too.

    Args:
        network: the steps.
        first: an image, at 0.
        second: another, at 1.
        start: where to begin.
        end: where to stop.

    Yields:
        Runs of points; each begins with the last point of the one before.
    """
    ends = np.array([start, end])
    images = np.stack([(1.0 - t) * first.astype(np.float64) + t * second.astype(np.float64) for t in ends])
    points = Points(ends, {network.source: images.reshape(2, *network.shape)})
    yield from _Walk(network).through(0, points)


class _Walk:
    """One walk."""

    def __init__(self, network: Network):
        self._network, self._nodes = network, network.nodes
        last = {number: i for i, node in enumerate(self._nodes) for number in node.reads}
        last[network.result] = len(self._nodes)
        self._gone = [[number for number, at in last.items() if at == i] for i in range(len(self._nodes))]

    def through(self, i: int, points: Points) -> Iterator[Points]:
        """From step `i` on."""
        while i < len(self._nodes):
            node = self._nodes[i]
            room = _room([*points.values.values()], node)
            if len(points.at) > room:
                for k in range(0, len(points.at) - 1, room - 1):
                    yield from self.through(i, _between(points, k, k + room))
                return
            if not isinstance(node.step, Linear):
                yield from self._switching(i, node.step, points)
                return
            points.values[node.writes] = _linear(node.step, [points.values[number] for number in node.reads])
            i = self._leave(i, i + 1, points)
        yield Points(points.at, {self._network.result: points.values[self._network.result]})

    def _switching(self, i: int, step: Hinge | MaxPool, points: Points) -> Iterator[Points]:
        """Puts in the points at which step `i` bends, and goes on with some of them at a time."""
        node, read = self._nodes[i], self._nodes[i].reads[0]
        rectified = isinstance(step, MaxPool) and self._rectified(i)
        if isinstance(step, Hinge):
            found = _bends(step, points.values[read])
        else:
            found = _changes_of_lead(step, points.values[read], rectified)
        writes, after = (self._nodes[i + 1].writes, i + 2) if rectified else (node.writes, i + 1)
        piece, share = _in_order(*found, len(points.at))
        room = _room([*points.values.values()], node)
        for k in range(0, len(piece) - 1, room - 1):
            part = _within(points, piece[k : k + room], share[k : k + room])
            given = _switched(step, part.values[read])
            part.values[writes] = np.maximum(given, 0.0) if rectified else given
            yield from self.through(self._leave(i, after, part), part)

    def _rectified(self, i: int) -> bool:
        """Whether max-pool `i` is read by a plain ReLU alone: then zero is one more unit of each window.

        Else points would be put in where the lead changes below zero, which the ReLU hides.
        """
        node, behind = self._nodes[i], self._nodes[i + 1 : i + 2]
        plain = bool(behind) and behind[0].step == Hinge() and behind[0].reads == (node.writes,)
        return plain and node.writes in self._gone[i + 1]

    def _leave(self, i: int, after: int, points: Points) -> int:
        """Lets go of what nobody reads from step `after` on."""
        for number in (number for gone in self._gone[i:after] for number in gone):
            points.values.pop(number, None)
        return after


def _in_order(piece: np.ndarray, share: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """New points and the `count` old ones, from one end to the other, each once."""
    old = np.arange(count - 1)
    piece, share = np.concatenate([old, piece]), np.concatenate([np.zeros(count - 1), share])
    order = np.lexsort((share, piece))
    piece, share = np.append(piece[order], count - 2), np.append(share[order], 1.0)
    kept = np.append(True, (np.diff(piece) > 0) | (np.diff(share) > 0))
    return piece[kept], share[kept]


def _room(values: Sequence[np.ndarray], node: Node) -> int:
    """How many points fit."""
    size = sum(int(np.prod(value.shape[1:])) for value in values) + int(np.prod(node.shape))
    members = node.step.size[0] * node.step.size[1] if isinstance(node.step, MaxPool) else 1
    return max(2, _ENTRIES // (size + members * int(np.prod(node.shape))))


def _between(points: Points, start: int, end: int) -> Points:
    return Points(points.at[start:end], {number: value[start:end] for number, value in points.values.items()})


def _within(points: Points, piece: np.ndarray, share: np.ndarray) -> Points:
    """New points, each a share of the way from point `piece` to the next."""

    def blend(value: np.ndarray) -> np.ndarray:
        start = value[piece]
        way = value[piece + 1]
        way -= start
        way *= share.reshape(-1, *[1] * (value.ndim - 1))
        way += start
        way[share == 1.0] = value[piece[share == 1.0] + 1]  # to the bit, as runs of points are joined there
        return way

    return Points(blend(points.at), {number: blend(value) for number, value in points.values.items()})


def _linear(step: Linear, values: list[np.ndarray]) -> np.ndarray:
    found = step.apply([tf.constant(value) for value in values], False).numpy()
    if step.bias is not None:
        found += step.bias
    return found


def _switched(step: Hinge | MaxPool, values: np.ndarray) -> np.ndarray:
    """What step makes of values: as it does itself, in fewer passes over memory."""
    if isinstance(step, MaxPool):
        return functools.reduce(np.maximum, windows(step, values, border=_BORDER))
    return np.clip(values, step.slope * values if step.slope else 0.0, step.ceiling)


def _bends(step: Hinge, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which pieces a ReLU bends in, and at which share of the way."""
    found: list[tuple[np.ndarray, np.ndarray]] = []
    for level in (0.0, step.ceiling) if np.isfinite(step.ceiling) else (0.0,):
        below = values < level
        places = np.nonzero(below[:-1] != below[1:])
        left, right = values[:-1][places] - level, values[1:][places] - level
        found.append((places[0], left / (left - right)))
    return tuple(np.concatenate(parts) for parts in zip(*found, strict=True))  # type: ignore[return-value]


def _changes_of_lead(step: MaxPool, values: np.ndarray, with_zero: bool) -> tuple[np.ndarray, np.ndarray]:
    """Which pieces another unit of a window takes the lead in, and at which share of the way."""
    members = windows(step, values, border=_BORDER)
    members += [np.zeros_like(members[0])] if with_zero else []
    lead, most = np.zeros(members[0].shape, np.int8 if len(members) < 128 else np.int32), members[0]
    for place, member in enumerate(members[1:], 1):
        np.copyto(lead, place, where=member > most)
        most = np.maximum(most, member)
    places = np.nonzero(lead[:-1] != lead[1:])
    left, right = (np.stack([part[where][places] for part in members], axis=1) for where in (slice(0, -1), slice(1, None)))
    rows, share = overtakings(left, right)
    return places[0][rows], share


def overtakings(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the largest of K linear functions changes.

    Args:
        left: `[n, K]`, their values at 0.
        right: `[n, K]`, their values at 1.

    Returns:
        Rows, and for each a place between 0 and 1; a row may stand there several times.
    """
    rows, slope = np.arange(len(left)), right - left
    # Of those that are equal at the start the steepest leads.
    level = left.max(axis=1, keepdims=True) if len(left) else left
    lead = np.where(left == level, slope, -np.inf).argmax(axis=1) if len(left) else rows
    found: list[tuple[np.ndarray, np.ndarray]] = [(rows[:0], np.zeros(0))]
    while len(rows):
        here = np.arange(len(rows))
        steeper = slope - slope[here, lead][:, None]
        behind = left[here, lead][:, None] - left
        with np.errstate(all="ignore"):
            place = np.where(steeper > 0, behind / steeper, np.inf)
        earliest = place.min(axis=1)
        going = earliest < 1.0
        found.append((rows[going], np.clip(earliest[going], 0.0, 1.0)))
        lead = np.where(place == earliest[:, None], slope, -np.inf).argmax(axis=1)
        rows, left, slope, lead = rows[going], left[going], slope[going], lead[going]
    return tuple(np.concatenate(parts) for parts in zip(*found, strict=True))  # type: ignore[return-value]
