"""Rows of a run's table on what the network makes of corners and mixtures: features, classes, proofs."""

from collections.abc import Sequence

from tfcollide.numerals import rounded_down, significant
from tfcollide.records import Certificate, EdgeRecord, RadiusRecord, RadiusSpread, Summary
from tfcollide.report.paper import PaperResult, paper_cell
from tfcollide.report.phrases import Row, in_which_arithmetic, probability, share, yes

__all__ = [
    "edge_rows",
    "feature_rows",
    "handed_on_rows",
    "mixture_rows",
    "only_corner_rows",
    "proof_rows",
    "radius_rows",
    "worst_feature_rows",
]


def worst_feature_rows(summary: Summary) -> list[Row]:
    """How near features come."""
    if summary.scale is None:
        return []
    worst = max(summary.interpolation.max_feature_distance, *(corner.feature_distance for corner in summary.corners))
    return [("largest feature distance of corners and mixtures", significant(worst, 4), "")]


def feature_rows(summary: Summary) -> list[Row]:
    """What features are measured against."""
    scale = summary.scale
    if scale is None:
        return []
    rows = [
        (
            "- that of the source; the sum of the target's squared features",
            f"{significant(scale.start_feature_distance, 4)}; {significant(scale.feature_size, 4)}",
            "",
        ),
    ]
    if scale.distance is not None:
        rows.append(
            (f"- a match, quantile {scale.quantile:g} of images of one class", f"up to {significant(scale.distance, 4)}", "")
        )
        rows.append(
            (
                "- median between images of one class; of different classes",
                f"{_g(scale.median_same)}; {_g(scale.median_different)}",
                "",
            )
        )
    else:
        rows.append(("- a match", "by shares of the start: no data set gives a scale", ""))
    starts = f"{significant(scale.start_active_match, 4)}; {significant(scale.start_inactive_violation, 4)}"
    return [*rows, ("L_pos and violation of the source", starts, "")]


def _g(value: float | None) -> str:
    return "-" if value is None else significant(value, 4)


def _least_probability(summary: Summary) -> float:
    return min(summary.interpolation.min_probability, *(corner.probability for corner in summary.corners))


def only_corner_rows(summary: Summary) -> list[Row]:
    """A mixture of one corner is that corner: what is left to say of it is what its file keeps."""
    return [(f'read back from 8-bit PNG, the corner is "{summary.target.predicted}"', yes(summary.png.accuracy), "")]


def mixture_rows(summary: Summary, paper: PaperResult | None) -> list[Row]:
    """What the model says of the sampled mixtures, of the worst one found, and how many others may fail."""
    mixtures, bound = summary.interpolation, summary.failure_bound
    drawn = "" if bound.sampling == "uniform" else f" drawn by {bound.sampling}"
    rows = [
        (
            f"- mean of {mixtures.samples:,} mixtures",
            probability(mixtures.mean_probability),
            paper_cell(paper, "mean_probability"),
        ),
        ("- smallest of them and the corners", probability(_least_probability(summary)), ""),
        (
            f'mixtures classified as "{summary.target.predicted}"',
            share(mixtures.accuracy),
            paper_cell(paper, "accuracy", share),
        ),
        ("- with corners read back from 8-bit PNG", share(summary.png.accuracy), ""),
    ]
    if summary.worst_mixture:
        worst = summary.worst_mixture
        rows.append(("worst mixture found: margin, class", f'{significant(worst.margin)}, "{worst.predicted}"', ""))
    failing = f"share of mixtures{drawn} that may fail, {100 * bound.confidence:g} % sure"
    return [*rows, (failing, f"< {100 * bound.share:.2f} %", "")]


