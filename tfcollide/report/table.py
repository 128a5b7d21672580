"""`table.md` of a run: the paper's table with ours beside it, and one line per corner."""

from collections.abc import Sequence

from tfcollide.data.labeled import GIVEN
from tfcollide.numerals import significant
from tfcollide.records import EndPoint, Summary, SurvivalRow
from tfcollide.report.conclusion import conclusion, ended_words
from tfcollide.report.likeness_rows import likeness_rows, look_rows, near_rows, spread_rows
from tfcollide.report.markdown import markdown_table
from tfcollide.report.match_rows import (
    edge_rows,
    feature_rows,
    handed_on_rows,
    mixture_rows,
    only_corner_rows,
    proof_rows,
    radius_rows,
    worst_feature_rows,
)
from tfcollide.report.paper import paper_cell, paper_result
from tfcollide.report.phrases import network, number, or_dashes, probability, quantile, share, stop_words
from tfcollide.report.remarks import run_remarks

__all__ = ["run_table"]

_FIRST_LEGEND = (
    "L_pos: squared difference from the target's features, over the units that are on in the target. Feature distance: the "
    "same over all units, after the ReLU. Violation: the largest value of a unit that should be off. Margin: the logit of the "
    "target's class less the largest other. Distances between images are L2, in pixel values."
)
_LEGEND = (
    "Units: those that the corner pushes below zero. Push: their value before the ReLU; magnitude: the sum of the absolute "
    "values of the other units that are off in the target; boundary gap: the smallest of these absolute values. Class and p: "
    "what the network makes of the corner."
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
    remarks = [f"- {remark}" for remark in run_remarks(summary)]
    tables = [_results(summary), _FIRST_LEGEND + "\n", *_survival(summary.survival)]
    tables += [_corners(summary), _LEGEND + "\n", _likeness(summary), _IMAGE_LEGEND]
    return "\n".join([title, verdict, *tables, *(["", *remarks] if remarks else [])]) + "\n"


def _survival(rows: Sequence[SurvivalRow] | None) -> list[str]:
    """What is left of the hull after what may happen to images and networks."""
    header = ["mixtures after", "read as the target", "as the source", "the target itself is"]
    cells = [[row.treatment, *_kept(row)] for row in rows or ()]
    return [markdown_table(header, cells)] if rows else []


def _kept(row: SurvivalRow) -> list[str]:
    if row.kept is None:
        return [f"not done: {row.reason}", "-", "-"]
    return [share(row.kept), share(row.as_source), "read as before" if row.target_kept else "**lost**"]


def _end(end: EndPoint) -> str:
    return f'"{end.label}" ({end.id})' if end.label is not None else end.id


def _results(summary: Summary) -> str:
    paper = paper_result(summary)
    distance = summary.distance
    several = len(summary.corners) > 1
    absent = bool(summary.absent)
    between = ("mean distance between corners", number(distance.corner_mean, ".2f"), paper_cell(paper, "corner_mean"))
    rows = [
        ("steps, and why the search ended", f"{summary.steps:,}, {ended_words(summary.ended)}", ""),
        *([("pixels, black to white", _pixels(summary), "")] if summary.pixel_range else []),
        ("L_pos to stop below", stop_words(summary.stop_loss), ""),
        (_accuracy(summary), share(summary.test_accuracy), paper_cell(paper, "test_accuracy", share)),
        ("mean distance between two images", number(distance.dataset_mean, ".2f"), paper_cell(paper, "dataset_mean")),
        *or_dashes(absent, [*([between] if several else []), *spread_rows(summary), *near_rows(summary)]),
        *likeness_rows(summary),
        *or_dashes(absent, worst_feature_rows(summary)),
        *feature_rows(summary),
        (
            f'probability of "{summary.target.predicted}": target',
            probability(summary.target.probability),
            paper_cell(paper, "target_probability"),
        ),
        *or_dashes(absent, mixture_rows(summary, paper) if several else only_corner_rows(summary)),
        *or_dashes(absent, look_rows(summary)),
        *or_dashes(absent, [*proof_rows(summary), *handed_on_rows(summary), *edge_rows(summary.edges)]),
        *radius_rows(summary.radius),
    ]
    if paper is None:
        return markdown_table(["", "this run"], [row[:2] for row in rows])
    return markdown_table(["", "ours", f"paper, {paper.place}"], rows)


def _accuracy(summary: Summary) -> str:
    """What the accuracy is measured on: nobody knows whether images given from Python were kept back from training."""
    return "accuracy on the images given (every other one)" if summary.dataset == GIVEN else "test accuracy"


def _pixels(summary: Summary) -> str:
    black, white = summary.pixel_range or (0.0, 0.0)
    return f"{black:g}..{white:g}" + (f", {summary.pixel_range_how}" if summary.pixel_range_how else "")


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
                *(significant(value, 4) for value in (*values, corner.inactive_violation, corner.boundary_gap)),
                corner.predicted,
                f"{corner.probability:.4f}",
            ]
        )
    return markdown_table(header, rows)


def _likeness(summary: Summary) -> str:
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
    if not any(row[-1] for row in rows):
        header, rows = header[:-1], [row[:-1] for row in rows]
    return markdown_table(header, rows)
