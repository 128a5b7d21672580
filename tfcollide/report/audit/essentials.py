"""The essentials of an audit as a table in Markdown."""

from tfcollide.measure.audit_record import AuditRecord
from tfcollide.measure.layer_look import THRESHOLDS
from tfcollide.report.audit.audit_words import change_words, rate_words, search_words, verdict, where_words
from tfcollide.report.markdown import markdown_table

__all__ = ["essentials", "layer_rows", "outcome_cells"]


def essentials(record: AuditRecord) -> str:
    """The verdict, a row per tap, rates by change and spread, and a row per ReLU."""
    change, spread = record.headline
    header = ["tap", "pairs", "median front", f"rate (change {change:g}, spread {spread:g})", *record.outcomes()]
    count = str(len(record.pairs))
    rows = [
        [tap, count, change_words(record.front(tap)), rate_words(record.rate(tap=tap)), *outcome_cells(record, tap)]
        for tap in record.taps
    ]
    grid = [
        [f"spread {wide:g}", *(rate_words(record.rate(far, wide)) for far in record.changes)]
        for wide in reversed(record.spreads)
    ]
    parts = [
        f"**{verdict(record)}**\n",
        where_words(record) + "\n",
        search_words(record) + "\n",
        *(f"Beware: {one}.\n" for one in record.caveats),
        markdown_table(header, rows),
        markdown_table([f"rate at {record.tap}", *(f"change {far:g}" for far in record.changes)], grid),
    ]
    if record.layers:
        parts.append(markdown_table(_LAYERS, layer_rows(record)))
    return "\n".join(parts)


_LAYERS = ["ReLU", "units", "active", *(f"invisible at {threshold:g}" for threshold in THRESHOLDS), "how"]


def outcome_cells(record: AuditRecord, tap: str) -> list[str]:
    """How many hulls of each outcome; that none is proven is said otherwise where no proof was tried."""
    counts = {name: str(count) for name, count in record.outcomes(tap).items()}
    if record.settings.get("proof_parts") == 0:
        counts["proven"] = "not tried"
    return list(counts.values())


def layer_rows(record: AuditRecord) -> list[list[str]]:
    """A row per ReLU: medians over images of shares of the units and of the pixels, and from which to which image."""
    rows = []
    for name in dict.fromkeys(look.tap for look in record.layers):
        looks = [look for look in record.layers if look.tap == name]
        cells = [_range([look.active_share for look in looks])]
        for n in range(len(THRESHOLDS)):
            cells.append(_range([end / look.dimension for look in looks for end in (look.low[n], look.high[n])]))
        how = "exact" if all(look.exact for look in looks) else "estimated"
        rows.append([name, str(looks[0].units), *cells, how])
    return rows


def _range(shares: list[float]) -> str:
    low, high = 100 * min(shares), 100 * max(shares)
    return f"{low:.1f} %" if f"{low:.1f}" == f"{high:.1f}" else f"{low:.1f} to {high:.1f} %"
