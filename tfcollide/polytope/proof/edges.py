"""The edges of a hull, walked exactly: the smallest margin along each, and every change of what is read.

Exact but for the rounding of float64. On a piece where the network is linear a margin, the
smallest of linear functions, is smallest at an end; and who is read at both ends is read
all along, as who leads at both ends of a bundle of lines leads in between.
"""

import functools
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from tfcollide.files.checkpoint import Ledger
from tfcollide.models.reading import Reading
from tfcollide.polytope.hull.mixing import mix
from tfcollide.polytope.proof.reading_network import Network
from tfcollide.polytope.proof.segment import Points, overtakings, walk
from tfcollide.records import EdgeRecord
from tfcollide.runtime.progress import progress

__all__ = ["prove_edges"]

_SLICES = 16  # of an edge; each is kept when it is done
_COMPARED = 64  # breakpoints of a slice at which the float32 network is asked, at most


def prove_edges(
    network: Network,
    corners: np.ndarray,
    target: int,
    logits: Callable[[np.ndarray], np.ndarray],
    *,
    reading: Reading,
    ledger: Ledger | None = None,
) -> tuple[EdgeRecord, ...]:
    """Walks all N (N-1) / 2 edges of a hull.

    Args:
        network: the steps.
        corners: `[N, H, W, C]` float32.
        target: the code of the class or labels.
        logits: the network itself in float32: images `[n, H, W, C]` -> `[n, L]`.
        reading: how logits are read.
        ledger: keeps each sixteenth of an edge, so that what is interrupted goes on there.

    Returns:
        A record for each edge, in the order of the pairs of corners.
    """
    ledger, ask = ledger or Ledger(), _Question(target, logits, reading)
    pairs = list(itertools.combinations(range(len(corners)), 2))
    parts: dict[tuple[int, int], list[Mapping[str, np.ndarray]]] = {pair: [] for pair in pairs}
    for pair, k in progress(list(itertools.product(pairs, range(_SLICES))), desc="edges", unit="part"):
        walked = functools.partial(_walked, network, corners[list(pair)], (k / _SLICES, (k + 1) / _SLICES), ask)
        parts[pair].append(ledger.do(f"edge {pair[0]} {pair[1]} part {k}", walked))
    return tuple(functools.reduce(_joined, _records(pair, some)) for pair, some in parts.items())


def _records(pair: tuple[int, int], parts: Sequence[Mapping[str, np.ndarray]]) -> Iterator[EdgeRecord]:
    """Of each part of an edge; a tie where two meet, which each of them may read otherwise, is a change of the second."""
    last = str(parts[0]["ends"][0])
    for k, kept in enumerate(parts):
        margin, weight, breakpoints, compared, difference = kept["numbers"].tolist()
        first = str(kept["ends"][0])
        changes = [(k / _SLICES, int(last), int(first))] if first != last else []
        codes = ((int(before), int(behind)) for before, behind in kept["codes"].tolist())
        changes += [(place, *both) for place, both in zip(kept["places"].tolist(), codes, strict=True)]
        yield EdgeRecord(pair, margin, weight, int(breakpoints), tuple(changes), int(compared), difference)
        last = str(kept["ends"][1])


class _Question(NamedTuple):
    """Who should be read, by whom, and how; as of `prove_edges`."""

    target: int
    logits: Callable[[np.ndarray], np.ndarray]
    reading: Reading


def _walked(network: Network, ends: np.ndarray, within: tuple[float, float], ask: _Question) -> dict[str, np.ndarray]:
    """What is found between two places of an edge, as arrays for a ledger."""
    read_as: list[int] = []  # at both ends of each run of points
    places: list[np.ndarray] = []
    margins: list[np.ndarray] = []
    changes: list[tuple[float, int, int]] = []
    for points in walk(network, ends[0], ends[1], *within):
        values = _logits(network, points)
        first, last = map(int, ask.reading.predicted(values[[0, -1]]))
        if read_as and read_as[-1] != first:  # a tie, which two runs read otherwise
            changes.append((float(points.at[0]), read_as[-1], first))
        read_as += [first, last]
        changes += _changes(points.at, values, ask.reading)
        new = slice(1 if places else 0, None)  # a run begins with the last point of the one before
        places.append(points.at[new])
        margins.append(ask.reading.margins(values, ask.target)[new])
    place, margin = np.concatenate(places), np.concatenate(margins)
    lowest = int(margin.argmin())
    some = np.unique([lowest, *np.linspace(0, len(place) - 1, _COMPARED).astype(int)])
    weights = np.stack([1.0 - place[some], place[some]], axis=1).astype(np.float32)
    seen = ask.reading.margins(ask.logits(mix(weights, ends)), ask.target)
    difference = float(np.abs(seen - margin[some]).max())
    numbers = (margin[lowest], place[lowest], len(place) - 2, len(some), difference)
    # Codes as text: of many labels they are larger than any number that an array holds.
    codes = np.array([[str(before), str(behind)] for _, before, behind in changes], np.str_).reshape(-1, 2)
    return {
        "numbers": np.array(numbers, np.float64),
        "places": np.array([at for at, _, _ in changes], np.float64),
        "codes": codes,
        "ends": np.array([str(read_as[0]), str(read_as[-1])]),
    }


def _joined(record: EdgeRecord, more: EdgeRecord) -> EdgeRecord:
    """Two neighboring parts of an edge as one."""
    lower = min(record, more, key=lambda part: part.margin)
    return EdgeRecord(
        record.corners,
        lower.margin,
        lower.weight,
        record.breakpoints + more.breakpoints,
        record.changes + more.changes,
        record.compared + more.compared,
        max(record.difference, more.difference),
    )


def _logits(network: Network, points: Points) -> np.ndarray:
    """`[m, L]` float64."""
    found = points.values[network.result].reshape(len(points.at), -1)
    return np.concatenate([np.zeros_like(found), found], axis=1) if network.after_zero else found


def _changes(at: np.ndarray, logits: np.ndarray, reading: Reading) -> list[tuple[float, int, int]]:
    """Every change of what is read between neighboring points."""
    codes, found = reading.predicted(logits), []
    for i in np.flatnonzero(codes[:-1] != codes[1:]):
        left, right = logits[i], logits[i + 1]
        shares = _crossings(left, right) if reading.several else overtakings(left[None], right[None])[1]
        shares = np.unique(np.concatenate([[0.0], shares, [1.0]]))
        middles = (shares[:-1] + shares[1:]) / 2.0
        between = [codes[i], *reading.predicted(left + middles[:, None] * (right - left)), codes[i + 1]]
        for share, (before, behind) in zip(shares, itertools.pairwise(between), strict=True):
            if before != behind:
                found.append((float(at[i] + share * (at[i + 1] - at[i])), int(before), int(behind)))
    return found


def _crossings(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Where lines between `left` and `right` `[L]` cross zero."""
    crossing = (left > 0) != (right > 0)
    return left[crossing] / (left[crossing] - right[crossing])
