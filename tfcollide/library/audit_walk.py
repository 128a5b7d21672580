"""The walk of an audit: pairs -> fronts -> hulls -> a longer search of some -> layers -> a record.

Every piece of work has a name in a ledger, and which pairs are descended as one batch depends on their places alone, so
that an audit that was interrupted ends in the numbers of one left in peace. No piece needs what another one finds, so
that other processes may do them before the walk comes by.
"""

import dataclasses
import functools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np

from tfcollide.data.labeled import LabeledImages
from tfcollide.data.select import PredictedClasses
from tfcollide.errors import RequestError
from tfcollide.files.checkpoint import Ledger
from tfcollide.files.facts import Facts
from tfcollide.images import from_uint8, to_uint8
from tfcollide.library.audit_options import CHECKED_AGAIN, AuditOptions, Budget
from tfcollide.library.audit_pieces import Piece, pack_front, pack_hulls, pack_look, unpack_front, unpack_hulls, unpack_look
from tfcollide.library.problem import Picture, Problem
from tfcollide.library.tap_audit import FrontFound, HullFound, TapAudit
from tfcollide.library.yardstick import Yardstick
from tfcollide.measure.audit_record import FOUND, AuditRecord, Convergence, PairFront, PairHull, held_pairs
from tfcollide.measure.kept_audit import KeptHull
from tfcollide.measure.layer_look import LayerLook
from tfcollide.measure.layer_profile import LayerProfiler
from tfcollide.models.classifier import Classifier
from tfcollide.polytope.exact.blas import one_blas_thread
from tfcollide.records import FrontEnd
from tfcollide.report.audit.worst_pairs import PairPictures, worst
from tfcollide.runtime.progress import progress, shown
from tfcollide.runtime.threads import in_threads

__all__ = ["AuditWalk", "NamedPair", "Walked", "picture_of"]

_Item = TypeVar("_Item")


class NamedPair(NamedTuple):
    """A pair of an audit.

    Attributes:
        source: where the search starts.
        target: whose features are to be matched.
        images: numbers of both, by which repeats are told.
    """

    source: Picture
    target: Picture
    images: tuple[int, int]


class Walked(NamedTuple):
    """What an audit found, pictures of the pairs that are shown, and the hulls."""

    record: AuditRecord
    pictures: dict[int, PairPictures]
    hulls: tuple[KeptHull, ...]


