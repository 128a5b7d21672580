"""What an audit found: fronts, hulls and layer looks, one row each, and what they say together.

A front found by descent is an upper bound of the true one, and a rate a lower bound: nobody has shown that a better search
would not find more.
"""

import dataclasses
import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfcollide.measure.intervals import Interval, median_interval, rate_interval, repeats
from tfcollide.measure.layer_look import LayerLook

__all__ = ["FOUND", "OUTCOMES", "AuditRecord", "Cell", "Convergence", "PairFront", "PairHull", "Yard", "held_pairs"]

OUTCOMES = ("proven", "sampled", "trivial", "lost", "failed")
"""Of the hull of a pair, best first: found and proven as a whole; found, by samples; the target in disguise; neither image;
not found for another reason."""
FOUND = OUTCOMES[:2]


@dataclasses.dataclass(frozen=True)
class PairFront:
    """The front of one pair at one tap. docs/audit.md says what each column means.

    Attributes:
        tap: the ReLU.
        pair: the number of the pair.
        source: what the source is called.
        target: what the target is called.
        source_class: that the source is filed under.
        target_class: that the target is filed under.
        change: the smallest change found at which features match while the image still is the source, a share of
            source-to-target: an upper bound. None where it is censored.
        status: "found", or why it is censored: "trivial", "lost", "not reached" or "refused".
        why: the same in words; None where it is found.
        last_change: of the last image looked at.
        quantile: of that image's features among pairs of images of one class.
        target_share: its distance to the target, a share of source-to-target.
        least_change: below it features cannot match, proven; None where nothing is proven.
        exact_change: of the nearest image whose features are the target's exactly, at an affine tap; None elsewhere.
    """

    tap: str
    pair: int
    source: str
    target: str
    source_class: str
    target_class: str
    change: float | None
    status: str
    why: str | None
    last_change: float | None
    quantile: float | None
    target_share: float | None
    least_change: float | None = None
    exact_change: float | None = None


@dataclasses.dataclass(frozen=True)
class PairHull:
    """The hull of one pair at one tap, searched for with one spread. docs/audit.md says what each column means.

    Attributes:
        tap: the ReLU.
        pair: the number of the pair.
        spread_asked: how far apart corners were to be, a share of the pixel range.
        outcome: one of `OUTCOMES`.
        missing: what a collision that is found has and this one lacks, in words; None where it is found.
        largest_change: of the corners, a share of source-to-target; None of a pair that was refused.
        spread: between the two nearest corners, a share of the pixel range.
        accuracy: the share of random mixtures that are read as the target.
        worst_margin: of the worst mixture that a search found: the target's logit less the largest other.
        steps: of the search.
    """

    tap: str
    pair: int
    spread_asked: float
    outcome: str
    missing: str | None
    largest_change: float | None
    spread: float | None
    accuracy: float | None
    worst_margin: float | None
    steps: int


@dataclasses.dataclass(frozen=True)
class Cell:
    """One cell of the grid of rates.

    Attributes:
        change: the most that corners may be from the source, a share of source-to-target.
        spread: the least that corners must be apart, a share of the pixel range.
        rate: the share of pairs with such a hull, and its interval, pointwise.
    """

    change: float
    spread: float
    rate: Interval


@dataclasses.dataclass(frozen=True)
class Yard:
    """When features match at a tap.

    Attributes:
        tap: the ReLU.
        quantile: of the feature distances of pairs of images of one class.
        distance: the feature distance at it; None without such pairs, where a share of the start decides.
        pairs: how many pairs of one class were compared.
        median_same: their median.
        median_different: that of pairs of two classes.
    """

    tap: str
    quantile: float
    distance: float | None
    pairs: int
    median_same: float | None
    median_different: float | None


@dataclasses.dataclass(frozen=True)
class Convergence:
    """Some pairs looked at again, with four times the budget.

    Attributes:
        pairs: how many.
        rate: of the headline cell among them, as audited.
        rate_again: with four times the budget.
        front: their median front, as audited; infinite where most are censored.
        front_again: with four times the budget.
    """

    pairs: int
    rate: float
    rate_again: float
    front: float
    front_again: float

    @property
    def rate_rose(self) -> bool:
        """By over 5 points."""
        return self.rate_again > self.rate + 0.05 + 1e-9

    @property
    def front_fell(self) -> bool:
        """By over 5 %."""
        return self.front_again < 0.95 * self.front - 1e-9

    @property
    def converged(self) -> bool:
        """Whether four times the budget found neither more nor nearer."""
        return not (self.rate_rose or self.front_fell)


