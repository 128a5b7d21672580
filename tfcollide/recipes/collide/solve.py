"""From a problem to corners: by descent, or exactly."""

import dataclasses
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from tfcollide.audit.validity import Validity, judge_validity
from tfcollide.files.atomic import write_npz
from tfcollide.files.checkpoint import read_arrays
from tfcollide.objectives.terms import side_by_side
from tfcollide.optimize.driver import minimize_pairs
from tfcollide.optimize.state import DescentState, pack_state
from tfcollide.polytope.exact import geometry, vertices
from tfcollide.polytope.exact.halfspaces import Polytope, collision_polytope
from tfcollide.polytope.exact.near_source import corners_near, explain_near
from tfcollide.polytope.exact.nearest import nearest
from tfcollide.polytope.hull import checks
from tfcollide.polytope.hull.holding import HullJudge, Probe
from tfcollide.recipes.collide.assemble import FIRST_SPREAD, spread_length, start_noise
from tfcollide.recipes.collide.config import CollideConfig
from tfcollide.recipes.collide.experiment import Experiment
from tfcollide.recipes.collide.problem import Problem
from tfcollide.recipes.collide.widest import widest
from tfcollide.records import ExactRecord, Trace
from tfcollide.runtime.progress import progress

__all__ = ["Solution", "place", "solve", "solve_together", "validity_of"]

EXACT_STOP = 1e-6
"""The L_pos below which a saved exact corner counts as found; rounding to float32 leaves about 1e-9."""


_WORTH_KEEPING = 2.0
"""Seconds of search that the checks after it should not cost again where they are killed."""


class Solution(NamedTuple):
    """Corners and how they were come by.

    Attributes:
        corners: `[N, H, W, C]` float32.
        controls: `[N, ...]`, their control parameters.
        steps: of the descent, or of the simplex method; 0 where that is not known.
        converged: `[N]` bool.
        failed_at: `[N]`, the step of divergence or -1.
        stop_loss: `[N]`, what L_pos had to fall below.
        trace: the terms along the way.
        exact: what the exact solver has to say, or None.
        ended: why the search ended, one of `descent_state.ENDS`.
        spread: the distance that corners were to keep, a share of the pixel range; None where none was asked for.
        probe: what the probes of the hull said at the end, in words; None where there were none.
    """

    corners: np.ndarray
    controls: np.ndarray
    steps: int
    converged: np.ndarray
    failed_at: np.ndarray
    stop_loss: np.ndarray
    trace: Trace
    exact: ExactRecord | None = None
    ended: str = "met"
    spread: float | None = None
    probe: str | None = None


def solve(config: CollideConfig, experiment: Experiment, problem: Problem, checkpoint: Path) -> Solution:
    """The corners of a problem.

    Args:
        config: which solver, and its settings.
        experiment: prepared for `config`.
        problem: what to solve.
        checkpoint: where a descent keeps its state; found there, it goes on.

    Raises:
        RequestError: `--solver=exact` at a tap that is not affine in the image.
    """
    if config.solver == "exact":
        return _solve_exactly(config, experiment, problem)
    place(experiment, problem)
    if config.spread_asked() is None and experiment.together:
        return _solve_widest(config, experiment, problem, checkpoint)
    return solve_together(config, experiment, [problem], checkpoint)[0]


def _solve_widest(config: CollideConfig, experiment: Experiment, problem: Problem, checkpoint: Path) -> Solution:
    """The corners farthest apart whose hull holds and which still are the source."""

    def solve_at(spread: float) -> Solution:
        goal = problem.goal._replace(spread=tf.constant(spread_length(spread, experiment.classifier), tf.float32))
        beside = checkpoint.with_name(f".spread_{spread:.4f}{checkpoint.suffix}")
        (found,) = solve_together(config, experiment, [dataclasses.replace(problem, goal=goal)], beside)
        return found._replace(spread=spread)

    def holds(found: Solution) -> bool:
        judged = validity_of(experiment, problem, found.corners)
        return found.ended == "met" and not any(one.trivial or one.lost for one in judged)

    return widest(FIRST_SPREAD, solve_at, holds)


def validity_of(experiment: Experiment, problem: Problem, corners: np.ndarray) -> tuple[Validity, ...]:
    """Which image each corner still is."""
    return judge_validity(
        corners,
        problem.start,
        problem.goal_image,
        experiment.classifier.bounds,
        reader=problem.reader.reader,
        source_label=problem.source.label,
        target_label=problem.target.label,
    )


