"""What is said of the mixtures of corners: random ones, the worst found, those of saved files."""

import dataclasses

__all__ = ["FailureBound", "Interpolation", "PngCheck", "SurvivalRow", "WorstMixture"]


@dataclasses.dataclass(frozen=True)
class Interpolation:
    """What the model says of random mixtures of the corners.

    Attributes:
        samples: S, the number of mixtures.
        sampling: how convex weights were drawn.
        accuracy: share whose top class is the target's predicted class.
        mean_probability: of that class.
        min_probability: of that class.
        max_feature_distance: the largest `feature_distance` of a mixture.
    """

    samples: int
    sampling: str
    accuracy: float
    mean_probability: float
    min_probability: float
    max_feature_distance: float


@dataclasses.dataclass(frozen=True)
class PngCheck:
    """The same, with corners read back from their 8-bit files.

    Attributes:
        accuracy: share of the mixtures, as in `Interpolation`.
        mean_probability: as in `Interpolation`.
        max_active_match: over the corners.
        max_feature_distance: over the corners.
        misread: corners that, once saved, do not get the target's class.
    """

    accuracy: float
    mean_probability: float
    max_active_match: float
    max_feature_distance: float
    misread: int = 0


@dataclasses.dataclass(frozen=True)
class WorstMixture:
    """The mixture of smallest margin that a search by gradient found.

    Attributes:
        margin: the target's logit less the best other.
        predicted: the name of the class on top.
        convex_weights: N, as float32.
    """

    margin: float
    predicted: str
    convex_weights: tuple[float, ...]


@dataclasses.dataclass(frozen=True)
class FailureBound:
    """What the random mixtures say of all: Clopper and Pearson's upper bound.

    Attributes:
        confidence: of the bound.
        share: of the mixtures that fail, at most.
        sampling: how mixtures are drawn; "uniform" ones make it a share of the hull's volume.
    """

    confidence: float
    share: float
    sampling: str = "uniform"


@dataclasses.dataclass(frozen=True)
class SurvivalRow:
    """What one treatment leaves of a hull.

    Attributes:
        treatment: what was done, in words.
        kept: the share of random mixtures that are still read as the target; None where it could not be done.
        as_source: the share that is read as the source is.
        target_kept: whether the target itself, treated alike, is still read as before; where it is not, `kept` says
            nothing of collisions.
        reason: why it could not be done; None where it could.
    """

    treatment: str
    kept: float | None
    as_source: float | None = None
    target_kept: bool | None = None
    reason: str | None = None
