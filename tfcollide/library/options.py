"""What a search, an exact solver and a judgment are asked for: one small frozen record each.

Nothing here needs TensorFlow, so a bad value is refused at once.
"""

import dataclasses
from collections.abc import Mapping
from numbers import Real
from typing import Self

from tfcollide.errors import RequestError
from tfcollide.optimize.hull_terms import known_hull_terms
from tfcollide.optimize.schedules import parse_schedule
from tfcollide.registry import OBJECTIVES, UPDATE_RULES
from tfcollide.settings import at_least, positive

__all__ = ["NORMS", "ExactOptions", "JudgeOptions", "MatchOptions", "SearchOptions", "default_weights"]

DIRECTIONS, NORMS = ("units", "random", "diverse"), ("l1", "l2")


@dataclasses.dataclass(frozen=True, kw_only=True)
class MatchOptions:
    """When features count as the target's, and who says what an image shows.

    Attributes:
        quantile: features match where they are nearer than this share of the pairs of images of one class are, from 0 to 1.
        share: without a data set, the share of the start that they must fall below, above 0 and below 1.
        reader_accuracy: a reader that is right on a smaller share of the test images does not vote, from 0 to 1.
    """

    quantile: float = 0.01
    share: float = 0.05
    reader_accuracy: float = 0.8

    def check(self) -> Self:
        """Raises `RequestError` for a value that no data set can make right; returns the record itself."""
        at_least(self, 0, "quantile", "reader_accuracy")
        positive(self, "share")
        for name in ("quantile", "reader_accuracy"):
            if getattr(self, name) > 1:
                raise RequestError(f"--{name}={getattr(self, name)}", "a share from 0 to 1")
        if self.share >= 1:
            raise RequestError(f"--share={self.share}", "a share below 1")
        return self