def solve_together(
    config: CollideConfig, experiment: Experiment, problems: Sequence[Problem], checkpoint: Path
) -> list[Solution]:
    """Descends several problems as one batch, each as if it were alone but for rounding.

    Args:
        config: the settings.
        experiment: prepared for `config`.
        problems: what to solve, one solution each.
        checkpoint: see `solve`; of several problems it also keeps how they ended.
    """
    parameterization = experiment.parameterization
    noise = start_noise(config, experiment.together, parameterization)
    starts = [parameterization.init(one.start, len(one.units), noise=noise, seed=config.seed) for one in problems]
    resume = read_arrays(checkpoint) or None
    if resume:
        tqdm.write(f"Going on from step {int(resume['step']):,} of {checkpoint.parent}", file=sys.stderr)
    with progress(total=config.max_steps, desc="descent", unit=" steps", leave=False) as bar:
        accept = _Acceptance(experiment, problems, bar)
        found = minimize_pairs(
            experiment.descent,
            tf.concat(starts, 0),
            side_by_side([one.goal for one in problems]),
            max_steps=config.max_steps,
            stop_loss=config.stop_loss,
            stop_fraction=config.stop_fraction,
            resume=resume,
            accept=accept,
            on_chunk=_reporter(bar, experiment.objective.progress_term, checkpoint, config.checkpoint_seconds),
            limits=_limits(experiment, problems),
        )
    images = [parameterization.to_image(tf.constant(one.controls)).numpy() for one in found]
    probes = [accept.probe(pair, one.controls) for pair, one in enumerate(found)]
    return [
        Solution(
            corners,
            one.controls,
            one.steps,
            one.converged,
            one.failed_at,
            one.stop_loss,
            one.trace,
            ended=one.ended,
            spread=config.spread_asked() if experiment.together else None,
            probe=str(probe) if probe else None,
        )
        for corners, one, probe in zip(images, found, probes, strict=True)
    ]


def _limits(experiment: Experiment, problems: Sequence[Problem]) -> dict[str, np.ndarray]:
    """Term -> `[N]`, what it is not to exceed at the corners of all problems, for features to match."""
    if experiment.descent.continuation is None:
        return {}
    each = [one.match.limits() for one in problems]
    found = {
        name: np.repeat([limits[name] for limits in each], [len(one.units) for one in problems])
        for name in each[0]
        if name in experiment.descent.term_names
    }
    if experiment.together and "feature_distance" in found:
        found |= dict.fromkeys(experiment.together.matching(), found["feature_distance"])
    return found


def place(experiment: Experiment, problem: Problem) -> None:
    """Gives the parameterization what it has looked up for the source."""
    if problem.seed is not None:
        experiment.parameterization.take(problem.seed)


def _solve_exactly(config: CollideConfig, experiment: Experiment, problem: Problem) -> Solution:
    """Vertices of the collision polytope, or its point nearest to the source; no inactive unit is on in float32."""
    affine = experiment.affine
    target, source = (image.astype(np.float64).ravel() for image in (problem.goal_image, problem.start))
    polytope = collision_polytope(affine, target, experiment.classifier.bounds, float32_safe=True)
    points, steps, record = _exact_points(config, experiment, problem, polytope, source)
    found = np.isfinite(points).all(axis=1)
    # Where there is no such point the source stands in, and is reported as not converged.
    saved = vertices.saved_corners(affine, target, polytope, np.where(found[:, None], points, source))
    corners = saved.points.reshape(-1, *problem.start.shape)
    terms = checks.corner_terms(experiment.tap, corners, problem.goal)
    converged = found & (terms["active_match"] < EXACT_STOP) & (terms["inactive_violation"] <= 0)
    room = collision_polytope(affine, target, experiment.classifier.bounds)
    record = dataclasses.replace(
        record,
        feature_residual_float64=tuple(saved.feature_residual_float64.tolist()),
        feature_residual_float32=tuple(saved.feature_residual_float32.tolist()),
        inactive_bound=tuple(saved.inactive_bound.tolist()),
        dimension=geometry.affine_dimension(room),
        found=tuple(found.tolist()),
    )
    trace = Trace(np.array([steps]), {n: terms[n][None] for n in experiment.descent.term_names if n in terms})
    nowhere = np.full(len(corners), -1)
    stop_loss = np.full(len(corners), EXACT_STOP)
    asked = None if config.nearest else config.spread_asked()
    ended = "met" if converged.all() and not record.too_close else "stagnated"
    return Solution(corners, corners, steps, converged, nowhere, stop_loss, trace, record, ended=ended, spread=asked)


