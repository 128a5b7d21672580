"""An audit at one ReLU: the front of a pair, and hulls of several pairs searched for as one batch."""

import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tfcollide.errors import RequestError
from tfcollide.images import to_uint8
from tfcollide.library.audit_options import AuditOptions, Budget
from tfcollide.library.checking import judge_hull
from tfcollide.library.descend import descend, validity_of
from tfcollide.library.exactly import solve_exactly
from tfcollide.library.fronts import end_of, matches_at
from tfcollide.library.options import ExactOptions, JudgeOptions, MatchOptions, SearchOptions
from tfcollide.library.problem import Picture, Problem, pose
from tfcollide.library.search import Search
from tfcollide.library.solution import Solution
from tfcollide.library.verdict import Verdict
from tfcollide.library.yardstick import Yardstick
from tfcollide.measure.audit_record import PairHull, Yard
from tfcollide.measure.front import FrontSearch
from tfcollide.models.affine import AffineMap, affine_map
from tfcollide.polytope.exact import halfspaces
from tfcollide.polytope.proof.of_classifier import certify_classifier
from tfcollide.records import Certificate, FrontEnd

__all__ = ["FrontFound", "HullFound", "TapAudit"]

_MOST_PAIRS, _BATCH_BYTES = 8, 2**26
_MOST_AFFINE = 2**26  # values of W: half a GiB
_SLACK = 1e-5  # of the float32 features of a proven bound


class FrontFound(NamedTuple):
    """The front of one pair.

    Attributes:
        end: where features begin to match, or why they do not.
        least: a change below which they cannot, proven; None where nothing is proven.
        exact: the change of the nearest exact collision; None where it was not computed.
        image: `[H, W, C]` uint8, of the front's end.
    """

    end: FrontEnd
    least: float | None
    exact: float | None
    image: np.ndarray


class HullFound(NamedTuple):
    """The hull of one pair.

    Attributes:
        row: what an audit keeps of it.
        nearest: the change of the corner nearest to the source, where the hull is found; else None.
        quantile: of that corner's features.
        target_share: its distance to the target.
        image: `[H, W, C]` uint8, that corner.
        corners: `[N, H, W, C]` uint8, all of them.
    """

    row: PairHull
    nearest: float | None
    quantile: float | None
    target_share: float | None
    image: np.ndarray
    corners: np.ndarray