@dataclasses.dataclass(frozen=True, eq=False)
class AuditRecord:
    """An audit.

    Attributes:
        network: its name.
        dataset: its name.
        test_accuracy: of the network on it; None where it is not known.
        tap: of the headline.
        budget: its name.
        settings: what the budget stands for.
        seed: of everything drawn.
        headline: (largest change, smallest spread) of the cell that was stated beforehand.
        changes: of the grid.
        spreads: of the grid.
        pairs: `[P, 2]`, numbers of the images of each pair, by which repeats are told.
        class_names: of the data set.
        yards: when features match, at each tap.
        fronts: one per pair and tap.
        hulls: one per pair, tap and spread.
        layers: one per image and ReLU.
        convergence: of the headline tap; None where it was not checked.
        made_with: versions, hashes of model and data, and how to repeat it, name -> text.
        seconds: that each part took, name -> seconds.
        caveats: what speaks against the request itself, such as pixels that the network was not trained with; sentences.
    """

    network: str
    dataset: str
    test_accuracy: float | None
    tap: str
    budget: str
    settings: Mapping[str, Any]
    seed: int
    headline: tuple[float, float]
    changes: tuple[float, ...]
    spreads: tuple[float, ...]
    pairs: tuple[tuple[int, int], ...]
    class_names: tuple[str, ...]
    yards: tuple[Yard, ...]
    fronts: tuple[PairFront, ...]
    hulls: tuple[PairHull, ...]
    layers: tuple[LayerLook, ...] = ()
    convergence: Convergence | None = None
    made_with: Mapping[str, str] = dataclasses.field(default_factory=dict)
    seconds: Mapping[str, float] = dataclasses.field(default_factory=dict)
    caveats: tuple[str, ...] = ()

    @property
    def taps(self) -> tuple[str, ...]:
        """At which fronts and hulls were looked for."""
        return tuple(yard.tap for yard in self.yards)

    @property
    def repeated(self) -> bool:
        """Whether some image is in two pairs."""
        return repeats(np.array(self.pairs))

    @property
    def converged(self) -> bool | None:
        """Whether four times the budget found neither more nor nearer; None where that was not checked."""
        return self.convergence.converged if self.convergence else None

    def fronts_at(self, tap: str) -> list[PairFront]:
        """Fronts at one tap, by pair."""
        return sorted((one for one in self.fronts if one.tap == tap), key=lambda one: one.pair)

    def hulls_at(self, tap: str) -> list[PairHull]:
        """Hulls at one tap, by pair."""
        return sorted((one for one in self.hulls if one.tap == tap), key=lambda one: (one.pair, one.spread_asked))

    def changes_at(self, tap: str) -> np.ndarray:
        """`[P]`, the front of each pair; infinite where it is censored."""
        return np.array([math.inf if one.change is None else one.change for one in self.fronts_at(tap)])

    @functools.cache  # noqa: B019 (a record is as long-lived as its numbers)
    def front(self, tap: str | None = None) -> Interval:
        """The median front; infinite where most are censored."""
        return median_interval(self.changes_at(tap or self.tap), np.array(self.pairs), seed=self.seed)

    @functools.cache  # noqa: B019
    def rate(self, change: float | None = None, spread: float | None = None, tap: str | None = None) -> Interval:
        """The share of pairs with a hull that is found, changes by at most `change` and is `spread` wide at least."""
        limits = (self.headline[0] if change is None else change, self.headline[1] if spread is None else spread)
        held = held_pairs(self.hulls_at(tap or self.tap), len(self.pairs), *limits)
        return rate_interval(held, np.array(self.pairs), seed=self.seed)

    def grid(self, tap: str | None = None) -> list[Cell]:
        """Rates by largest change and smallest spread."""
        return [Cell(c, s, self.rate(c, s, tap or self.tap)) for s in self.spreads for c in self.changes]

    def outcomes(self, tap: str | None = None) -> dict[str, int]:
        """Outcome -> how many pairs, each by its best hull."""
        best: dict[int, int] = {}
        for one in self.hulls_at(tap or self.tap):
            best[one.pair] = min(best.get(one.pair, len(OUTCOMES)), OUTCOMES.index(one.outcome))
        return {name: sum(place == n for place in best.values()) for n, name in enumerate(OUTCOMES)}

    def censored(self, tap: str | None = None) -> dict[str, int]:
        """Why -> how many fronts are censored."""
        why = [one.status for one in self.fronts_at(tap or self.tap) if one.change is None]
        return {name: why.count(name) for name in sorted(set(why))}

    def exceeds(self, rate: float) -> bool:
        """Whether the headline rate's upper end exceeds `rate`, or the search is known not to have converged."""
        return self.rate().high > rate or self.converged is False


def held_pairs(hulls: Sequence[PairHull], pairs: int, change: float, spread: float) -> np.ndarray:
    """`[P]` bool, which pairs have a hull that is found, near enough and wide enough."""
    held = np.zeros(pairs, bool)
    for one in hulls:
        near = one.largest_change is not None and one.largest_change <= change
        held[one.pair] |= bool(one.outcome in FOUND and near and one.spread is not None and one.spread >= spread)
    return held
