"""Is every mixture of the corners read as the target is? Proof, counterexample, or the share proven.

The simplex of convex weights is split where the bounds of `relaxation` are too
loose, the loosest part first, along the edge on which the ReLUs that cause it
change most. The float64 margins at vertices and centroids say how far off a bound
is, and lead the search for a counterexample.

What is claimed, where `status` is "certified": for all convex weights as they are
saved (float32, not negative, their sum off one by no more than N 2^-23) the logits
that the float32 network gives for the mixture `hull.mix` have a margin (as of
`models.reading`: how far the target's logit is ahead of the others, or each label's
from zero on the target's side) of at least `margin`, whatever the order of summation, with or without fused multiply-add,
and with or without subnormal numbers flushed to zero.

Outside the claim: TF32, bfloat16 and float16 arithmetic, quantized weights, fast
algorithms that add before they multiply (Winograd, Strassen, FFT), images that
are rounded to 8 bits, values that are not finite, and faults of the machine.
"""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tfcollide.models.dense_chain import DenseChain
from tfcollide.models.reading import Reading
from tfcollide.polytope.hull.simplex import starts
from tfcollide.polytope.proof.counterexample import CounterexampleSearch
from tfcollide.polytope.proof.engine import AnyPieces, DenseEngine, Engine, Splits
from tfcollide.polytope.proof.network_engine import NetworkEngine
from tfcollide.polytope.proof.reading_network import Network
from tfcollide.records import Certificate

__all__ = ["EXCLUDES", "certify"]

EXCLUDES = ("Winograd", "FFT", "TF32", "bfloat16", "float16", "quantization")
"""What no certificate covers."""
_STARTS = 256
_NEAR = 0.999  # of what rounding leaves at one mixture; parts of a hull come no nearer in few steps


