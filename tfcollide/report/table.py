"""`table.md`: the paper's table with ours beside it, and one line a corner."""

import math
from collections.abc import Callable, Sequence

from tfcollide.markdown import markdown_table
from tfcollide.records import EndPoint, ExactRecord, PairResult, Summary, SweepSummary
from tfcollide.report.paper import PaperResult, paper_result

__all__ = ["run_table", "sweep_table"]

_LEGEND = (
    "L_pos is active_match, push corner_push, magnitude inactive_magnitude. Feature distance is over all units after the ReLU; "
    "violation is the worst inactive unit above zero; boundary gap the least |pre-activation| of an inactive unit."
)


def _shown(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


_EVERY_MIXTURE = "every mixture gets the target's class: the sampled ones, those from PNG files, and the worst found."
_SOMETIMES: dict[str, Callable[[PairResult], str]] = {
    "worst margin": lambda pair: _shown(pair.worst_margin, ".3g"),
    "proof": lambda pair: " ".join(filter(None, [pair.proof, _shown(pair.proven_margin, ".3g")])),
    "feature difference": lambda pair: _shown(pair.feature_difference, ".1e"),
    "change": lambda pair: _shown(pair.change, ".4g"),
    "duality gap": lambda pair: _shown(pair.duality_gap, ".1e"),
    "low frequencies": lambda pair: _shown(pair.low_frequency_share, ".1%"),
    "MS-SSIM": lambda pair: _shown(pair.ms_ssim, ".3f"),
}
"""Columns of a sweep that appear where some pair has something to say."""


def run_table(summary: Summary) -> str:
    """The tables of one run, as Markdown."""
    title = f"# {_end(summary.source)} to {_end(summary.target)}: {_network(summary)}\n"
    remarks = [f"- {remark}" for remark in _remarks(summary)]
    if summary.nothing_found:
        title += f"\n**Not found**: {summary.nothing_found}. The source stands in for what is not there.\n"
    return "\n".join([title, _results(summary), _corners(summary), _LEGEND, *(["", *remarks] if remarks else [])]) + "\n"


def sweep_table(summary: SweepSummary) -> str:
    """The table of a sweep, one line a pair, as Markdown."""
    title = f"# {_pairs(summary.num_pairs)}: {_network(summary)}\n"
    header = ["pair", "classes", "converged", "steps", "largest L_pos", *_judged_header(summary)]
    rows = [
        [
            f"{pair.source} to {pair.target}",
            " to ".join(pair.classes) if pair.classes else "-",
            "yes" if pair.converged else "**no**",
            _number(pair.steps, "d"),
            _number(pair.max_active_match, ".2f"),
            *_judged(summary, pair),
        ]
        for pair in summary.pairs
    ]
    for name, show in _SOMETIMES.items():
        values = [show(pair) for pair in summary.pairs]
        if any(values):
            header.append(name)
            rows = [[*row, value or "-"] for row, value in zip(rows, values, strict=True)]
    foot = [
        f"{summary.num_converged} of {_pairs(summary.num_pairs)} converged; in {summary.num_colliding} "
        + ("the corner gets the target's class, from its PNG file too." if _alone(summary) else _EVERY_MIXTURE),
        _distances(summary),
        *(f"- {remark}" for remark in _branches(summary)),
        *(f"- {pair.source} to {pair.target}: {pair.error}" for pair in summary.pairs if pair.error),
    ]
    return "\n".join([title, markdown_table(header, rows), *foot]) + "\n"


def _alone(summary: SweepSummary) -> bool:
    """Whether the pairs have one corner each; then there is nothing to mix."""
    ran = [pair for pair in summary.pairs if pair.directory]
    return bool(ran) and all(pair.corner_mean is None for pair in ran)


def _judged_header(summary: SweepSummary) -> list[str]:
    return ["target's class", "p", "from PNG"] if _alone(summary) else ["corner distance", "mixtures", "mean p", "from PNG"]


def _judged(summary: SweepSummary, pair: PairResult) -> list[str]:
    """What the model says of the mixtures of a pair, or of its only corner."""
    p = _number(pair.mean_probability, ".4f")
    if _alone(summary):
        return [_yes(pair.accuracy), p, _yes(pair.png_accuracy)]
    return [_number(pair.corner_mean, ".2f"), _share(pair.accuracy), p, _share(pair.png_accuracy)]


def _distances(summary: SweepSummary) -> str:
    accuracy = "" if summary.test_accuracy is None else f"Test accuracy {_share(summary.test_accuracy)}."
    if _alone(summary):
        return accuracy
    text = f"Median corner distance {_number(summary.median_corner_mean, '.2f')}"
    if summary.dataset_mean is not None:
        text += f"; two images of the data set are {summary.dataset_mean:.2f} apart"
    if summary.corner_mean_shares:
        least, median, most = (f"{100 * share:.0f} %" for share in summary.corner_mean_shares)
        text += f", and corners from {least} of that to {most}, median {median}"
    return f"{text}. {accuracy}".rstrip()


def _yes(share: float | None) -> str:
    return "-" if share is None else "yes" if share == 1 else "**no**"


def _pairs(count: int) -> str:
    return "1 pair" if count == 1 else f"{count} pairs"


def _results(summary: Summary) -> str:
    paper = paper_result(summary)
    distance = summary.distance
    several = len(summary.corners) > 1
    between = ("mean distance between corners", _number(distance.corner_mean, ".2f"), _of(paper, "corner_mean", _plain))
    rows = [
        ("steps, and the loss to stop below", f"{summary.steps:,}, {_stop(summary.stop_loss)}", ""),
        ("test accuracy", _share(summary.test_accuracy), _of(paper, "test_accuracy", _share)),
        ("mean distance between two images", _number(distance.dataset_mean, ".2f"), _of(paper, "dataset_mean", _plain)),
        *([between] if several else []),
        ("mean distance from a corner to the source", f"{distance.corner_to_source_mean:.2f}", ""),
        (
            f'probability of "{summary.target.predicted}": target',
            f"{summary.target.probability:.4f}",
            _of(paper, "target_probability", _plain),
        ),
        *(_mixtures(summary, paper) if several else _only_corner(summary)),
        *_looks(summary),
        *_proof(summary),
    ]
    if paper is None:
        return markdown_table(["", "ours"], [row[:2] for row in rows])
    return markdown_table(["", "ours", f"paper, {paper.place}"], rows)


def _only_corner(summary: Summary) -> list[tuple[str, str, str]]:
    """A mixture of one corner is that corner: what is left to say of it is what its file keeps."""
    return [(f'read back from 8-bit PNG, the corner is "{summary.target.predicted}"', _yes(summary.png.accuracy), "")]


def _mixtures(summary: Summary, paper: PaperResult | None) -> list[tuple[str, str, str]]:
    """What the model says of the sampled mixtures, of the worst one found, and how many others may fail."""
    mixtures, bound = summary.interpolation, summary.failure_bound
    drawn = "" if bound.sampling == "uniform" else f" drawn by {bound.sampling}"
    rows = [
        (
            f"- mean of {mixtures.samples:,} mixtures",
            f"{mixtures.mean_probability:.4f}",
            _of(paper, "mean_probability", _plain),
        ),
        ("- smallest of them", f"{mixtures.min_probability:.4f}", ""),
        (f'mixtures classified as "{summary.target.predicted}"', _share(mixtures.accuracy), _of(paper, "accuracy", _share)),
        ("- with corners read back from 8-bit PNG", _share(summary.png.accuracy), ""),
        ("largest feature distance of a mixture", f"{mixtures.max_feature_distance:.3g}", ""),
    ]
    if summary.worst_mixture:
        worst = summary.worst_mixture
        rows.append(("worst mixture found: margin, class", f'{worst.margin:.3g}, "{worst.predicted}"', ""))
    share = f"share of mixtures{drawn} that may fail, {100 * bound.confidence:g} % sure"
    return [*rows, (share, f"< {100 * bound.share:.2f} %", "")]


def _looks(summary: Summary) -> list[tuple[str, str, str]]:
    """How different the corners look, and what composites are made of."""
    rows = []
    if summary.perceptual:
        seen = summary.perceptual
        rows.append(("difference of corners at low frequencies", _share(seen.low_frequency_share), ""))
        rows.append(("SSIM, multi-scale SSIM of corners", f"{_number(seen.ssim, '.3f')}, {_number(seen.ms_ssim, '.3f')}", ""))
    if summary.composite:
        made = summary.composite
        rows.append(("candidate patches, photographs", f"{made.candidates:,}, {made.photographs:,}", ""))
        least, mean, most = made.coverage
        rows.append(("candidates at a pixel: least, mean, most", f"{least}, {mean:.0f}, {most}", ""))
        mebibytes = f"{made.control_bytes / 2**20:.1f} MiB, {_share(made.control_bytes / made.dense_bytes)}"
        rows.append(("control parameters, of one a candidate and pixel", mebibytes, ""))
    return rows


def _proof(summary: Summary) -> list[tuple[str, str, str]]:
    """What the certificate says."""
    if not summary.certificate:
        return []
    proof = summary.certificate
    words = {
        "certified": f"certified, margin {proof.margin:.3g}",
        "refuted": f"**refuted**, margin {proof.margin:.3g}",
        "undecided": f"undecided, {_below_all(proof.share_proven)} proven",
    }
    return [("every mixture, by proof" if len(summary.corners) > 1 else "the corner, by proof", words[proof.status], "")]


def _below_all(share: float) -> str:
    """A share that is not the whole, as a percentage that is not 100."""
    digits = next((digits for digits in range(1, 8) if round(100 * share, digits) < 100), None)
    return "nearly all" if digits is None else f"{100 * share:.{digits}f} %"


def _stop(losses: Sequence[float]) -> str:
    """The losses to stop below; each corner has its own where they are shares of the start's."""
    least, most = f"{min(losses):.4g}", f"{max(losses):.4g}"
    return most if least == most else f"{least} to {most}"


def _corners(summary: Summary) -> str:
    target = f'p("{summary.target.predicted}")'
    header = ["corner", "units", "L_pos", "push", "magnitude", "feature distance", "violation", "boundary gap", "class", target]
    rows = []
    for n, corner in enumerate(summary.corners):
        values = (corner.active_match, corner.corner_push, corner.inactive_magnitude, corner.feature_distance)
        rows.append(
            [
                str(n),
                "+".join(map(str, corner.units)) or "-",
                *(f"{value:.4g}" for value in (*values, corner.inactive_violation, corner.boundary_gap)),
                corner.predicted,
                f"{corner.probability:.4f}",
            ]
        )
    return markdown_table(header, rows)


def _remarks(summary: Summary) -> list[str]:
    """What a reader must not overlook."""
    remarks = _failures(summary) + _branches(summary)
    seen, label = summary.target.predicted, summary.target.label
    if summary.test_accuracy is not None and label not in (None, seen):  # else the two speak of different classes
        remarks.append(f'**The model reads the target as "{seen}"**, not "{label}"; that is the class that counts.')
    on = [str(n) for n, corner in enumerate(summary.corners) if corner.units and corner.corner_push >= 0]
    if on:
        remarks.append(f"The units pushed are on at corner {', '.join(on)}: lower --stop_loss or weigh corner_push more.")
    if summary.objective == "match":
        gap = min(corner.boundary_gap for corner in summary.corners)
        remarks.append(f"Eq. 1 stops {gap:.3g} from the polytope's boundary (the least |pre-activation| of an inactive unit).")
    remarks += _exact_remarks(summary)
    stop = max(summary.stop_loss)
    if summary.objective == "corners" and summary.converged and summary.png.max_active_match >= stop:
        remarks.append(f"Saved as 8-bit PNG, the largest L_pos rises to {summary.png.max_active_match:.3g} (stop: {stop:.3g}).")
    if summary.converged and (summary.misread or summary.interpolation.accuracy < 1):
        worst = max(corner.inactive_violation for corner in summary.corners)
        who = f"**Corner {', '.join(map(str, summary.misread))} does not collide**" if summary.misread else ""
        remarks.append(
            f"{who or '**Not every mixture collides**'}: inactive units rise up to {worst:.3g} above zero at the corners, "
            "which L_pos does not see. Say --hull_samples=5 without a preset, lower --stop_loss, or, at a first dense layer, "
            "--solver=exact."
        )
    if summary.png.accuracy < summary.interpolation.accuracy and len(summary.corners) == 1:
        remarks.append("**Saving destroys it**: read back from its PNG file, the corner has lost the target's class.")
    elif summary.png.accuracy < summary.interpolation.accuracy:
        remarks.append(
            f"**Saving destroys part of it**: from the PNG files {_share(summary.png.accuracy)} of the mixtures carry the "
            f"target's class, before saving {_share(summary.interpolation.accuracy)}."
        )
    return remarks


def _branches(summary: Summary | SweepSummary) -> list[str]:
    """A word on branches that go round the tap."""
    if summary.sole_tap:
        return []
    return [
        f"**Other branches go round {summary.tap}**: equal features there do not make equal outputs, so the class of a mixture "
        "is not what the method says it is."
    ]


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
        remarks.append(
            f"Nearest collision in {exact.kind}: {exact.distance:.4g} from the source (gap {exact.duality_gap:.1e})."
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
            f"**Not converged**: corner {', '.join(map(str, slow))}; {term} is up to {reached:.4g} after "
            f"{summary.steps:,} steps, to stop below {_stop([summary.stop_loss[n] for n in slow])}. "
            + (
                "Raise --max_steps; if it does not fall, lower --learning_rate."
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
    return (
        f"**Corner {n} does not hold in float32**: it was found, but L_pos of the network is {corner.active_match:.3g} there, "
        f"to stop below {summary.stop_loss[n]:.3g}, and inactive units rise up to {corner.inactive_violation:.3g} above zero."
    )


def _network(summary: Summary | SweepSummary) -> str:
    images = "" if summary.dataset == "none" else f" on {summary.dataset}"
    return f"{summary.model}{images}, tap {summary.tap}"


def _end(end: EndPoint) -> str:
    return f'"{end.label}" ({end.id})' if end.label is not None else end.id


def _of(paper: PaperResult | None, name: str, show: Callable[[float], str]) -> str:
    value = getattr(paper, name, None)
    return "" if value is None else show(value)


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _plain(value: float) -> str:
    return f"{value}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f} %"
