"""What one end of the hull is: the source, the target, a corner; and the way of a descent to the corners."""

import dataclasses
from collections.abc import Mapping
from typing import Self

import numpy as np

__all__ = ["CornerRecord", "EndPoint", "Trace"]


@dataclasses.dataclass(frozen=True)
class EndPoint:
    """The source or the target.

    Attributes:
        id: where the image came from: "test:1234" or a file's name.
        label: the class it was given as, or None for a file.
        predicted: the name of the class on top; empty of features without an image.
        probability: of `predicted`; NaN likewise.
    """

    id: str
    label: str | None
    predicted: str
    probability: float

    @classmethod
    def of_features(cls) -> Self:
        """A target that was given as features, without an image."""
        return cls("features", None, "", float("nan"))


@dataclasses.dataclass(frozen=True)
class CornerRecord:
    """One corner, judged from the image through the model.

    Attributes:
        units: the inactive units it pushes; empty where the objective pushes none.
        active_match: sum over active units of (pre(x) - post(t))^2 (L_pos).
        corner_push: sum over `units` of pre(x).
        inactive_magnitude: sum over the other inactive units of |pre(x)|.
        feature_distance: sum over all units of (post(x) - post(t))^2 (Eq. 1).
        inactive_violation: max over inactive units of max(pre(x), 0).
        boundary_gap: min over inactive units of |pre(x)|: how close to a face
            of the polytope the image lies, in units of the pre-activation.
        predicted: the name of the class on top.
        probability: of the target's predicted class.
        converged: whether the stopping loss was reached.
        diverged_at: the step whose terms or gradients were not finite, or None.
        trivial: whether it has become the target: nearer to it than to the source, or read as its class.
        trivial_because: why; None where it is not.
        lost: whether it is neither image: farther from the source than the target is, or read as neither class.
        lost_because: why; None where it is not.
        reader: the class that an independent reader gives it; None where nobody reads.
        ssim_source: structural similarity to the source; None where images are too small.
        ssim_target: the same, to the target.
        ms_ssim_source: over several scales.
        ms_ssim_target: the same, to the target.
        source_share: L2 distance to the source, over that from source to target.
        target_share: L2 distance to the target, over the same.
        feature_quantile: the share of pairs of images of one class whose features are at least as near; None without
            a data set.
    """

    units: tuple[int, ...]
    active_match: float
    corner_push: float
    inactive_magnitude: float
    feature_distance: float
    inactive_violation: float
    boundary_gap: float
    predicted: str
    probability: float
    converged: bool
    diverged_at: int | None
    trivial: bool = False
    trivial_because: str | None = None
    lost: bool = False
    lost_because: str | None = None
    reader: str | None = None
    ssim_source: float | None = None
    ssim_target: float | None = None
    ms_ssim_source: float | None = None
    ms_ssim_target: float | None = None
    source_share: float | None = None
    target_share: float | None = None
    feature_quantile: float | None = None


@dataclasses.dataclass(frozen=True)
class Trace:
    """The terms along a descent.

    Attributes:
        steps: `[T]` int64, the step at which the terms were computed.
        terms: name -> `[T, N]` float32.
    """

    steps: np.ndarray
    terms: Mapping[str, np.ndarray]

    def rows(self) -> tuple[list[str], list[list[float]]]:
        """A header and one row per step: step, then `term_corner` columns."""
        corners = range(next(iter(self.terms.values())).shape[1])
        header = ["step"] + [f"{name}_{n}" for name in self.terms for n in corners]
        columns = [self.steps] + [values[:, n] for values in self.terms.values() for n in corners]
        return header, [[column[i].item() for column in columns] for i in range(len(self.steps))]