def _exact_points(
    config: CollideConfig, experiment: Experiment, problem: Problem, polytope: Polytope, source: np.ndarray
) -> tuple[np.ndarray, int, ExactRecord]:
    """Points `[N, D]` float64, NaN where there is none; the solver's steps; what it says."""
    if config.nearest is not None:
        closest = nearest(polytope, source, norm=config.nearest, max_change=config.max_change, max_total=config.max_total)
        said = (_nearest_words(closest.status),)
        return closest.point[None], 0, ExactRecord(config.nearest, said, closest.distance, closest.duality_gap)
    asked, pixel_range = config.spread_asked(), experiment.classifier.bounds.range
    units = config.direction in (None, "units")
    near = corners_near(
        experiment.affine,
        polytope,
        source,
        problem.units if units else np.zeros([len(problem.units), polytope.size]),
        direction=config.direction,
        spread=(asked or 0.0) * pixel_range,  # `max` is of hulls that are held together alone
        max_change=config.max_change,
        max_total=config.max_total,
        seed=config.seed,
    )
    words = tuple(vertices.explain(status) for status in near.corners.status)
    if near.status in ("infeasible", "too close"):
        mend = "raise --max_change or --max_total" if near.status == "infeasible" else "lower --spread"
        words = (f"{explain_near(near.status)}; {mend}",) * len(words)
    record = ExactRecord(
        config.direction or "units",
        words,
        max_change=near.max_change,
        max_total=near.max_total,
        least_change=near.least_change,
        too_close=near.status == "too close",
    )
    return near.corners.points, int(near.corners.iterations.sum()), record


def _nearest_words(status: str) -> str:
    return {
        "optimal": "the closest collision was found",
        "infeasible": "no collision exists within --max_change and --max_total; raise them",
        "too far": "the closest collision lies further than --max_total",
    }.get(status, vertices.explain(status))


class _Acceptance:
    """What the descent asks before a pair ends: how well the hull holds, where it was to be held together."""

    def __init__(self, experiment: Experiment, problems: Sequence[Problem], bar: tqdm):
        self._to_image, self._bar = experiment.parameterization.to_image, bar
        self._seen: dict[tuple[int, bytes], Probe] = {}
        self._judges = [
            HullJudge(
                experiment.classifier,
                experiment.tap,
                one.goal_image,
                one.goal,
                one.seen.predicted,
                len(one.units),
                one.match.excess if experiment.descent.continuation else lambda terms: 0.0,
            )
            for one in problems
            if experiment.together
        ]

    def __call__(self, pair: int, controls: np.ndarray) -> float:
        found = self.probe(pair, controls)
        if found is None:
            return 1.0
        self._bar.set_postfix_str(f"limits met; {found}" if found.score < 1.0 else "the hull holds")
        return found.score

    def probe(self, pair: int, controls: np.ndarray) -> Probe | None:
        """What the probes of a hull say, whether or not it was asked about in this process; None where there are none."""
        key = pair, controls.tobytes()
        if self._judges and key not in self._seen:
            self._seen[key] = self._judges[pair](self._to_image(tf.constant(controls)).numpy())
        return self._seen.get(key)


def _reporter(bar: tqdm, term: str, checkpoint: Path, every: float) -> Callable[[DescentState, Trace], None]:
    """Moves the bar between chunks, and keeps a checkpoint every so many seconds, and of a search that has taken seconds."""
    began = saved_at = time.monotonic()

    def report(state: DescentState, trace: Trace) -> None:
        nonlocal saved_at
        bar.set_postfix({f"largest {term}": f"{trace.terms[term][-1].max():.3g}"}, refresh=False)
        bar.update(int(state.step) - bar.n)
        ended = bool(np.all(state.ended_at.numpy() >= 0))
        worth = len(state.ended_at) > 1 or time.monotonic() - began >= _WORTH_KEEPING
        if (ended and worth) or time.monotonic() - saved_at >= every:
            write_npz(checkpoint, pack_state(state, trace))
            saved_at = time.monotonic()

    return report