def certify(
    network: DenseChain | Network,
    corners: np.ndarray,
    target: int,
    logits: Callable[[np.ndarray], np.ndarray],
    *,
    reading: Reading | None = None,
    max_boxes: int = 20_000,
    refine_boxes: int = 500,
    tightness: float = 0.9,
    seed: int = 0,
    splits: Splits | None = None,
) -> Certificate:
    """Proves or refutes that every mixture of `corners` gets the class or labels `target`.

    Args:
        network: read by `read_chain`, or by `read_network`.
        corners: `[N, H, W, C]` float32, as saved.
        target: the code of the class or labels.
        logits: the network itself: images `[n, H, W, C]` float32 -> `[n, L]`.
        reading: how logits are read; None: as one class of several.
        max_boxes: sub-simplices to bound at most; the only limit, so that the answer does not depend on the clock.
        refine_boxes: so many may be spent on a larger proven margin, once it is positive.
        tightness: the share of the smallest margin found that is enough to prove, or of what rounding leaves of it.
        seed: of the random mixtures tried first.
        splits: notes what is halved, for a proof that is handed on.

    Returns:
        The certificate, with the parts that are proven where the whole is not.
    """
    if not np.isfinite(corners).all():
        return Certificate("undecided", -np.inf, 0.0)
    reading = reading or _one_of_several(network)
    engine = _engine(network, corners, target, reading, max_boxes)
    if not engine.finite:
        return Certificate("undecided", -np.inf, 0.0, arithmetic=engine.arithmetic, excludes=EXCLUDES)
    search = CounterexampleSearch(engine.landscape, corners, target, logits, reading)
    samples, steps = (max(one, int(most * engine.share)) for one, most in ((8, _STARTS), (4, 20)))
    broken = search.look(starts(np.random.default_rng(seed), len(corners), samples), steps=steps)
    splits = Splits() if splits is None else splits
    pieces, proof, used, enough = engine.whole(), _Proof(np.inf, np.inf, 0.0), 1, engine.boxes
    aim = _Goal(engine, search, tightness)
    while broken is None:
        goal = aim(pieces)
        pieces, proof = _close(pieces, proof, goal, splits)
        if min(proof.margin, pieces.margin.min(initial=np.inf)) > 0:
            enough = min(enough, used + refine_boxes)
        if not len(pieces.margin) or used + 2 > enough:  # a halving makes two
            return _verdict(pieces, proof, engine, used, splits)
        order = np.argsort(pieces.margin, kind="stable")
        worst, rest = np.split(order, [max(1, min(engine.batch, engine.boxes - used) // 2)])
        parents = pieces.take(worst)
        halves = engine.split(parents, goal)
        splits.add(parents)
        used += len(halves.margin)
        broken = search.look(np.concatenate([halves.vertices[:, 0], halves.vertices.mean(axis=1)]), steps=4)
        pieces = pieces.take(np.sort(rest)).join(halves)
    margin, mixture = broken
    splits.end(pieces)
    # A proof in real numbers, beside a mixture that float32 misreads, would be of no use.
    parts = splits.parts(len(corners)) if engine.arithmetic == "float32" else None
    return Certificate("refuted", margin, 0.0, tuple(mixture.tolist()), arithmetic="float32", excludes=EXCLUDES, parts=parts)


def _engine(network: DenseChain | Network, corners: np.ndarray, target: int, reading: Reading, max_boxes: int) -> Engine:
    if isinstance(network, DenseChain):
        return DenseEngine(network, corners, target, reading, max_boxes)
    return NetworkEngine(network, corners, target, reading, max_boxes)


def _one_of_several(network: DenseChain | Network) -> Reading:
    if isinstance(network, DenseChain):
        return Reading(len(network.stages[-1].bias))
    return Reading(network.logits + network.after_zero)


class _Goal:
    """The margin that is enough: a share of the smallest one found, and no more than rounding leaves there.

    Args:
        engine: says what rounding leaves. It is asked only where parts are open in float32 that are proven in real
            arithmetic: rounding alone holds those up, and splitting takes little of it away.
        search: says where the margin is smallest.
        tightness: as of `certify`.
    """

    def __init__(self, engine: Engine, search: CounterexampleSearch, tightness: float):
        self._engine, self._search, self._tightness = engine, search, tightness
        self._asked: np.ndarray | None = None
        self._left = np.inf

    def __call__(self, pieces: AnyPieces) -> float:
        goal, lowest = self._tightness * self._search.smallest, self._search.lowest
        if lowest is not self._asked and lowest is not None and ((pieces.margin <= goal) & (pieces.real > goal)).any():
            self._asked, self._left = lowest, min(self._left, self._engine.alone(lowest))
        return max(min(goal, max(self._tightness, _NEAR) * self._left), 0.0)


class _Proof(NamedTuple):
    """What is known of the pieces that were put aside.

    Attributes:
        margin: the smallest one.
        real: the smallest one in real arithmetic.
        volume: of those whose margin is positive.
    """

    margin: float
    real: float
    volume: float


def _close(pieces: AnyPieces, proof: _Proof, goal: float, splits: Splits) -> tuple[AnyPieces, _Proof]:
    """Puts aside what is proven beyond the goal, and what cannot be split any further."""
    aside = (pieces.margin > goal) | ~pieces.divisible
    closed = pieces.take(np.flatnonzero(aside))
    splits.end(closed)
    return pieces.take(np.flatnonzero(~aside)), _add(proof, closed)


def _add(proof: _Proof, pieces: AnyPieces) -> _Proof:
    volume = proof.volume + float(pieces.volume[pieces.margin > 0].sum())
    margin, real = (float(part.min(initial=np.inf)) for part in (pieces.margin, pieces.real))
    return _Proof(min(proof.margin, margin), min(proof.real, real), volume)


def _verdict(pieces: AnyPieces, proof: _Proof, engine: Engine, used: int, splits: Splits) -> Certificate:
    margin, real, volume = _add(proof, pieces)
    found = Certificate("undecided", margin, volume, None, engine.arithmetic, EXCLUDES, real, used)
    if margin > 0:
        return dataclasses.replace(found, status="certified", share_proven=1.0)
    splits.end(pieces)
    return dataclasses.replace(found, parts=splits.parts(pieces.vertices.shape[1]) if volume > 0 else None)
