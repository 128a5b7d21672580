"""When features count as the target's, and what an image's features are measured against."""

import dataclasses
import math
from collections.abc import Mapping

import numpy as np

from tfcollide.measure.null_distribution import NullDistribution

__all__ = ["Match"]

_MARGIN = 0.85  # of the limit at the corners, so that mixtures, and corners saved in 8 bits, stay within it


@dataclasses.dataclass(frozen=True)
class Match:
    """How near features must come to the target's.

    With a null distribution: as near as the nearest `quantile` of the pairs of images of one class. Without one,
    L_pos and the violation must fall to shares of what they are at the source: `share` and its root, since L_pos is a
    square.

    Attributes:
        null: feature distances of pairs of images, or None.
        quantile: of the null distribution.
        share: of the start, where there is no null distribution.
        start: "active_match", "feature_distance" and "inactive_violation" of the source.
    """

    null: NullDistribution | None
    quantile: float
    share: float
    start: Mapping[str, float]

    @property
    def distance(self) -> float | None:
        """The largest feature distance that matches; None without a null distribution."""
        return None if self.null is None else self.null.distance_at(self.quantile)

    def limits(self) -> dict[str, float]:
        """Term -> what a search must bring it below at the corners."""
        if self.distance is not None:
            return {"feature_distance": _MARGIN * self.distance}
        return {"inactive_violation": _MARGIN * math.sqrt(self.share) * self.start["inactive_violation"]}

    def excess(self, terms: Mapping[str, np.ndarray]) -> float:
        """The worst term of images over what matches: up to 1 they match. Infinite where a number is none."""
        if self.distance is not None:
            ratios = [_ratio(terms["feature_distance"], self.distance)]
        else:
            ratios = [
                _ratio(terms["active_match"], self.share * self.start["active_match"]),
                _ratio(terms["inactive_violation"], math.sqrt(self.share) * self.start["inactive_violation"]),
            ]
        worst = float(np.max(ratios))  # a number that is none wins
        return worst if math.isfinite(worst) else math.inf


def _ratio(values: np.ndarray, limit: float) -> float:
    worst = float(np.max(values))
    return 0.0 if worst == 0.0 else worst / limit if limit > 0.0 else math.inf
