"""What a reader of a run's table must not overlook."""

import math

from tfcollide.numerals import significant
from tfcollide.records import ExactRecord, Summary
from tfcollide.report.phrases import branches, share, stop_words

__all__ = ["run_remarks"]


def run_remarks(summary: Summary) -> list[str]:
    """What a reader must not overlook."""
    remarks = _failures(summary) + branches(summary)
    seen, label = summary.target.predicted, summary.target.label
    if summary.test_accuracy is not None and label not in (None, seen):  # else the two speak of different classes
        remarks.append(f'**The model reads the target as "{seen}"**, not "{label}"; that is the class that counts.')
    on = [str(n) for n, corner in enumerate(summary.corners) if corner.units and corner.corner_push >= 0]
    if on:
        remarks.append(
            f"The units that corner {', '.join(on)} pushes below zero are still above it: lower --stop_loss, or weigh "
            "corner_push more (--term_weights)."
        )
    if summary.objective == "match":
        gap = min(corner.boundary_gap for corner in summary.corners)
        remarks.append(
            f"Eq. 1 stops {significant(gap)} from the polytope's boundary (the least |pre-activation| of an inactive unit)."
        )
    remarks += _exact_remarks(summary)
    stop = max(summary.stop_loss)
    if summary.objective == "corners" and summary.converged and summary.png.max_active_match >= stop:
        risen = significant(summary.png.max_active_match)
        remarks.append(
            f"Saved as 8-bit PNG, the largest L_pos rises to {risen} (stop: {significant(stop)}). That alone "
            "is no failure: the rows on 8-bit PNG say whether what was saved still has the target's class and features."
        )
    if summary.converged and (summary.misread or summary.interpolation.accuracy < 1):
        worst = max(corner.inactive_violation for corner in summary.corners)
        who = f"**Corner {', '.join(map(str, summary.misread))} does not collide**" if summary.misread else ""
        unseen = f": inactive units rise up to {significant(worst)} above zero at the corners, which L_pos does not see"
        why = unseen if worst > 0 else ""
        remarks.append(f"{who or '**Not every mixture collides**'}{why}. {_mend_hull(summary)}")
    if summary.png.accuracy < summary.interpolation.accuracy and len(summary.corners) == 1:
        remarks.append("**Saving destroys it**: read back from its PNG file, the corner has lost the target's class.")
    elif summary.png.accuracy < summary.interpolation.accuracy:
        remarks.append(
            f"**Saving destroys part of it**: from the PNG files {share(summary.png.accuracy)} of the mixtures carry the "
            f"target's class, before saving {share(summary.interpolation.accuracy)}."
        )
    return remarks


def _failures(summary: Summary) -> list[str]:
    """One line for all corners that diverged, one for all that did not get far enough."""
    lines = [
        f"**Corner {n} diverged** at step {corner.diverged_at}: lower --learning_rate."
        for n, corner in enumerate(summary.corners)
        if corner.diverged_at is not None
    ]
    slow = [n for n, corner in enumerate(summary.corners) if not corner.converged and corner.diverged_at is None]
    if slow and summary.exact is not None and not summary.nothing_found:
        lines += [_not_exact(summary, summary.exact, n) for n in slow]
    elif slow and summary.exact is None:
        term = "active_match" if summary.objective == "corners" else "feature_distance"
        reached = max(getattr(summary.corners[n], term) for n in slow)
        lines.append(
            f"**Not converged**: corner {', '.join(map(str, slow))}; {term} is up to {significant(reached, 4)} after "
            f"{summary.steps:,} steps, to stop below {stop_words([summary.stop_loss[n] for n in slow])}. "
            + (
                "Raise --max_steps, or --max_change and --max_total where they are given; if it does not fall, lower "
                "--learning_rate."
                if summary.objective == "corners"
                else "Eq. 1 gets no gradient from units that are off; --objective=corners goes on."
            )
        )
    return lines


def _not_exact(summary: Summary, exact: ExactRecord, n: int) -> str:
    """Why a corner does not count: the program has none, or what it has does not hold in the network's own float32."""
    if not (exact.found and exact.found[n]):
        return f"**Corner {n} was not found**: {exact.status[n]}."
    corner = summary.corners[n]
    match, stop, above = map(significant, (corner.active_match, summary.stop_loss[n], corner.inactive_violation))
    return (
        f"**Corner {n} does not hold in float32**: it was found, but L_pos of the network is {match} there, "
        f"to stop below {stop}, and inactive units rise up to {above} above zero."
    )


def _exact_remarks(summary: Summary) -> list[str]:
    exact = summary.exact
    if exact is None:
        return []
    residual = max(exact.feature_residual_float64), max(exact.feature_residual_float32)
    remarks = []
    if summary.converged:  # else the source stands in for a corner
        remarks.append(
            f"Exact ({exact.kind}): dimension {exact.dimension}; features equal up to {residual[0]:.1e} in float64 "
            f"and {residual[1]:.1e} as saved in float32; inactive units stay below {max(exact.inactive_bound):.1e}."
        )
    if exact.distance is not None and math.isfinite(exact.distance):
        far = significant(exact.distance, 4)
        remarks.append(f"Nearest collision in {exact.kind}: {far} from the source (gap {exact.duality_gap:.1e}).")
    return remarks


def _mend_hull(summary: Summary) -> str:
    """What may help a hull that does not hold."""
    if summary.probe is None and summary.exact is None:
        return "Say --hull_samples=5 without a preset, lower --stop_loss, or, at a first dense layer, --solver=exact."
    said = f"At the end of the search: {summary.probe}. " if summary.probe else ""
    return f"{said}Lower --spread or --match_quantile, or, at a first dense layer, say --solver=exact."
