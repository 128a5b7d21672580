"""Two sides' audits of the same pairs become one record: rows, tests with their correction, and what seeds vary."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from scipy import stats

from tfcollide.measure.audit_record import AuditRecord, held_pairs
from tfcollide.measure.compare_record import CompareRecord, Measured, PairedTest, PairRow, SeedSpread
from tfcollide.measure.intervals import Interval, repeats
from tfcollide.measure.paired_tests import (
    Counted,
    front_differences,
    front_effect,
    holm,
    preferred,
    rate_effect,
    sign_test,
)

__all__ = ["compare_records"]

_SIDES = ("A", "B")


def compare_records(sides: Sequence[Sequence[AuditRecord]], made_with: Mapping[str, str] | None = None) -> CompareRecord:
    """Everything that two sides' audits of the same pairs say.

    Args:
        sides: one or more records of A, and of B.
        made_with: versions, and how to repeat it, name -> text.
    """
    first, taps = sides[0][0], _common_taps(sides)
    images = np.array(first.pairs)
    rows, tests, seeds = [], [], []
    for pair_of_taps in taps:
        looks = [_Look.of(records, tap) for records, tap in zip(sides, pair_of_taps, strict=True)]
        rows += _rows(sides, pair_of_taps, looks)
        tests += _tests(pair_of_taps, looks, images)
        if min(map(len, sides)) > 1:
            seeds += _seeds(sides, pair_of_taps)
    adjusted = holm([one.p for one in tests])
    return CompareRecord(
        dataset=first.dataset,
        budget=first.budget,
        headline=first.headline,
        pairs=len(first.pairs),
        repeated=repeats(images),
        networks=tuple(_measured(sides, taps)),
        rows=tuple(rows),
        tests=tuple(dataclasses.replace(one, adjusted=p) for one, p in zip(tests, adjusted, strict=True)),
        seeds=tuple(seeds),
        made_with=made_with or {},
    )


@dataclasses.dataclass(frozen=True)
class _Look:
    """What a side shows at a tap, `[P]` each: the share of its networks that hold, and the median of their fronts."""

    held: np.ndarray
    fronts: np.ndarray

    @classmethod
    def of(cls, records: Sequence[AuditRecord], tap: str) -> "_Look":
        names = [tap if tap in one.taps else one.tap for one in records]
        parts = list(zip(records, names, strict=True))
        held = [held_pairs(one.hulls_at(name), len(one.pairs), *one.headline) for one, name in parts]
        fronts = [one.changes_at(name) for one, name in parts]
        return cls(np.mean(held, axis=0), np.median(fronts, axis=0))


def _common_taps(sides: Sequence[Sequence[AuditRecord]]) -> list[tuple[str, str]]:
    """The headline's tap of either side, then those whose names all have."""
    first = (sides[0][0].tap, sides[1][0].tap)
    both = [tap for tap in sides[0][0].taps if all(tap in one.taps for records in sides for one in records)]
    return [first, *((tap, tap) for tap in both if tap not in first)]


def _measured(sides: Sequence[Sequence[AuditRecord]], taps: Sequence[tuple[str, str]]) -> list[Measured]:
    found = []
    for place, (side, records) in enumerate(zip(_SIDES, sides, strict=True)):
        for n, one in enumerate(records):
            own = tuple(pair[place] if pair[place] in one.taps else one.tap for pair in taps)
            rates, fronts = (tuple(look(tap=tap) for tap in own) for look in (one.rate, one.front))
            name = side if len(records) == 1 else f"{side}{n + 1}"
            about = (one.network, one.made_with.get("weights"), one.test_accuracy, one.converged)
            found.append(Measured(side, name, *about, own, rates, fronts))
    return found


def _rows(sides: Sequence[Sequence[AuditRecord]], taps: tuple[str, str], looks: Sequence[_Look]) -> list[PairRow]:
    rows = []
    for n, one in enumerate(sides[0][0].fronts_at(taps[0])):
        ends = one.source, one.target, one.source_class, one.target_class
        fronts = [float(look.fronts[n]) if np.isfinite(look.fronts[n]) else None for look in looks]
        rows.append(PairRow(*taps, one.pair, *ends, *(float(look.held[n]) for look in looks), *fronts))
    return rows


def _tests(taps: tuple[str, str], looks: Sequence[_Look], images: np.ndarray) -> list[PairedTest]:
    """Of the rate and of the front; a larger rate and a smaller front are easier. Not yet adjusted."""
    first, second = looks
    rates = Counted.of(first.held - second.held)
    fronts = front_differences(first.fronts, second.fronts)
    nearer = Counted.of(-fronts)
    effects = rate_effect(first.held, second.held, images), front_effect(fronts, images)
    return [
        PairedTest(what, *taps, *counted, sign_test(counted), 1.0, effect, preferred(counted))
        for what, counted, effect in zip(("rate", "front"), (rates, nearer), effects, strict=True)
    ]


def _seeds(sides: Sequence[Sequence[AuditRecord]], taps: tuple[str, str]) -> list[SeedSpread]:
    found = []
    for what in ("rate", "front"):
        values = [[getattr(one, what)(tap=tap).value for one in records] for records, tap in zip(sides, taps, strict=True)]
        first, second = (tuple(v if np.isfinite(v) else None for v in one) for one in values)
        found.append(SeedSpread(what, *taps, first, second, _welch(*values)))
    return found


def _welch(first: Sequence[float], second: Sequence[float]) -> Interval | None:
    """The difference of two means, with Welch's 95 % interval (Welch 1947, Biometrika 34)."""
    if not np.isfinite([*first, *second]).all() or (np.ptp(first) == 0 and np.ptp(second) == 0):
        return None
    ends = stats.ttest_ind(first, second, equal_var=False).confidence_interval(0.95)
    return Interval(float(np.mean(first) - np.mean(second)), float(ends.low), float(ends.high))
