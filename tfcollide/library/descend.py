"""From problems to corners, by descent."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from tfcollide.library.problem import Problem
from tfcollide.library.search import FIRST_SPREAD, Search
from tfcollide.library.solution import Keeper, Solution
from tfcollide.library.widest import widest
from tfcollide.measure.validity import Validity, judge_validity
from tfcollide.objectives.terms import side_by_side
from tfcollide.optimize.driver import minimize_pairs
from tfcollide.optimize.state import DescentState
from tfcollide.polytope.hull.hull_judge import Probe
from tfcollide.records import Trace
from tfcollide.runtime.progress import progress

__all__ = ["OnStep", "descend", "descend_widest", "validity_of"]

OnStep = Callable[[int, Mapping[str, np.ndarray]], None]
"""Told of the step and of the terms `[N]` there, now and then."""


def descend(
    search: Search, problems: Sequence[Problem], *, keeper: Keeper | None = None, on_step: OnStep | None = None
) -> list[Solution]:
    """Descends several problems as one batch, each as if it were alone but for rounding.

    Args:
        search: the compiled descent.
        problems: what to solve, one solution each.
        keeper: keeps what is done; of several problems also how they ended.
        on_step: told of progress.
    """
    options, parameterization, keeper = search.options, search.parameterization, keeper or Keeper()
    noise, seed = search.start_noise, options.seed
    starts = [parameterization.init(one.start, len(one.units), noise=noise, seed=seed) for one in problems]
    with progress(total=options.max_steps, desc="descent", unit=" steps", leave=False) as bar:
        accept = _Acceptance(search, problems, bar)
        found = minimize_pairs(
            search.descent,
            tf.concat(starts, 0),
            side_by_side([one.goal for one in problems]),
            max_steps=options.max_steps,
            stop_loss=options.stop_loss,
            stop_fraction=options.stop_fraction,
            resume=keeper.found(),
            accept=accept,
            on_chunk=_reporter(bar, search.objective.progress_term, keeper, on_step),
            limits=_limits(search, problems),
        )
    probes = [accept.probe(pair, one.controls) for pair, one in enumerate(found)]
    return [
        Solution(
            parameterization.to_image(tf.constant(one.controls), problem.goal.material).numpy(),
            one.controls,
            one.steps,
            one.converged,
            one.failed_at,
            one.stop_loss,
            one.trace,
            ended=one.ended,
            spread=options.spread if search.hull_terms else None,
            probe=str(probe) if probe else None,
        )
        for problem, one, probe in zip(problems, found, probes, strict=True)
    ]


def descend_widest(
    search: Search, problem: Problem, *, keeper: Keeper | None = None, on_step: OnStep | None = None
) -> Solution:
    """The corners farthest apart whose hull holds and which still are the source.

    Args:
        search: its options ask for no spread of their own.
        problem: what to solve.
        keeper: keeps what is done.
        on_step: told of progress.
    """
    kept = keeper or Keeper()

    def solve_at(spread: float) -> Solution:
        goal = problem.goal._replace(spread=tf.constant(search.spread_length(spread), tf.float32))
        posed = dataclasses.replace(problem, goal=goal)
        (found,) = descend(search, [posed], keeper=kept.beside(f"spread_{spread:.4f}"), on_step=on_step)
        return found._replace(spread=spread)

    def holds(found: Solution) -> bool:
        judged = validity_of(problem, found.corners)
        return found.ended == "met" and not any(one.trivial or one.lost for one in judged)

    return widest(FIRST_SPREAD, solve_at, holds)


def validity_of(problem: Problem, corners: np.ndarray) -> tuple[Validity, ...]:
    """Which image each corner still is; empty where the target is features alone."""
    if problem.goal_image is None:
        return ()
    source_label, target_label = problem.labels
    return judge_validity(
        corners,
        problem.start,
        problem.goal_image,
        problem.network.bounds,
        reader=problem.reader.reader,
        source_label=source_label,
        target_label=target_label,
    )


def _limits(search: Search, problems: Sequence[Problem]) -> dict[str, np.ndarray]:
    """Term -> `[N]`, what it is not to exceed at the corners of all problems, for features to match."""
    if search.descent.continuation is None:
        return {}
    each = [one.match.limits() for one in problems]
    found = {
        name: np.repeat([limits[name] for limits in each], [len(one.units) for one in problems])
        for name in each[0]
        if name in search.descent.term_names
    }
    if search.hull_terms and "feature_distance" in found:
        found |= dict.fromkeys(search.hull_terms.matching(), found["feature_distance"])
    return found


class _Acceptance:
    """What the descent asks before a pair ends: how well the hull holds, where it was to be held together."""

    def __init__(self, search: Search, problems: Sequence[Problem], bar: tqdm):
        self._search, self._bar = search, bar
        self._problems = list(problems) if search.hull_terms else []
        self._own = [one.judge.own_margin(one.goal_image) if one.goal_image is not None else 1.0 for one in self._problems]
        self._seen: dict[tuple[int, bytes], Probe] = {}

    def __call__(self, pair: int, controls: np.ndarray) -> float:
        found = self.probe(pair, controls)
        if found is None:
            return 1.0
        self._bar.set_postfix_str(f"limits met; {found}" if found.score < 1.0 else "the hull holds")
        return found.score

    def probe(self, pair: int, controls: np.ndarray) -> Probe | None:
        """What the probes of a hull say, whether or not it was asked about in this process; None where there are none."""
        key = pair, controls.tobytes()
        if self._problems and key not in self._seen:
            problem = self._problems[pair]
            images = self._search.parameterization.to_image(tf.constant(controls), problem.goal.material).numpy()
            excess = problem.match.excess if self._search.descent.continuation else lambda terms: 0.0
            self._seen[key] = problem.judge.probe(images, self._own[pair], excess)
        return self._seen.get(key)


def _reporter(bar: tqdm, term: str, keeper: Keeper, on_step: OnStep | None) -> Callable[[DescentState, Trace], None]:
    """Moves the bar between chunks, tells who wants to know, and keeps the state."""

    def report(state: DescentState, trace: Trace) -> None:
        bar.set_postfix({f"largest {term}": f"{trace.terms[term][-1].max():.3g}"}, refresh=False)
        bar.update(int(state.step) - bar.n)
        keeper.keep(state, trace)
        if on_step is not None:
            on_step(int(state.step), {name: values[-1] for name, values in trace.terms.items()})

    return report
