"""The tables of a comparison, as cells of text: for Markdown and for the page alike."""

import math
from typing import NamedTuple

from tfcollide.measure.compare_record import CompareRecord
from tfcollide.report.audit.audit_words import change_words, percent, rate_words
from tfcollide.report.side_by_side.compare_words import effect_ends, effect_value, p_words

__all__ = ["Cells", "network_cells", "shared_cells", "test_cells", "transfer_cells"]


class Cells(NamedTuple):
    """A table: its header and its rows."""

    header: list[str]
    rows: list[list[str]]


def network_cells(record: CompareRecord) -> Cells:
    """A row per network and tap."""
    rows = []
    for one in record.networks:
        accuracy = "unknown" if one.test_accuracy is None else percent(one.test_accuracy)
        settled = {True: "yes", False: "no", None: "not checked"}[one.converged]
        for tap, rate, front in zip(one.taps, one.rates, one.fronts, strict=True):
            rows.append([one.name, one.network, accuracy, tap, rate_words(rate), change_words(front), settled])
    return Cells(["", "network", "test accuracy", "ReLU", "rate (95 %)", "median front (95 %)", "search converged"], rows)


def test_cells(record: CompareRecord) -> Cells:
    """A row per test."""
    rows = []
    for one in record.tests:
        taps = one.tap_a if one.tap_a == one.tap_b else f"{one.tap_a}, {one.tap_b}"
        what = "rate (McNemar)" if one.what == "rate" else "front (sign test)"
        share = "unknown" if math.isnan(one.share.value) else rate_words(one.share)
        counts = [str(count) for count in (one.easier_a, one.easier_b, one.alike)]
        rows.append([what, taps, *counts, f"{effect_value(one)} ({effect_ends(one)})", share, p_words(one)])
    header = ["test", "ReLU", "easier in A", "in B", "alike", "A less B", "share easier in A, of those that differ", "p"]
    return Cells(header, rows)


def transfer_cells(record: CompareRecord) -> Cells:
    """A row per network and tap in which hulls were found, a column per network that judges them."""
    judges = list(dict.fromkeys(one.judged_by for one in record.transfers))
    table: dict[tuple[str, str], list[str]] = {}
    for one in record.transfers:
        cells = table.setdefault((one.found_in, one.tap), [one.found_in, one.tap, str(one.hulls)])
        cells.append(
            f"{percent((one.whole or 0) / one.hulls)}; {percent(one.as_target or 0.0)}; {percent(one.as_source or 0.0)}"
        )
    return Cells(["found in", "ReLU", "hulls", *(f"judged by {name}" for name in judges)], list(table.values()))


def shared_cells(record: CompareRecord) -> Cells:
    """A row per pair for which images that collide in both were sought."""
    rows = []
    for one in record.shared:
        if one.change is None:
            proof = "" if one.proof_residual is None else f" (Farkas vector, residual {one.proof_residual:.0e})"
            rows.append([str(one.pair), one.status + proof, "", "", "", "", str(one.dimension)])
            continue
        ratios = [f"{ratio:.2f}" for ratio in (one.ratio_a or 0.0, one.ratio_b or 0.0)]
        away = [f"{value:.1e}" for value in (one.residual_a or 0.0, one.residual_b or 0.0)]
        rows.append([str(one.pair), f"{one.change:.2f}", *ratios, *away, str(one.dimension)])
    header = ["pair", "change of the nearest", "over A's own", "over B's own", "features off in A", "in B", "dimension"]
    return Cells(header, rows)
