"""The report of a comparison: one page that opens from disk, without a network and without scripts."""

from tfcollide.measure.compare_record import CompareRecord
from tfcollide.report.audit.page_parts import bullets, chart, table, text, tiles, whole_page
from tfcollide.report.side_by_side.compare_charts import draw_falls, draw_pair_fronts
from tfcollide.report.side_by_side.compare_rows import network_cells, shared_cells, test_cells, transfer_cells
from tfcollide.report.side_by_side.compare_words import (
    caveats,
    compare_verdict,
    effect_ends,
    effect_value,
    p_words,
    seed_words,
    side_name,
)

__all__ = ["compare_page"]

_TRANSFER = (
    "Three numbers per cell: hulls all of whose sampled mixtures are read as the target; the share of all mixtures that "
    "are; the share that is read as the source."
)
_SHARED = (
    "Where both ReLUs are affine in the image, images with the target's features in both networks at once form one "
    "polytope. The change of its point nearest to the source is a share of source-to-target; next to it, how many times "
    "as far it is as each network's own nearest collision. Where there is none, a Farkas vector proves it. The dimension is "
    "that of all such images, however far from the source."
)


def compare_page(record: CompareRecord) -> str:
    """The report as HTML."""
    title = f"{side_name(record, 'A')} or {side_name(record, 'B')}: which collides more easily?"
    parts = [_head(record, title), _pairs(record), _networks(record), _transfers(record), _shared(record), _rest(record)]
    return whole_page(title, parts)


def _head(record: CompareRecord, title: str) -> str:
    kind = "verdict open" if record.easier in (None, "both") else "verdict"
    under = f'<p class="under">{record.pairs} pairs of {text(record.dataset)}, budget {text(record.budget)}</p>'
    shown = []
    for test in record.tests[:2]:
        name = "rate: pairs with a hull, A less B" if test.what == "rate" else "median difference of changes, A less B"
        shown.append((effect_value(test), f"{name} ({effect_ends(test)}; {p_words(test)})"))
    said = f"<p>{text(compare_verdict(record))}</p><p>{text(caveats(record)[0])}</p>"
    return f'<h1>{text(title)}</h1>{under}<div class="{kind}">{said}</div>{tiles(shown)}'


def _pairs(record: CompareRecord) -> str:
    change, spread = record.headline
    marks = "Below the diagonal B needs less change than A. Hollow marks at the edge: no front in one of the two."
    falls = "Hull: found in one of the two alone. Front: the smaller change of one image. Alike pairs tell nothing."
    fronts = chart(draw_pair_fronts(record), "pair-fronts", "Fronts of both sides, pair by pair", marks)
    bars = chart(draw_falls(record), "falls", "In which of the two pairs collide more easily", falls)
    words = (
        f"The same pairs in both. A hull counts where it changes by at most {change:g} of the way to the target and is at "
        f"least {spread:g} of the pixel range wide."
    )
    return f'<h2>Pair by pair</h2><p>{text(words)}</p><div class="charts">{fronts}{bars}</div>{table(*test_cells(record))}'


def _networks(record: CompareRecord) -> str:
    spread = bullets([seed_words(one) for one in record.seeds]) if record.seeds else ""
    return f"<h2>Each network by itself</h2>{table(*network_cells(record))}{spread}"


def _transfers(record: CompareRecord) -> str:
    title = "<h2>Whose hulls hold in which network</h2>"
    if record.no_transfers:
        return f"{title}<p>Not judged: {text(record.no_transfers)}.</p>"
    return f"{title}<p>{_TRANSFER}</p>{table(*transfer_cells(record))}"


def _shared(record: CompareRecord) -> str:
    title = "<h2>Images that collide in both at once</h2>"
    if record.no_shared:
        return f"{title}<p>Not looked for: {text(record.no_shared.rstrip('.'))}.</p>"
    limit = "" if record.max_change is None else f" No pixel may change by more than {record.max_change:g} of the pixel range."
    return f"{title}<p>{_SHARED}{text(limit)}</p>{table(*shared_cells(record))}"


def _rest(record: CompareRecord) -> str:
    command = record.made_with.get("command")
    said = f"<pre>{text(command)}</pre>" if command else ""
    made = [[name, value] for name, value in record.made_with.items() if name != "command"]
    return f"""<h2>What it does not say</h2>{bullets(caveats(record))}
<h2>How to repeat it</h2>{said}
<p>Beside this page: compare.json has every number, pairs.csv a row per pair and ReLU, table.md the essentials.</p>
{table(["made with", ""], made, "loose")}"""
