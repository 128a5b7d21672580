"""The report of an audit: one page that opens from disk, without a network and without scripts."""

from collections.abc import Mapping

from tfcollide.measure.audit_record import AuditRecord
from tfcollide.measure.layer_look import THRESHOLDS
from tfcollide.report.audit.audit_words import (
    change_words,
    interval_words,
    meaning,
    percent,
    rate_words,
    search_words,
    verdict,
    where_words,
)
from tfcollide.report.audit.class_chart import draw_classes
from tfcollide.report.audit.essentials import layer_rows, outcome_cells
from tfcollide.report.audit.layer_charts import draw_layers, draw_spectra
from tfcollide.report.audit.page_parts import bullets, chart, table, text, tiles, whole_page
from tfcollide.report.audit.pair_charts import draw_fronts, draw_outcomes, draw_rates
from tfcollide.report.audit.worst_pairs import PairPictures, picture_rows

__all__ = ["page"]


def page(record: AuditRecord, pictures: Mapping[int, PairPictures] | None = None) -> str:
    """The report as HTML.

    Args:
        record: the audit.
        pictures: the number of a pair -> its pictures, of those that are shown.
    """
    title = f"How blind is {record.network} at {record.tap}?"
    parts = (
        _head(record, title),
        _asked(record),
        _found(record),
        _where(record),
        _classes(record, pictures or {}),
        _meaning(record),
        _again(record),
    )
    return whole_page(title, parts)


def _head(record: AuditRecord, title: str) -> str:
    rate, front = record.rate(), record.front()
    change, spread = record.headline
    shown = (
        (percent(rate.value), f"rate: pairs with a hull that is found, change at most {change:g}, spread at least {spread:g}"),
        (f"{percent(rate.low)} to {percent(rate.high)}", "95 % interval of the rate, which is a lower bound"),
        (change_words(front).partition(" (")[0], f"median change of one image; {interval_words(front)}; an upper bound"),
        (str(len(record.pairs)), f"pairs of {record.dataset}" + _accuracy(record)),
    )
    kind = "verdict open" if record.converged is False else "verdict"
    said = f"<p>{text(verdict(record))}</p><p>{text(where_words(record))}</p><p>{text(search_words(record))}</p>"
    said += "".join(f"<p><b>Beware:</b> {text(one)}.</p>" for one in record.caveats)
    under = f'<p class="under">An audit of feature collisions: {text(record.dataset)}, budget {text(record.budget)}</p>'
    return f'<h1>{text(title)}</h1>{under}<div class="{kind}">{said}</div>{tiles(shown)}'


def _asked(record: AuditRecord) -> str:
    change, spread = record.headline
    corners = text(str(record.settings.get("corners", "several")))
    yards = [
        [yard.tap, f"{100 * yard.quantile:g} %", _short(yard.distance), _short(yard.median_same), _short(yard.median_different)]
        for yard in record.yards
    ]
    header = ["ReLU", "match quantile", "distance that matches", "median of one class", "median of two classes"]
    return f"""<h2>What was asked</h2>
<p>A ReLU network cannot tell two images apart that have the same features at one of its layers: whatever follows sees
the same numbers. So: how far must an image be changed until its features at <b>{text(", ".join(record.taps))}</b> match those
of an image of another class, while it still shows what it showed? Changes are counted from 0, the source, to 1, as far
away as the target.</p>
<p>{len(record.pairs)} pairs; those that were drawn are spread evenly over all (source class, target class). For one
image: the smallest change (the <i>front</i>). For {corners} images at once and all their mixtures (a <i>hull</i>): whether
one was found, near enough and wide enough. Stated before anything was looked at: a change of at most {change:g} of the way,
a spread of at least {spread:g} of the pixel range.</p>
<p>Features match where they are as near to the target's as the nearest pairs of images of one class are to each
other:</p>
{table(header, yards)}"""


def _found(record: AuditRecord) -> str:
    rows = [
        [tap, change_words(record.front(tap)), rate_words(record.rate(tap=tap)), *outcome_cells(record, tap)]
        for tap in record.taps
    ]
    header = ["ReLU", "median front (95 %)", "rate (95 %)", *record.outcomes()]
    fronts = chart(draw_fronts(record), "fronts", "Share of pairs whose features match within a change", _FRONTS)
    rates = chart(draw_rates(record), "rates", "Rates by largest change and smallest spread", _RATES)
    outcomes = chart(draw_outcomes(record), "outcomes", "Outcomes of hulls", _OUTCOMES)
    charts = f'<div class="charts">{fronts}<div class="stack">{rates}{outcomes}</div></div>'
    return f"<h2>What was found</h2>{charts}{table(header, rows)}"


