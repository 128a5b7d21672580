"""`table.md` of a run: the paper's table with ours beside it, and one line per corner."""

import math
from collections.abc import Callable, Sequence

from tfcollide.records import Certificate, EdgeRecord, EndPoint, ExactRecord, FrontEnd, Summary, SurvivalRow
from tfcollide.report.conclusion import conclusion, ended_words
from tfcollide.report.markdown import markdown_table
from tfcollide.report.paper import PaperResult, paper_result
from tfcollide.report.phrases import branches, in_which_arithmetic, network, number, quantile, share, yes

__all__ = ["run_table"]

_LEGEND = (
    "L_pos is active_match, push corner_push, magnitude inactive_magnitude. Feature distance is over all units after the ReLU; "
    "violation is the worst inactive unit above zero; boundary gap the least |pre-activation| of an inactive unit."
)


_IMAGE_LEGEND = (
    "To source, to target: distances as shares of source-to-target. SSIM (window 11x11) to source and target. Reads: what an "
    "independent reader takes the corner for. Quantile: of its feature distance among those of pairs of images of one class."
)


def run_table(summary: Summary) -> str:
    """The tables of one run, as Markdown."""
    title = f"# {_end(summary.source)} to {_end(summary.target)}: {network(summary)}\n"
    word, _, rest = conclusion(summary).partition(":")
    verdict = f"**{word}**:{rest}" + (" The source stands in for what is not there." if summary.nothing_found else "") + "\n"
    remarks = [f"- {remark}" for remark in _remarks(summary)]
    tables = [_results(summary), *_survival(summary.survival)]
    tables += [_corners(summary), _LEGEND + "\n", _images(summary), _IMAGE_LEGEND]
    return "\n".join([title, verdict, *tables, *(["", *remarks] if remarks else [])]) + "\n"


def _results(summary: Summary) -> str:
    paper = paper_result(summary)
    distance = summary.distance
    several = len(summary.corners) > 1
    absent = bool(summary.absent)
    between = ("mean distance between corners", number(distance.corner_mean, ".2f"), _of(paper, "corner_mean", _plain))
    rows = [
        ("steps, and why the search ended", f"{summary.steps:,}, {ended_words(summary.ended)}", ""),
        *([("pixels, black to white", _pixels(summary), "")] if summary.pixel_range else []),
        ("L_pos to stop below", _stop(summary.stop_loss), ""),
        ("test accuracy", share(summary.test_accuracy), _of(paper, "test_accuracy", share)),
        ("mean distance between two images", number(distance.dataset_mean, ".2f"), _of(paper, "dataset_mean", _plain)),
        *_known(absent, [*([between] if several else []), *_spread(summary), *_near(summary)]),
        *_ways(summary),
        *_known(absent, _worst_features(summary)),
        *_features(summary),
        (
            f'probability of "{summary.target.predicted}": target',
            _probability(summary.target.probability),
            _of(paper, "target_probability", _plain),
        ),
        *_known(absent, _mixtures(summary, paper) if several else _only_corner(summary)),
        *_known(absent, _looks(summary)),
        *_known(absent, [*_proof(summary), *_edges(summary.edges)]),
    ]
    if paper is None:
        return markdown_table(["", "ours"], [row[:2] for row in rows])
    return markdown_table(["", "ours", f"paper, {paper.place}"], rows)


