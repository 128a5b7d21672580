"""The fronts of a pair: of one corner, and of the hull that was asked for."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfcollide.files.checkpoint import Ledger
from tfcollide.library.descend import validity_of
from tfcollide.library.problem import Problem
from tfcollide.measure.front import Front, FrontPoint, FrontSearch
from tfcollide.records import CornerRecord, FrontEnd, FrontRecord, Summary
from tfcollide.runtime.progress import progress

__all__ = ["at_most", "end_of", "front_of", "matches_at", "with_fronts"]

_SPECK = float(np.finfo(np.float32).tiny)


def with_fronts(
    summary: Summary, problem: Problem, search: FrontSearch, hull_search: FrontSearch | None, ledger: Ledger
) -> Summary:
    """A summary with the fronts of one corner and of the hull.

    Args:
        summary: of the run.
        problem: the pair.
        search: of the front of one corner.
        hull_search: of all corners together; None where nothing holds a hull together.
        ledger: keeps what is finished.
    """
    one = front_of(problem, search, ledger, name="front of one corner")
    name = f"front of {len(summary.corners)} corners"
    hull_front = front_of(problem, hull_search, ledger, name=name) if hull_search else None
    if summary.found:  # then the run itself has matches, and the fronts are no longer than the smallest change of these
        shares = [float(corner.source_share or 0.0) for corner in summary.corners]
        nearest = summary.corners[int(np.argmin(shares))]
        one = at_most(one, [nearest], min(shares), nearest.feature_quantile)
        quantiles = [corner.feature_quantile for corner in summary.corners if corner.feature_quantile is not None]
        mean = float(np.mean(shares))
        hull_front = at_most(hull_front, summary.corners, mean, max(quantiles, default=None)) if hull_front else None
    return dataclasses.replace(summary, front=one.points, front_end=one.end, hull_front=hull_front)


def front_of(problem: Problem, search: FrontSearch, ledger: Ledger, *, name: str) -> FrontRecord:
    """How features match against the change from the source, and where they begin to match.

    Args:
        problem: the pair.
        search: of one corner or of several.
        ledger: keeps what is finished.
        name: of this front in the ledger.
    """
    found = _front(ledger.do(name, functools.partial(_search, problem, search, name)))
    return FrontRecord(
        points=tuple((point.change, _quantile(problem, point.feature_distance)) for point in found.points),
        end=end_of(problem, found),
    )


def at_most(front: FrontRecord, corners: Sequence[CornerRecord], change: float, quantile: float | None) -> FrontRecord:
    """A front that is no longer than what the run itself has found.

    Args:
        front: as its own search found it.
        corners: of which the change is; where one is trivial or lost, they say nothing.
        change: of a match, a share of source-to-target.
        quantile: of its features; None without a null distribution.
    """
    if front.end.change is not None and front.end.change <= change:
        return front
    if any(corner.trivial or corner.lost or corner.target_share is None for corner in corners):
        return front
    place = front.end.last_quantile if quantile is None else quantile
    target_share = float(np.mean([corner.target_share for corner in corners]))
    end = FrontEnd(change, None, change, place, target_share, corners[0].reader)
    return FrontRecord((*front.points, (change, place)), end)


def _search(problem: Problem, search: FrontSearch, name: str) -> dict[str, np.ndarray]:
    with progress(desc=name, unit=" points", leave=False) as bar:

        def told(point: FrontPoint) -> None:
            bar.set_postfix_str(
                f"change {point.change:.2f}, features {point.feature_distance / matches_at(problem):.1f} of a match"
            )
            bar.update()

        found = search(
            problem.start, np.asarray(problem.goal_image), problem.goal, matches_at=matches_at(problem), on_point=told
        )
    rows = [[point.pull, point.change, point.feature_distance] for point in found.points]
    end = [found.end.pull, found.end.change, found.end.feature_distance] if found.end else []
    return {"points": np.array(rows), "end": np.array(end), "images": found.images}


def _front(arrays: dict[str, np.ndarray]) -> Front:
    points = tuple(FrontPoint(*row) for row in arrays["points"].tolist())
    return Front(points, FrontPoint(*arrays["end"].tolist()) if arrays["end"].size else None, arrays["images"])


def matches_at(problem: Problem) -> float:
    """The feature distance that matches; without a null distribution a share of that of the source."""
    known = problem.match.distance
    return max(problem.match.share * problem.match.start["feature_distance"] if known is None else known, _SPECK)


def _quantile(problem: Problem, distance: float) -> float:
    """Of a feature distance in the null distribution; without one, its share of that of the source."""
    null = problem.match.null
    return null.quantile(distance) if null else distance / max(problem.match.start["feature_distance"], _SPECK)


def end_of(problem: Problem, found: Front) -> FrontEnd:
    """Where features begin to match, or why there is no such point."""
    judged: Any = validity_of(problem, found.images)
    last = found.end or found.points[-1]
    target_share = float(np.mean([one.target_share for one in judged]))
    why = next((f"trivial: {one.trivial_because}" for one in judged if one.trivial), None)
    why = why or next((f"lost: {one.lost_because}" for one in judged if one.lost), None)
    if found.end is None:
        why = f"not reached: the nearest features stand at {_quantile(problem, last.feature_distance):.2g}"
    return FrontEnd(
        change=None if why else last.change,
        censored=why,
        last_change=last.change,
        last_quantile=_quantile(problem, last.feature_distance),
        target_share=target_share,
        reader=judged[0].reader,
    )
