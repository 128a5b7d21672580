"""Whether a collision was found: what every check of the corners and of their hull says, and what is missing."""

import dataclasses
import html
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tfcollide.measure.matching import Match
from tfcollide.numerals import significant
from tfcollide.polytope.hull.hull_judge import Mixtures
from tfcollide.records import (
    CornerRecord,
    Distance,
    ExactRecord,
    FailureBound,
    Interpolation,
    MixtureLooks,
    Perceptual,
    PngCheck,
    ReaderRecord,
    Scale,
    WorstMixture,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Verdict", "missing"]


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Verdict:
    """What the checks of corners and their hull say.

    Attributes:
        found: whether a collision was found.
        missing: the reasons why it does not count as found, such as "trivial"; empty where it does.
        corners: one record each.
        distance: between corners, and from them to both images.
        interpolation: of random mixtures; None where the target has no class.
        png: the same of corners rounded to 8 bits; None likewise.
        worst_mixture: the one of least margin that was found; None where none was searched for.
        failure_bound: how many of the other mixtures may fail; None where the target has no class.
        mixture_looks: which image the mixtures still are; None where the target is no image.
        perceptual: how different corners look; None where there is one.
        reader: who says what corners show.
        scale: what features are measured against.
        mixtures: the samples as the network sees them, `[S]` each.
        convex_weights: `[S, N]` float32, of the samples.
        reasons: field -> why it is None.
        seconds: "mixtures", "png" and "worst_mixture" -> seconds spent on them.

    Examples:
        >>> verdict
        Verdict(a collision was found; 100 mixtures, 100.00% as the target; worst margin ...)
    """

    found: bool
    missing: tuple[str, ...]
    corners: tuple[CornerRecord, ...]
    distance: Distance
    interpolation: Interpolation | None
    png: PngCheck | None
    worst_mixture: WorstMixture | None
    failure_bound: FailureBound | None
    mixture_looks: MixtureLooks | None
    perceptual: Perceptual | None
    reader: ReaderRecord
    scale: Scale
    mixtures: Mixtures
    convex_weights: np.ndarray
    reasons: Mapping[str, str] = dataclasses.field(default_factory=dict)
    seconds: Mapping[str, float] = dataclasses.field(default_factory=dict)

    @property
    def checked(self) -> tuple[str, ...]:
        """What `found` rests on, a few words each; the rest could not be checked for this target, or was not asked for."""
        words = {
            "features of corners and mixtures": True,
            "distances to source and target": self.mixture_looks is not None,
            "an independent reader": self.reader.name is not None and self.reader.reason is None,
            "class of corners and mixtures": self.interpolation is not None,
            "class of the same in 8 bits": self.png is not None,
            "class of the worst mixture": self.worst_mixture is not None,
        }
        return tuple(name for name, holds in words.items() if holds)

    def plot(self) -> "Figure":
        """The margins of the mixtures, as a Matplotlib figure; of features, which have no class, their distances."""
        from tfcollide.report.curve_style import LIMIT, figure_of, quiet

        figure = figure_of(7.0, 3.4)
        axes = figure.subplots()
        values = self.mixtures.margin if self.interpolation else self.mixtures.distance
        axes.hist(values[np.isfinite(values)], bins=40)
        if self.interpolation:
            axes.axvline(0.0, color=LIMIT, linewidth=1.2)
        quiet(axes, f"{len(self.convex_weights):,} mixtures of the corners", 6.0)
        axes.set_xlabel("margin: the target's logit less the largest other" if self.interpolation else "feature distance")
        axes.set_ylabel("mixtures")
        return figure

    def __repr__(self) -> str:
        """In one line."""
        said = "a collision was found" if self.found else f"no collision: {', '.join(self.missing)}"
        mixtures = f"{len(self.convex_weights):,} mixtures"
        parts = [f"{mixtures}, {self.interpolation.accuracy:.2%} as the target"] if self.interpolation else []
        if not self.interpolation:
            parts = [f"checked of {len(self.corners)} corners and {mixtures}: features alone, as the target is features"]
        parts += [f"worst margin {significant(self.worst_mixture.margin)}"] if self.worst_mixture else []
        return f"Verdict({'; '.join([said, *parts])})"

    def _repr_html_(self) -> str:
        """A table of the corners under one line, for notebooks."""
        names = ("predicted", "probability", "feature_distance", "source_share", "target_share", "trivial", "lost")
        head = "".join(f"<th>{name}</th>" for name in ("corner", *names))
        rows = [
            "<tr>" + "".join(f"<td>{_shown(value)}</td>" for value in (n, *(getattr(one, name) for name in names))) + "</tr>"
            for n, one in enumerate(self.corners)
        ]
        return f"<p>{html.escape(repr(self))}</p><table><tr>{head}</tr>{''.join(rows)}</table>"


def missing(
    verdict: Verdict, match: Match, read_as: str | None, *, exact: ExactRecord | None = None, allow_trivial: bool = False
) -> tuple[str, ...]:
    """The reasons why a collision does not count as found, a few words each.

    Args:
        verdict: all but `found` and `missing`.
        match: how near features must come.
        read_as: the name of the target's class; None where it has none.
        exact: what an exact solver says.
        allow_trivial: whether trivial and lost corners count as found.
    """
    corners, worst, png = verdict.corners, verdict.worst_mixture, verdict.png
    misread = read_as is not None and any(corner.predicted != read_as for corner in corners)
    missed = [one.accuracy < 1.0 for one in (verdict.interpolation, png) if one is not None]
    missed += [not worst.margin > 0] if worst is not None else []
    diverged = any(corner.diverged_at is not None for corner in corners)
    lacks = {
        "diverged": diverged,
        "not converged": not all(corner.converged for corner in corners) and not diverged,
        "too close": exact is not None and exact.too_close,
        "trivial": any(corner.trivial for corner in corners) and not allow_trivial,
        "lost": any(corner.lost for corner in corners) and not allow_trivial,
        "a corner misses the class": misread or bool(png and png.misread),
        "a mixture misses the class": not misread and any(missed),
        "features do not match": match.excess(_worst_terms(verdict)) > 1.0,
    }
    return tuple(word for word, holds in lacks.items() if holds)


def _shown(value: object) -> str:
    return significant(value, 4) if isinstance(value, float) else html.escape(str(value))


def _worst_terms(verdict: Verdict) -> dict[str, np.ndarray]:
    corners = verdict.corners
    far = [*(corner.feature_distance for corner in corners), float(verdict.mixtures.distance.max())]
    far += [verdict.png.max_feature_distance] if verdict.png else []
    return {
        "feature_distance": np.array(far, np.float64),
        "active_match": np.array([corner.active_match for corner in corners]),
        "inactive_violation": np.array([corner.inactive_violation for corner in corners]),
    }
