"""`table.md` of `--space=layer`: how large the polytope of a target is in the values of the layer before."""

import math
from collections.abc import Sequence

from tfcollide.records import LayerPolytope
from tfcollide.report.markdown import markdown_table

__all__ = ["layer_conclusion", "layer_table"]

_HEADER = ["values", "equations", "inequalities", "dimension", "radius", "bounded", "nearest to the source", "seconds"]


def layer_table(network: str, polytopes: Sequence[LayerPolytope], max_change: float | None) -> str:
    """The polytopes, one a line, as Markdown."""
    first = polytopes[0]
    where = f"within {max_change:g} of the source's values" if max_change is not None else "everywhere"
    title = f"# {network} at {first.tap}: points with the target's features, in the values of {first.layer}, {where}\n"
    rows = [
        [
            "" if one.position is None else ", ".join(map(str, one.position)),
            "with" if one.bounds else "without",
            *map(str, (one.size, one.equations, one.inequalities)),
            "empty" if one.dimension < 0 else "a point" if one.point else str(one.dimension),
            "-" if math.isnan(one.radius) else f"{one.radius:.3g}",
            "yes" if one.bounded else "no",
            "-" if math.isnan(one.distance) else f"{one.distance:.3g} (target: {one.source_distance:.3g})",
            f"{one.seconds:.2f}",
        ]
        for one in polytopes
    ]
    tables = markdown_table(["position", "bounds such as x >= 0", *_HEADER], rows)
    return "\n".join([title, f"**{layer_conclusion(polytopes)}**\n", tables, *_legend(first)]) + "\n"


def layer_conclusion(polytopes: Sequence[LayerPolytope]) -> str:
    """In one line."""
    known = [one for one in polytopes if one.bounds]
    points, empty = sum(one.point for one in known), sum(one.dimension < 0 for one in known)
    if len(known) == 1:
        return _verdict(known[0])
    if empty:
        where = f"Empty at {empty} of {len(known)} positions"
        return f"{where}: no values there have the target's features; polytope.npz has the proof."
    return f"A single point at {points} of {len(known)} positions, more than a point at {len(known) - points}."


def _verdict(only: LayerPolytope) -> str:
    """Of one target at a dense tap."""
    if only.dimension < 0:
        return f"Empty: no such values of {only.layer} have the target's features; polytope.npz has the proof."
    if only.point:
        return f"A single point: no values of {only.layer} but the target's own have the target's features."
    room = f", at most {only.radius:.3g} to every side" if only.bounded else ", in some of them without an end"
    return (
        f"More than a point: from the target's own the values of {only.layer} can move in {only.dimension} of {only.size} "
        f"directions and keep the target's features{room}."
    )


def _legend(first: LayerPolytope) -> list[str]:
    lines = ["", f"Radius: of the largest ball in the set, within its dimensions. |x| of the target: {first.scale:.3g}."]
    if first.position is not None:
        lines.append("An outer bound: neighboring positions are computed from overlapping pixels, and do not move one by one.")
    return lines