def _known(absent: bool, rows: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """Rows of all corners, with a dash for each value where the source stands in for a corner."""
    return [(label, "-", paper) for label, _, paper in rows] if absent else rows


def _pixels(summary: Summary) -> str:
    black, white = summary.pixel_range or (0.0, 0.0)
    return f"{black:g}..{white:g}" + (f", {summary.pixel_range_how}" if summary.pixel_range_how else "")


def _spread(summary: Summary) -> list[tuple[str, str, str]]:
    reached = summary.distance.spread_reached
    if reached is None:
        return []
    asked = "not asked for" if summary.distance.spread_asked is None else f"asked {summary.distance.spread_asked:.3g}"
    return [("- the nearest two, as a share of the pixel range", f"{reached:.3f}, {asked}", "")]


def _near(summary: Summary) -> list[tuple[str, str, str]]:
    """How far corners are from both images."""
    distance = summary.distance
    rows = [("mean distance from a corner to the source", f"{distance.corner_to_source_mean:.2f}", "")]
    if distance.corner_to_target_mean is not None:
        rows.append(("- to the target", f"{distance.corner_to_target_mean:.2f}", ""))
    return rows


def _ways(summary: Summary) -> list[tuple[str, str, str]]:
    """Which image the corners and mixtures still are."""
    looks, rows, absent = summary.mixture_looks, [], bool(summary.absent)
    if summary.distance.source_to_target is not None:
        rows.append(("- from source to target", f"{summary.distance.source_to_target:.2f}", ""))
    if looks:
        shares = f"{looks.largest_source_share:.2f} from the source, {looks.least_target_share:.2f} from the target"
        rows += _known(absent, [("mixtures: the farthest and the nearest, as shares of that", shares, "")])
    rows += _box(summary)
    if summary.reader and summary.reader.reason is None and looks:
        who = f"{summary.reader.name}, right on {share(summary.reader.accuracy)} of test images"
        rows += _known(absent, [(f"mixtures read as the source by {who}", share(looks.read_as_source), "")])
    elif summary.reader:
        rows.append(("who reads corners", f"nobody: {summary.reader.reason}", ""))
    if summary.front_end:
        rows.append(("smallest change at which one corner's features match", _front(summary.front_end), ""))
    if summary.hull_front:
        rows.append((f"- of {len(summary.corners)} corners with their hull", _front(summary.hull_front.end), ""))
    return rows


def _box(summary: Summary) -> list[tuple[str, str, str]]:
    """What exact corners were sought in."""
    exact, rows = summary.exact, []
    if exact and exact.max_change is not None and math.isfinite(exact.max_change):
        least = exact.least_change
        known = least is not None and math.isfinite(least)
        said = f"{exact.max_change:.3g}" + (f"; the least with any collision: {least:.3g}" if known else "")
        rows.append(("half-width of the box around the source that corners were sought in", said, ""))
    if exact and exact.max_total is not None and math.isfinite(exact.max_total):
        rows.append(("radius of the ball around it" if rows else "radius of the ball", f"{exact.max_total:.3g}", ""))
    return rows


def _front(end: FrontEnd) -> str:
    if end.change is None:
        return f"none; {end.censored}"
    return f"{end.change:.2f} of source-to-target, or less: a search found it"


def _worst_features(summary: Summary) -> list[tuple[str, str, str]]:
    """How near features come."""
    if summary.scale is None:
        return []
    worst = max(summary.interpolation.max_feature_distance, *(corner.feature_distance for corner in summary.corners))
    return [("largest feature distance of corners and mixtures", f"{worst:.4g}", "")]


def _features(summary: Summary) -> list[tuple[str, str, str]]:
    """What features are measured against."""
    scale = summary.scale
    if scale is None:
        return []
    rows = [
        (
            "- that of the source; the sum of the target's squared features",
            f"{scale.start_feature_distance:.4g}; {scale.feature_size:.4g}",
            "",
        ),
    ]
    if scale.distance is not None:
        rows.append((f"- a match, quantile {scale.quantile:g} of images of one class", f"up to {scale.distance:.4g}", ""))
        rows.append(
            (
                "- median between images of one class; of different classes",
                f"{_g(scale.median_same)}; {_g(scale.median_different)}",
                "",
            )
        )
    else:
        rows.append(("- a match", "by shares of the start: no data set gives a scale", ""))
    starts = f"{scale.start_active_match:.4g}; {scale.start_inactive_violation:.4g}"
    return [*rows, ("L_pos and violation of the source", starts, "")]


def _g(value: float | None) -> str:
    return number(value, ".4g")


def _least_probability(summary: Summary) -> float:
    return min(summary.interpolation.min_probability, *(corner.probability for corner in summary.corners))


def _probability(value: float) -> str:
    """Four digits, cut rather than rounded where rounding would say 1."""
    return f"{min(value, 0.9999) if value < 1 else value:.4f}" if math.isfinite(value) else "-"


def _only_corner(summary: Summary) -> list[tuple[str, str, str]]:
    """A mixture of one corner is that corner: what is left to say of it is what its file keeps."""
    return [(f'read back from 8-bit PNG, the corner is "{summary.target.predicted}"', yes(summary.png.accuracy), "")]


def _mixtures(summary: Summary, paper: PaperResult | None) -> list[tuple[str, str, str]]:
    """What the model says of the sampled mixtures, of the worst one found, and how many others may fail."""
    mixtures, bound = summary.interpolation, summary.failure_bound
    drawn = "" if bound.sampling == "uniform" else f" drawn by {bound.sampling}"
    rows = [
        (
            f"- mean of {mixtures.samples:,} mixtures",
            _probability(mixtures.mean_probability),
            _of(paper, "mean_probability", _plain),
        ),
        ("- smallest of them and the corners", _probability(_least_probability(summary)), ""),
        (f'mixtures classified as "{summary.target.predicted}"', share(mixtures.accuracy), _of(paper, "accuracy", share)),
        ("- with corners read back from 8-bit PNG", share(summary.png.accuracy), ""),
    ]
    if summary.worst_mixture:
        worst = summary.worst_mixture
        rows.append(("worst mixture found: margin, class", f'{worst.margin:.3g}, "{worst.predicted}"', ""))
    failing = f"share of mixtures{drawn} that may fail, {100 * bound.confidence:g} % sure"
    return [*rows, (failing, f"< {100 * bound.share:.2f} %", "")]


def _looks(summary: Summary) -> list[tuple[str, str, str]]:
    """How different the corners look, and what composites are made of."""
    rows = []
    if summary.perceptual:
        seen = summary.perceptual
        rows.append(("difference of corners at low frequencies", share(seen.low_frequency_share), ""))
        similar = "images too small for it" if seen.ssim is None else f"{seen.ssim:.3f}, {number(seen.ms_ssim, '.3f')}"
        rows.append(("SSIM, multi-scale SSIM between corners", similar, ""))
    if summary.composite:
        made = summary.composite
        rows.append(("candidate patches, photographs", f"{made.candidates:,}, {made.photographs:,}", ""))
        least, mean, most = made.coverage
        rows.append(("candidates at a pixel: least, mean, most", f"{least}, {mean:.0f}, {most}", ""))
        mebibytes = f"{made.control_bytes / 2**20:.1f} MiB, {share(made.control_bytes / made.dense_bytes)}"
        rows.append(("control parameters, of one per candidate and pixel", mebibytes, ""))
    return rows


def _proof(summary: Summary) -> list[tuple[str, str, str]]:
    """What the certificate says; or why there is none, where one was asked for."""
    what = "every mixture, by proof" if len(summary.corners) > 1 else "the corner, by proof"
    if not summary.certificate:
        reason = summary.certificate_reason
        return [] if reason in (None, "not asked for") else [(what, f"not tried: {reason}", "")]
    proof = summary.certificate
    words = {
        "certified": f"certified{in_which_arithmetic(proof)}, margin {proof.margin:.3g}{_price(proof)}",
        "refuted": f"**refuted**, margin {proof.margin:.3g}",
        "undecided": f"undecided, {_below_all(proof.share_proven)} proven{in_which_arithmetic(proof)}",
    }
    if proof.status == "undecided" and proof.share_proven == 0:
        words["undecided"] = "undecided, nothing proven: the corners are too far apart, or the network too deep, for bounds"
    return [(what, words[proof.status], "")]


def _edges(edges: Sequence[EdgeRecord] | None) -> list[tuple[str, str, str]]:
    """What was found along the edges of the hull."""
    if not edges:
        return []
    lowest = min(edges, key=lambda edge: edge.margin)
    one, other = lowest.corners
    changes = sum(len(edge.changes) for edge in edges)
    margin = f"smallest margin {lowest.margin:.4g}, {lowest.weight:.6g} of the way from corner {one} to {other}"
    compared, off = sum(edge.compared for edge in edges), max(edge.difference for edge in edges)
    bends = f"{sum(edge.breakpoints for edge in edges):,}; float32, asked at {compared:,} places, is off by {off:.1g} at most"
    return [
        (f"the {len(edges)} edges, walked exactly" if len(edges) > 1 else "the edge, walked exactly", margin, ""),
        ("changes of class along edges", f"{changes:,}" if changes == 0 else f"**{changes:,}**", ""),
        ("breakpoints of edges", bends, ""),
    ]


def _survival(rows: Sequence[SurvivalRow] | None) -> list[str]:
    """What is left of the hull after what may happen to images and networks."""
    header = ["mixtures after", "read as the target", "as the source", "the target itself is"]
    cells = [[row.treatment, *_kept(row)] for row in rows or ()]
    return [markdown_table(header, cells)] if rows else []


def _kept(row: SurvivalRow) -> list[str]:
    if row.kept is None:
        return [f"not done: {row.reason}", "-", "-"]
    return [share(row.kept), share(row.as_source), "read as before" if row.target_kept else "**lost**"]


def _price(proof: Certificate) -> str:
    """What the margin is where rounding is left out, if that can be seen."""
    if proof.arithmetic != "float32" or proof.margin_real is None:
        return ""
    real = f"{proof.margin_real:.3g}"
    return "" if real == f"{proof.margin:.3g}" else f" ({real} in real arithmetic)"


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
        if n in summary.absent:
            rows.append([str(n), "+".join(map(str, corner.units)) or "-", *["-"] * 6, "not found", "-"])
            continue
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


def _images(summary: Summary) -> str:
    """Which image each corner still is."""
    header = ["corner", "to source", "to target", "SSIM", "multi-scale SSIM", "reads", "quantile", ""]
    rows = [
        [str(n), *["-"] * 6, "**not found**"]
        if n in summary.absent
        else [
            str(n),
            number(corner.source_share, ".3f"),
            number(corner.target_share, ".3f"),
            f"{number(corner.ssim_source, '.3f')}, {number(corner.ssim_target, '.3f')}",
            f"{number(corner.ms_ssim_source, '.3f')}, {number(corner.ms_ssim_target, '.3f')}",
            corner.reader or "-",
            quantile(corner.feature_quantile, summary.scale.pairs if summary.scale else None),
            "**trivial**" if corner.trivial else "**lost**" if corner.lost else "",
        ]
        for n, corner in enumerate(summary.corners)
    ]
    return markdown_table(header, rows)


def _remarks(summary: Summary) -> list[str]:
    """What a reader must not overlook."""
    remarks = _failures(summary) + branches(summary)
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
        unseen = f": inactive units rise up to {worst:.3g} above zero at the corners, which L_pos does not see"
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


def _mend_hull(summary: Summary) -> str:
    """What may help a hull that does not hold."""
    if summary.probe is None and summary.exact is None:
        return "Say --hull_samples=5 without a preset, lower --stop_loss, or, at a first dense layer, --solver=exact."
    said = f"At the end of the search: {summary.probe}. " if summary.probe else ""
    return f"{said}Lower --spread or --match_quantile, or, at a first dense layer, say --solver=exact."


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
    return (
        f"**Corner {n} does not hold in float32**: it was found, but L_pos of the network is {corner.active_match:.3g} there, "
        f"to stop below {summary.stop_loss[n]:.3g}, and inactive units rise up to {corner.inactive_violation:.3g} above zero."
    )


def _end(end: EndPoint) -> str:
    return f'"{end.label}" ({end.id})' if end.label is not None else end.id


def _of(paper: PaperResult | None, name: str, show: Callable[[float], str]) -> str:
    value = getattr(paper, name, None)
    return "" if value is None else show(value)


def _plain(value: float) -> str:
    return f"{value}"