_FRONTS = (
    "Upper bounds: a better search can only move the curve to the left. Censored pairs have no front: features match only "
    "once the image is no longer the source, or not at all."
)
_RATES = "Lower bounds. In small print 95 % intervals (Clopper and Pearson), each cell by itself."
_OUTCOMES = (
    "Proven: the whole hull is certified. Sampled: all random mixtures, and the worst one that was found, are read "
    "as the target. Trivial: it has become the target. Lost: it is neither image. Failed: anything else."
)


def _where(record: AuditRecord) -> str:
    if not record.layers:
        return "<h2>Where sight is lost</h2><p>No layer profile was asked for.</p>"
    images = len({look.image for look in record.layers})
    names = len({look.tap for look in record.layers})
    spectra = draw_spectra(record)
    charts = chart(draw_layers(record), "layers", "Active units and invisible directions by depth", _LAYERS, wide=names > 8)
    if spectra is not None:
        charts += chart(spectra, "spectra", "Singular values of the Jacobian at some ReLUs", _SPECTRA)
    header = ["ReLU", "units", "active", *(f"invisible at {threshold:g}" for threshold in THRESHOLDS), "how"]
    pixels = record.layers[0].dimension
    return f"""<h2>Where sight is lost</h2>
<p>{images} images, at each ReLU from the input on. Of the {pixels:,} directions in which an image can move, a direction is
invisible where no active unit changes with it: more exactly, where it changes them by less than a share (1e-6, 0.001,
0.1) of what the most visible direction does.</p>
<div class="charts">{charts}</div>
{table(header, layer_rows(record))}"""


_LAYERS = (
    "Marks are medians over images, bars go from the least to the largest. Hollow marks are estimates with 95 % intervals; "
    "where bars are long, little is known."
)
_SPECTRA = "Where a curve falls steeply, sight ends abruptly; where it falls slowly, directions fade. Dashed: the thresholds."


def _classes(record: AuditRecord, pictures: Mapping[int, PairPictures]) -> str:
    count = len({name for one in record.fronts_at(record.tap) for name in (one.source_class, one.target_class)})
    drawn = chart(draw_classes(record), "classes", "Median front by source and target class", _CLASSES, wide=count > 14)
    rows = picture_rows(record, pictures)
    worst = f'<h3>The nearest collisions</h3><p>{_WORST}</p><div class="pairs">{rows}</div>' if rows else ""
    return f'<h2>Between which classes</h2><div class="charts">{drawn}</div>{worst}'


_CLASSES = (
    "Darker is blinder: a smaller change suffices. Hatched: no front. Blank: no pair. Most cells are one or two pairs: read "
    "rows and columns rather than cells."
)
_WORST = (
    "In the middle of each row, the image of least change found that still counts as the source and has the features of the "
    "target."
)


def _meaning(record: AuditRecord) -> str:
    does, does_not = (bullets(one) for one in meaning(record))
    return f"<h2>What it means, and what it does not</h2><h3>It means</h3>{does}<h3>It does not mean</h3>{does_not}"


def _again(record: AuditRecord) -> str:
    command = record.made_with.get("command")
    said = f"<pre>{text(command or _IN_PYTHON)}</pre>"
    made = [[name, value] for name, value in record.made_with.items() if name != "command"]
    settings = [[name, str(value)] for name, value in record.settings.items()]
    spent = ", ".join(f"{name} {value:.0f} s" for name, value in record.seconds.items())
    return f"""<h2>How to repeat it</h2>{said}
<p>Seed {record.seed}. Beside this page: audit.json has every number, pairs.csv, hulls.csv and layers.csv the rows (also as
Parquet), table.md the essentials{", run.flags the request" if command else ""}.</p>
{table(["made with", ""], made, "loose")}
<h3>Budget: {text(record.budget)}</h3>{table(["setting", "value"], settings)}
<p class="under">{text("Time: " + spent if spent else "")}</p>"""


_IN_PYTHON = "tfcollide.audit(network, images, labels, ...), with the seed and the settings below"


def _short(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _accuracy(record: AuditRecord) -> str:
    return (
        "" if record.test_accuracy is None else f"; the network is right on {percent(record.test_accuracy)} of its test images"
    )