class TapAudit:
    """Searches at one ReLU, each compiled once.

    Args:
        yardstick: the network, its tap, and what the data set tells of them.
        options: of the audit.
    """

    def __init__(self, yardstick: Yardstick, options: AuditOptions):
        self.yardstick, self._options = yardstick, options
        self._network, self._tap = yardstick.network, yardstick.tap

    @functools.cached_property
    def yard(self) -> Yard:
        """When features match here."""
        null, quantile = self.yardstick.null, self._options.match_quantile
        if null is None:
            return Yard(self._tap.name, quantile, None, 0, None, None)
        different = float(np.median(null.different)) if len(null.different) else None
        same = float(np.median(null.same))
        return Yard(self._tap.name, quantile, null.distance_at(quantile), len(null.same), same, different)

    def pose(self, source: Picture, target: Picture) -> Problem:
        """A pair as a problem.

        Raises:
            RequestError: the pair cannot be carried out.
        """
        match = MatchOptions(quantile=self._options.match_quantile)
        return pose(self.yardstick, source, target, corners=self._options.corners, match=match)

    def front(self, problem: Problem, work: Budget, *, exactly: bool = False) -> FrontFound:
        """The front of one image.

        Args:
            problem: the pair.
            work: how long to search.
            exactly: whether the nearest exact collision is computed, too, where the tap is affine.
        """
        target = np.asarray(problem.goal_image)
        found = self._front_search(
            problem.start, target, problem.goal, matches_at=matches_at(problem), iterations=work.front_steps
        )
        end = end_of(problem, found)
        exact = self._nearest(problem) if exactly and self._affine is not None else None
        return FrontFound(end, self._least_change(problem), exact, to_uint8(found.images, self._network.bounds)[0])

    def hulls(self, problems: Sequence[Problem], numbers: Sequence[int], spread: float, work: Budget) -> list[HullFound]:
        """Hulls of several pairs, descended as one batch.

        Args:
            problems: the pairs.
            numbers: of the pairs.
            spread: how far apart corners are to be.
            work: how long to search, and how closely to judge.
        """
        solutions = descend(self._search(spread, work), problems)
        parts = zip(problems, numbers, solutions, strict=True)
        return [self._hull(problem, number, solution, spread, work) for problem, number, solution in parts]

    @property
    def pairs_at_once(self) -> int:
        """How many pairs are descended as one batch."""
        rows = 2 * self._options.corners
        return max(1, min(_MOST_PAIRS, _BATCH_BYTES // (rows * self._network.forward_bytes)))

    @functools.cached_property
    def _front_search(self) -> FrontSearch:
        return FrontSearch(self._tap.pre_activation, self._network.bounds)

    @functools.lru_cache(maxsize=8)  # noqa: B019 (as long-lived as its compiled searches)
    def _search(self, spread: float, work: Budget) -> Search:
        options = SearchOptions(
            corners=self._options.corners,
            spread=spread,
            max_steps=work.hull_steps,
            patience=work.patience,
            seed=self._options.seed,
        ).check()
        return Search(self._network, self._tap, options, pairs_at_once=self.pairs_at_once)

    def _hull(self, problem: Problem, number: int, solution: Solution, spread: float, work: Budget) -> HullFound:
        judging = JudgeOptions(samples=work.samples, worst_starts=work.worst_starts, seed=self._options.seed)
        verdict = judge_hull(self.yardstick, problem, solution, judging)
        outcome, missing = self._outcome(problem, solution, verdict, work)
        shares = [math.inf if one.source_share is None else one.source_share for one in verdict.corners]
        row = PairHull(
            tap=self._tap.name,
            pair=number,
            spread_asked=spread,
            outcome=outcome,
            missing=missing,
            largest_change=max(shares) if math.isfinite(max(shares)) else None,
            spread=verdict.distance.spread_reached,
            accuracy=verdict.interpolation.accuracy if verdict.interpolation else None,
            worst_margin=verdict.worst_mixture.margin if verdict.worst_mixture else None,
            steps=solution.steps,
        )
        place = int(np.argmin(shares))
        nearest = verdict.corners[place]
        corners = to_uint8(solution.corners, self._network.bounds)
        share = shares[place] if verdict.found else None
        return HullFound(row, share, nearest.feature_quantile, nearest.target_share, corners[place], corners)

    def _outcome(self, problem: Problem, solution: Solution, verdict: Verdict, work: Budget) -> tuple[str, str | None]:
        """One of `OUTCOMES`, and what is missing in words."""
        if verdict.found:
            status = self._proof(problem, solution, work)
            if status == "refuted":
                return "failed", "a mixture misses the class (found by the proof)"
            return ("proven" if status == "certified" else "sampled"), None
        named = [name for name in ("trivial", "lost") if name in verdict.missing]
        return (named[0] if named else "failed"), ", ".join(verdict.missing)

    def _proof(self, problem: Problem, solution: Solution, work: Budget) -> str | None:
        """The status of a certificate; None where none is tried, or it speaks of real arithmetic alone."""
        code = problem.seen.predicted
        if not work.proof_parts or code is None:
            return None
        found = certify_classifier(
            self._network,
            solution.corners,
            code,
            max_boxes=work.proof_parts,
            tightness=0.0,  # that the class holds is enough; by how much is not asked
            seed=self._options.seed,
        )
        return found.status if isinstance(found, Certificate) and found.arithmetic == "float32" else None

    @functools.cached_property
    def _affine(self) -> AffineMap | None:
        """The tap as a function of the image, where it is affine and of a size that can be held."""
        if math.prod(self._network.image_shape) * math.prod(self._tap.unit_shape) > _MOST_AFFINE:
            return None
        try:
            return affine_map(self._network, self._tap.name)
        except RequestError:
            return None

    @functools.cached_property
    def _largest_gain(self) -> float | None:
        """|W|, the most that a unit step changes the features; None where the tap is not affine."""
        return None if self._affine is None else float(np.linalg.norm(self._affine.weights, 2))

    def _least_change(self, problem: Problem) -> float | None:
        """Below it features cannot match: (|f(s) - f(t)| - sqrt(d)) / |W|, as a ReLU moves no more than what is before it."""
        if self._largest_gain is None:
            return None
        distance = problem.match.start["feature_distance"] ** 0.5
        gap = (1 - _SLACK) * distance - matches_at(problem) ** 0.5
        span = float(np.linalg.norm(np.asarray(problem.goal_image, np.float64) - problem.start))
        return max(gap, 0.0) / (self._largest_gain * span)

    def _nearest(self, problem: Problem) -> float | None:
        """The change of the nearest image with exactly the target's features."""
        affine: Any = self._affine
        active = halfspaces.active_units(affine, np.asarray(problem.goal_image, np.float64).ravel())
        options = ExactOptions(corners=1, nearest="l2")
        ends = problem.source, problem.target
        match = MatchOptions(quantile=self._options.match_quantile)
        posed = pose(self.yardstick, *ends, corners=1, pushes_units=False, active=active, match=match)
        solution = solve_exactly(affine, posed, options)
        if not solution.converged.all():
            return None
        return validity_of(posed, solution.corners)[0].source_share