def proof_rows(summary: Summary) -> list[Row]:
    """What the certificate says; or why there is none, where one was asked for."""
    what = "every mixture, by proof" if len(summary.corners) > 1 else "the corner, by proof"
    if not summary.certificate:
        reason = summary.certificate_reason
        return [] if reason in (None, "not asked for") else [(what, f"not tried: {reason}", "")]
    proof = summary.certificate
    words = {
        "certified": f"certified{in_which_arithmetic(proof)}, margin {rounded_down(proof.margin)}{_price(proof)}",
        "refuted": f"**refuted**, margin {significant(proof.margin)}",
        "undecided": f"undecided, {_below_all(proof.share_proven)} proven{in_which_arithmetic(proof)}",
    }
    if proof.status == "undecided" and proof.share_proven == 0:
        far = "the corners are too far apart, or the network too deep, for bounds"
        more = f"none of {proof.boxes:,} part{'s' * (proof.boxes > 1)} is proven: raise --certify_boxes, or else {far}"
        words["undecided"] = f"undecided, {more if proof.boxes else f'nothing proven: {far}'}"
    return [(what, words[proof.status], "")]


def handed_on_rows(summary: Summary) -> list[Row]:
    """The proof as a file, and what an independent verifier says."""
    rows = []
    if (proof := summary.proof) is not None:
        said = f"not written: {proof.reason}"
        if proof.margin is not None:
            said = f"{proof.file}, margin {rounded_down(proof.margin)}, {proof.parts} part{'s' if proof.parts != 1 else ''}"
        rows.append(("- the proof, for check_proof", said, ""))
    if (opinion := summary.second_opinion) is not None:
        words = {"unsat": "unsat: no mixture is misread", "timeout": f"no answer in {opinion.limit:g} s"}
        said = words.get(opinion.verdict, opinion.verdict)
        if opinion.margin is not None:
            left = "" if opinion.margin <= 0 else "; float32 does not confirm it"
            said = f'**sat**: a mixture is read as "{opinion.predicted}", margin {significant(opinion.margin)}{left}'
        rows.append((f"- {opinion.verifier}, an independent verifier, {opinion.seconds:.1f} s", said, ""))
    return rows


def edge_rows(edges: Sequence[EdgeRecord] | None) -> list[Row]:
    """What was found along the edges of the hull."""
    if not edges:
        return []
    lowest = min(edges, key=lambda edge: edge.margin)
    one, other = lowest.corners
    changes = sum(len(edge.changes) for edge in edges)
    ends = {0.0: f"at corner {one}", 1.0: f"at corner {other}"}
    place = ends.get(lowest.weight, f"{lowest.weight:.6g} of the way from corner {one} to {other}")
    margin = f"smallest margin {significant(lowest.margin, 4)}, {place}"
    compared, off = sum(edge.compared for edge in edges), max(edge.difference for edge in edges)
    bends = f"{sum(edge.breakpoints for edge in edges):,}; float32, asked at {compared:,} places, is off by {off:.1g} at most"
    return [
        (f"the {len(edges)} edges, walked exactly" if len(edges) > 1 else "the edge, walked exactly", margin, ""),
        ("changes of class along edges", f"{changes:,}" if changes == 0 else f"**{changes:,}**", ""),
        ("breakpoints of edges", bends, ""),
    ]


def radius_rows(radius: RadiusRecord | None) -> list[Row]:
    """How far around test images nothing collides; each image has a radius of its own."""
    if radius is None:
        return []
    images = f"{radius.images:,} test images" if radius.images > 1 else "test:0"
    rows = [
        (f"no image nearer than this has a target's features: {images}", _radii(radius.exact, radius.images), ""),
        ("- nor features that float32 computes as equal", _radii(radius.in_float32, radius.images), ""),
    ]
    if radius.matching is not None:
        rows.append(("- nor features that match", _radii(radius.matching, radius.images), ""))
    return rows


def _radii(spread: RadiusSpread, images: int) -> str:
    if images == 1:
        return rounded_down(spread.least)
    return (
        f"smallest {rounded_down(spread.least)}, median {rounded_down(spread.median)}, largest {rounded_down(spread.largest)}"
    )


def _price(proof: Certificate) -> str:
    """What the margin is where rounding is left out, if that can be seen."""
    if proof.arithmetic != "float32" or proof.margin_real is None:
        return ""
    real = rounded_down(proof.margin_real)
    return "" if real == rounded_down(proof.margin) else f" ({real} in real arithmetic)"


def _below_all(share: float) -> str:
    """A share that is not the whole, as a percentage that is not 100."""
    digits = next((digits for digits in range(1, 8) if round(100 * share, digits) < 100), None)
    return "nearly all" if digits is None else f"{100 * share:.{digits}f} %"
