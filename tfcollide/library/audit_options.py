"""What an audit is asked for, and what its budgets stand for. Nothing here needs TensorFlow."""

import dataclasses
from typing import Self

from tfcollide.errors import RequestError
from tfcollide.settings import at_least

__all__ = ["BUDGETS", "AuditOptions", "Budget"]

CHECKED_AGAIN = 20
"""How many pairs are searched again with four times the budget."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Budget:
    """How much work an audit does per pair.

    Attributes:
        front_steps: of the search for a front, for each weight of the change.
        hull_steps: of the search for a hull, at the most.
        patience: steps without progress after which that search ends.
        spreads: that hulls are searched for with, shares of the pixel range.
        samples: random mixtures of a hull.
        worst_starts: of the search for the worst mixture.
        proof_parts: parts of a hull to bound at most, for a proof; 0: none is tried.
        profile_images: images whose neighborhoods are looked at.
        probes: random vectors of an estimated spectrum.
        lanczos_steps: of each of them.
        exact_pairs: pairs for which the nearest exact collision is computed, where the tap is affine.
    """

    front_steps: int
    hull_steps: int
    patience: int
    spreads: tuple[float, ...]
    samples: int
    worst_starts: int
    proof_parts: int
    profile_images: int
    probes: int
    lanczos_steps: int
    exact_pairs: int

    def times(self, factor: int) -> "Budget":
        """The same with so many times the steps of every search; what is found is judged as before."""
        longer = {name: factor * getattr(self, name) for name in ("front_steps", "hull_steps", "patience")}
        return dataclasses.replace(self, **longer)


BUDGETS = {
    "quick": Budget(
        front_steps=30,
        hull_steps=600,
        patience=100,
        spreads=(0.06,),
        samples=500,
        worst_starts=4,
        proof_parts=0,
        profile_images=3,
        probes=4,
        lanczos_steps=30,
        exact_pairs=0,
    ),
    "normal": Budget(
        front_steps=60,
        hull_steps=1_500,
        patience=150,
        spreads=(0.06, 0.12),
        samples=1_000,
        worst_starts=8,
        proof_parts=500,
        profile_images=10,
        probes=4,
        lanczos_steps=60,
        exact_pairs=20,
    ),
    "thorough": Budget(
        front_steps=240,
        hull_steps=3_000,
        patience=300,
        spreads=(0.03, 0.06, 0.12),
        samples=2_000,
        worst_starts=32,
        proof_parts=5_000,
        profile_images=20,
        probes=8,
        lanczos_steps=120,
        exact_pairs=100,
    ),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class AuditOptions:
    """An audit.

    Attributes:
        budget: a name in `BUDGETS`.
        num_pairs: how many pairs are drawn.
        taps: "default", "all", or names with commas between them: where fronts and hulls are looked for.
        match_quantile: features match where they are nearer than this share of the pairs of images of one class are.
        seed: of everything drawn.
        corners: of a hull.
        changes: of the grid of rates, shares of source-to-target.
        largest_change: of the headline.
        smallest_spread: of the headline, a share of the pixel range.
    """

    budget: str = "normal"
    num_pairs: int = 100
    taps: str = "default"
    match_quantile: float = 0.01
    seed: int = 0
    corners: int = 3
    changes: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0)
    largest_change: float = 0.75
    smallest_spread: float = 0.05

    def check(self) -> Self:
        """Raises `RequestError` for a value that no network can make right; returns the record itself."""
        if self.budget not in BUDGETS:
            raise RequestError(f"--budget={self.budget}", f"one of {', '.join(BUDGETS)}")
        if not 0 <= self.match_quantile <= 1:
            raise RequestError(f"--match_quantile={self.match_quantile}", "a share from 0 to 1")
        at_least(self, 1, "num_pairs")
        at_least(self, 0, "seed")
        return self

    @property
    def work(self) -> Budget:
        """What the budget stands for."""
        return BUDGETS[self.budget]

    @property
    def grid_spreads(self) -> tuple[float, ...]:
        """Of the grid of rates: those searched for, less a sixth, which a search may fall short by."""
        return tuple(round(5 / 6 * spread, 6) for spread in self.work.spreads)