class AuditWalk:
    """One audit.

    Args:
        network: the network under test.
        data: images that say when features match, and what an image shows.
        pairs: that are looked at.
        options: what is asked.
        taps: names of ReLUs; the first is the headline's.
        predicted: `[test_size]`, the network's class of each test image.
        labeled: whether the data set's classes are the network's.
        ledger: keeps what is finished.
        facts: what is known already of the network and the data.
    """

    def __init__(
        self,
        network: Classifier,
        data: LabeledImages,
        pairs: Sequence[NamedPair],
        options: AuditOptions,
        taps: Sequence[str],
        *,
        predicted: PredictedClasses,
        labeled: bool,
        ledger: Ledger | None = None,
        facts: Facts | None = None,
    ):
        self._network, self._data, self._pairs, self._options = network, data, pairs, options
        self._ledger = ledger or Ledger()
        self._seconds: dict[str, float] = {}
        yardsticks = [
            Yardstick(network, network.tap(tap), data, predicted=predicted, labeled=labeled, facts=facts) for tap in taps
        ]
        for one in yardsticks[1:]:
            one.reader = yardsticks[0].reader  # of the data set, whatever the tap
        self._taps = {one.tap.name: TapAudit(one, options) for one in yardsticks}

    def __call__(self, made_with: Mapping[str, str], spent: Mapping[str, float] | None = None) -> Walked:
        """Carries the audit out.

        Args:
            made_with: versions, hashes, and how to repeat it; becomes part of the record.
            spent: seconds that pieces took before, by name; become part of it, too.
        """
        self._seconds = dict(spent or {})
        fronts: list[PairFront] = []
        hulls: list[PairHull] = []
        kept: list[KeptHull] = []
        images: dict[int, np.ndarray] = {}
        for tap in self._taps:
            found, refused = self._fronts(tap, range(len(self._pairs)))
            wide = self._hulls(tap, sorted(found))
            rows, nearest = self._rows(tap, found, refused, wide)
            fronts += rows
            hulls += [one.row for one in wide] + [self._refused(tap, n, spread) for n in refused for spread in self._spreads]
            kept += [self._kept_hull(one) for one in wide if one.row.outcome in FOUND]
            images = images or nearest
        record = self._record(fronts, hulls, made_with)
        record = dataclasses.replace(record, convergence=self._again(record))
        record = dataclasses.replace(record, layers=tuple(self._layers()), seconds=dict(self._seconds))
        return Walked(record, self._pictures(record, images), tuple(kept))

    def pieces(self) -> list[Piece]:
        """All of the audit's work; which pairs can be carried out is found out for it, and nothing is searched for."""
        found: list[Piece] = []
        for tap in self._taps:
            numbers = progress(range(len(self._pairs)), desc=f"pairs at {tap}", unit=" pairs")
            posed = [n for n in numbers if not isinstance(self._posed(tap, n), RequestError)]
            for some, longer in ((posed, False), (posed[:CHECKED_AGAIN] if tap == next(iter(self._taps)) else [], True)):
                found += [Piece("front", tap, (n,), longer=longer) for n in some]
                found += self._hull_pieces(tap, some, longer)
        return found + self._looks()

    def do(self, piece: Piece) -> Any:
        """What a piece of work finds; from the ledger where it was done before.

        BLAS has one thread meanwhile: the last bits of a singular value depend on how many it has, and differ from one
        machine to the next. Several processes on one machine do not get into each other's way then, either.
        """
        kinds: dict[str, tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]] = {
            "front": (self._front, pack_front, unpack_front),
            "hull": (self._batch, pack_hulls, unpack_hulls),
            "layer": (self._look, pack_look, unpack_look),
        }
        search, pack, unpack = kinds[piece.kind]
        with one_blas_thread():
            return unpack(self._ledger.do(piece.name, lambda: pack(search(piece))))

    @property
    def _spreads(self) -> tuple[float, ...]:
        return self._options.work.spreads

    @functools.lru_cache(maxsize=256)  # noqa: B019 (posed again for every spread otherwise)
    def _posed(self, tap: str, number: int) -> Problem | RequestError:
        pair = self._pairs[number]
        try:
            return self._taps[tap].pose(pair.source, pair.target)
        except RequestError as error:
            return error

    def _budget(self, piece: Piece) -> Budget:
        return self._options.work.times(4) if piece.longer else self._options.work

    def _fronts(
        self, tap: str, numbers: Sequence[int], *, longer: bool = False
    ) -> tuple[dict[int, FrontFound], dict[int, str]]:
        """The fronts of pairs by number, and of those that cannot be carried out why."""
        refused = {n: str(posed) for n in numbers if isinstance(posed := self._posed(tap, n), RequestError)}
        able = [n for n in numbers if n not in refused]

        def search(n: int) -> FrontFound:
            return self.do(Piece("front", tap, (n,), longer=longer))

        with one_blas_thread():  # a thread that ends a piece would else let BLAS go, under another one's
            fronts = self._timed(f"{'longer ' * longer}fronts at {tap}", in_threads(search, able), "pairs", total=len(able))
            return dict(zip(able, fronts, strict=True)), refused

    def _front(self, piece: Piece) -> FrontFound:
        [n], work = piece.numbers, self._budget(piece)
        posed: Any = self._posed(piece.tap, n)
        return self._taps[piece.tap].front(posed, work, exactly=n < work.exact_pairs and not piece.longer)

    def _hulls(self, tap: str, numbers: Sequence[int], *, longer: bool = False) -> list[HullFound]:
        """The hulls of pairs, with each spread."""
        size, found = self._taps[tap].pairs_at_once, []
        apart = f", in batches of {size} pairs" if size > 1 else ""
        batches = self._hull_pieces(tap, numbers, longer)
        for batch in self._timed(f"{'longer ' * longer}hulls at {tap}", batches, "batches", apart):
            found += self.do(batch)
        return found

    def _hull_pieces(self, tap: str, numbers: Sequence[int], longer: bool) -> list[Piece]:
        size = self._taps[tap].pairs_at_once
        batches = [tuple(numbers[i : i + size]) for i in range(0, len(numbers), size)]
        return [Piece("hull", tap, batch, spread, longer) for spread in self._spreads for batch in batches]

    def _batch(self, piece: Piece) -> list[HullFound]:
        posed: Any = [self._posed(piece.tap, n) for n in piece.numbers]
        with shown(False):  # the bar of the whole stands below
            return self._taps[piece.tap].hulls(posed, piece.numbers, piece.spread or 0.0, self._budget(piece))

    def _again(self, record: AuditRecord) -> Convergence | None:
        """The first pairs at the headline's tap with four times the budget."""
        tap = record.tap
        known = [one for one in record.fronts_at(tap) if one.status != "refused"][:CHECKED_AGAIN]
        numbers = [one.pair for one in known]
        if not numbers:
            return None
        found, _ = self._fronts(tap, numbers, longer=True)
        wide = self._hulls(tap, numbers, longer=True)
        rows, _ = self._rows(tap, found, {}, wide)
        count, limits = len(self._pairs), record.headline
        held = held_pairs(record.hulls_at(tap), count, *limits)[numbers]
        held_again = held_pairs([one.row for one in wide], count, *limits)[numbers]
        fronts = [float(np.median(_changes(some))) for some in (known, rows)]
        return Convergence(len(numbers), float(held.mean()), float(held_again.mean()), *fronts)

    def _rows(
        self, tap: str, found: Mapping[int, FrontFound], refused: Mapping[int, str], hulls: Sequence[HullFound]
    ) -> tuple[list[PairFront], dict[int, np.ndarray]]:
        """One row per pair, and the image of its front; a hull that was found has images, too, and may be nearer."""
        rows, images = [], {}
        for n in sorted([*found, *refused]):
            if n in refused:
                rows.append(self._row(tap, n, None, "refused", refused[n]))
                continue
            front, end = found[n], found[n].end
            near = [one for one in hulls if one.row.pair == n and one.nearest is not None]
            best = min(near, key=lambda one: one.nearest or 0.0, default=None)
            images[n] = front.image
            if best is not None and (end.change is None or (best.nearest or 0.0) < end.change):
                share, quantile = best.target_share or 0.0, best.quantile or 0.0
                end = FrontEnd(best.nearest, None, best.nearest or 0.0, quantile, share, None)
                images[n] = best.image
            status, _, _ = (end.censored or "found").partition(":")
            row = self._row(tap, n, end.change, status, end.censored)
            rows.append(
                dataclasses.replace(
                    row,
                    last_change=end.last_change,
                    quantile=end.last_quantile,
                    target_share=end.target_share,
                    least_change=front.least,
                    exact_change=front.exact,
                )
            )
        return rows, images

    def _row(self, tap: str, n: int, change: float | None, status: str, why: str | None) -> PairFront:
        source, target, _ = self._pairs[n]
        ends = source.id, target.id, source.label or "unknown", target.label or "unknown"
        return PairFront(tap, n, *ends, change, status, why, None, None, None)

    def _kept_hull(self, found: HullFound) -> KeptHull:
        pair, row = self._pairs[found.row.pair], found.row
        ends = to_uint8(np.stack([pair.source.image, pair.target.image]), self._network.bounds)
        return KeptHull(row.tap, row.pair, row.spread_asked, found.corners, *ends)

    def _refused(self, tap: str, n: int, spread: float) -> PairHull:
        return PairHull(tap, n, spread, "failed", "refused", None, None, None, None, 0)

    def _layers(self) -> list[LayerLook]:
        """The profile of the first sources, at every ReLU."""
        return [self.do(look) for look in self._timed("layer profile", self._looks(), "looks")]

    def _looks(self) -> list[Piece]:
        numbers = list(self._sources)[: self._options.work.profile_images]
        return [Piece("layer", name, (number,)) for name in self._network.tap_names for number in numbers]

    def _look(self, piece: Piece) -> LayerLook:
        [number] = piece.numbers
        return self._profiler(piece.tap, self._sources[number], number)

    @functools.cached_property
    def _sources(self) -> dict[int, np.ndarray]:
        """The number of an image -> the image, in the order of the pairs that begin there."""
        found: dict[int, np.ndarray] = {}
        for pair in self._pairs:
            found.setdefault(pair.images[0], pair.source.image)
        return found

    @functools.cached_property
    def _profiler(self) -> LayerProfiler:
        work = self._options.work
        return LayerProfiler(self._network, probes=work.probes, steps=work.lanczos_steps, seed=self._options.seed)

    def _record(self, fronts: Sequence[PairFront], hulls: Sequence[PairHull], made_with: Mapping[str, str]) -> AuditRecord:
        options, first = self._options, next(iter(self._taps.values()))
        settings = {**dataclasses.asdict(options.work), "corners": options.corners, "match_quantile": options.match_quantile}
        return AuditRecord(
            network=self._network.name,
            dataset=self._data.name,
            test_accuracy=first.yardstick.test_accuracy,
            tap=next(iter(self._taps)),
            budget=options.budget,
            settings=settings,
            seed=options.seed,
            headline=(options.largest_change, options.smallest_spread),
            changes=options.changes,
            spreads=options.grid_spreads,
            pairs=tuple(pair.images for pair in self._pairs),
            class_names=tuple(self._data.class_names),
            yards=tuple(one.yard for one in self._taps.values()),
            fronts=tuple(fronts),
            hulls=tuple(hulls),
            made_with=made_with,
        )

    def _pictures(self, record: AuditRecord, images: Mapping[int, np.ndarray]) -> dict[int, PairPictures]:
        bounds, found = self._network.bounds, {}
        for one in worst(record):
            pair = self._pairs[one.pair]
            source, target = to_uint8(np.stack([pair.source.image, pair.target.image]), bounds)
            found[one.pair] = PairPictures(source, images[one.pair], target)
        return found

    def _timed(self, name: str, items: Iterable[_Item], unit: str, more: str = "", total: int | None = None) -> Iterator[_Item]:
        """Goes through work with a bar, named `name` and `more`, that knows the time left; notes what it took."""
        began = time.perf_counter()
        yield from progress(items, desc=name + more, unit=f" {unit}", total=total)
        self._seconds[name] = time.perf_counter() - began


def picture_of(network: Classifier, data: LabeledImages, number: int) -> Picture:
    """A test image as a source or a target."""
    label = int(data.test.labels[number])
    name = data.class_names[label] if label >= 0 else None
    return Picture(from_uint8(data.test.images[number], network.bounds), f"test:{number}", name)


def _changes(rows: Sequence[PairFront]) -> np.ndarray:
    return np.array([np.inf if one.change is None else one.change for one in rows])