@dataclasses.dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """A search by gradient descent.

    Attributes:
        corners: N, how many corners are searched for together.
        objective: "corners" (Eq. 3) or "match" (Eq. 1), a name in `registry.OBJECTIVES`.
        optimizer: a name in `registry.UPDATE_RULES`.
        learning_rate: see `schedules.parse_schedule`; None: one that suits.
        term_weights: weights of terms in place of the objective's own, (term, weight) pairs.
        literal: whether weights of L_neg are taken as they are, as in Eq. 3.
        hull_samples: random mixtures that must match the target, too, per step; None: N.
        spread: how far apart corners are to be, a share of the pixel range; None: as far as the hull holds.
        half_life: steps in which the weights of terms that push halve; 0: never.
        start_noise: standard deviation of noise on the start, a share of the pixel range; None: one that suits.
        source_pull: weight of the change from the source; None: it is led to the smallest change that matches.
        patience: steps without progress after which a search ends; 0: it goes on.
        max_steps: the most steps.
        stop_loss: a corner stops when its L_pos is below this; None: `stop_fraction`.
        stop_fraction: a corner stops below this share of its L_pos at the start.
        max_change: the most that one pixel value may change, in the network's units; None: no limit.
        max_total: the most that the L2 norm of the change may be; None: no limit.
        trace_every: steps between rows of the trace.
        xla: whether the loss and its gradient are compiled with XLA.
        seed: of the noise and of the mixtures.
    """

    corners: int = 5
    objective: str = "corners"
    optimizer: str = "adam"
    learning_rate: str | None = None
    term_weights: tuple[tuple[str, float], ...] = ()
    literal: bool = False
    hull_samples: int | None = None
    spread: float | None = 0.12
    half_life: float = 150.0
    start_noise: float | None = None
    source_pull: float | None = None
    patience: int = 150
    max_steps: int = 3_000
    stop_loss: float | None = None
    stop_fraction: float = 0.05
    max_change: float | None = None
    max_total: float | None = None
    trace_every: int = 10
    xla: bool = False
    seed: int = 0

    def check(self) -> Self:
        """Raises `RequestError` for a value that no network can make right; returns the record itself."""
        OBJECTIVES.check(self.objective)
        UPDATE_RULES.check(self.optimizer)
        if self.learning_rate is not None:
            parse_schedule(self.learning_rate)
        at_least(self, 1, "corners", "max_steps", "trace_every")
        at_least(self, 0, "hull_samples", "half_life", "start_noise", "source_pull", "patience", "seed")
        at_least(self, 0, "max_change", "max_total")
        positive(self, "stop_loss", "stop_fraction")
        if self.spread is not None and not (isinstance(self.spread, Real) and 0 <= self.spread <= 1):
            raise RequestError(f"--spread={self.spread}", "a share of the pixel range, from 0 to 1, or None for the largest")
        return self

    def weights_over(self, defaults: Mapping[str, float]) -> dict[str, float]:
        """`defaults`, term -> weight, with those of `term_weights` in their place.

        Raises:
            RequestError: a term that has no default.
        """
        for name, weight in self.term_weights:
            if name not in defaults:
                raise RequestError(f"--term_weights: {name}={weight:g}", f"terms {', '.join(defaults)}")
        return {**defaults, **dict(self.term_weights)}


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExactOptions:
    """Corners, or the nearest collision, by linear programs at an affine tap.

    Attributes:
        corners: N.
        direction: which corners: "units" (in which inactive units are lowest), "random", "diverse"; None: "units".
        nearest: the collision closest to the source in this norm, "l1" or "l2"; None: corners.
        spread: how far apart corners are to be, a share of the pixel range.
        max_change: the most that one pixel value may change; None: the least at which the corners exist.
        max_total: the most that the norm of the change may be; None: no limit.
        seed: of random directions.
    """

    corners: int = 5
    direction: str | None = None
    nearest: str | None = None
    spread: float = 0.12
    max_change: float | None = None
    max_total: float | None = None
    seed: int = 0

    @property
    def pushes_units(self) -> bool:
        """Whether each corner is lowest in units of its own."""
        return self.direction in (None, "units") and self.nearest is None

    def check(self) -> Self:
        """Raises `RequestError` for a value that no network can make right; returns the record itself."""
        for name, known in (("direction", DIRECTIONS), ("nearest", NORMS)):
            if getattr(self, name) not in (None, *known):
                raise RequestError(f"--{name}={getattr(self, name)}", f"one of {', '.join(known)}")
        at_least(self, 1, "corners")
        at_least(self, 0, "spread", "max_change", "max_total", "seed")
        return self


@dataclasses.dataclass(frozen=True, kw_only=True)
class JudgeOptions:
    """How a hull is judged.

    Attributes:
        samples: S, random mixtures.
        sampling: how convex weights are drawn, a name in `mixing.SAMPLINGS`.
        worst_starts: random starts of the search for the worst mixture; 0: no search; None: 64, or 8 of a deep network.
        allow_trivial: whether corners that have become the target count as found.
        seed: of the weights and the starts.
    """

    samples: int = 2_000
    sampling: str = "uniform"
    worst_starts: int | None = None
    allow_trivial: bool = False
    seed: int = 0

    def check(self) -> Self:
        """Raises `RequestError` for a value that nothing can make right; returns the record itself."""
        at_least(self, 1, "samples")
        at_least(self, 0, "worst_starts", "seed")
        if self.sampling not in ("uniform", "stick_breaking"):
            raise RequestError(f"--sampling={self.sampling}", "one of uniform, stick_breaking")
        return self

    def starts(self, deep: bool) -> int:
        """`worst_starts`, or its default."""
        return self.worst_starts if self.worst_starts is not None else 8 if deep else 64


def default_weights(objective: str, of_parameterization: Mapping[str, float]) -> dict[str, float]:
    """Term -> its weight: of the objective, of the hull where that pushes units, and of the parameterization."""
    variant = OBJECTIVES.load(objective)
    of_hull = {name: term.weight for name, term in known_hull_terms().items()} if variant.pushes_units else {}
    return {**variant.term_weights, **of_hull, **of_parameterization}
