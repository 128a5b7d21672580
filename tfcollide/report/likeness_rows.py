"""Rows of a run's table on images: how far apart they are, how they look, which image they still are."""

import math

from tfcollide.records import FrontEnd, Summary
from tfcollide.report.phrases import Row, number, or_dashes, share

__all__ = ["likeness_rows", "look_rows", "near_rows", "spread_rows"]


def spread_rows(summary: Summary) -> list[Row]:
    """How far apart the two nearest corners are."""
    reached = summary.distance.spread_reached
    if reached is None:
        return []
    asked = summary.distance.spread_asked
    words = "not asked for" if asked is None else f"asked {asked:.3g}, of which nine tenths are enough"
    return [("- the nearest two, as a share of the pixel range", f"{reached:.3f}, {words}", "")]


def near_rows(summary: Summary) -> list[Row]:
    """How far corners are from both images."""
    distance = summary.distance
    rows = [("mean distance from a corner to the source", f"{distance.corner_to_source_mean:.2f}", "")]
    if distance.corner_to_target_mean is not None:
        rows.append(("- to the target", f"{distance.corner_to_target_mean:.2f}", ""))
    return rows


def likeness_rows(summary: Summary) -> list[Row]:
    """Which image the corners and mixtures still are."""
    looks, rows, absent = summary.mixture_looks, [], bool(summary.absent)
    if summary.distance.source_to_target is not None:
        rows.append(("- from source to target", f"{summary.distance.source_to_target:.2f}", ""))
    if looks:
        shares = f"{looks.largest_source_share:.2f} from the source, {looks.least_target_share:.2f} from the target"
        rows += or_dashes(absent, [("mixtures: the farthest and the nearest, as shares of that", shares, "")])
    rows += _box(summary)
    if summary.reader and summary.reader.reason is None and looks:
        who = f"{summary.reader.name}, right on {share(summary.reader.accuracy)} of test images"
        rows += or_dashes(absent, [(f"mixtures read as the source by {who}", share(looks.read_as_source), "")])
    elif summary.reader:
        rows.append(("who reads corners", f"nobody: {summary.reader.reason}", ""))
    if summary.front_end:
        rows.append(("smallest change at which one corner's features match", _front(summary.front_end), ""))
    if summary.hull_front:
        rows.append((f"- of {len(summary.corners)} corners with their hull", _front(summary.hull_front.end), ""))
    return rows


def _box(summary: Summary) -> list[Row]:
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


def look_rows(summary: Summary) -> list[Row]:
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
