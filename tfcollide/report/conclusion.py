"""What came out, in one sentence: the last line of a run, and the first of its table."""

from collections.abc import Callable, Mapping

from tfcollide.numerals import significant
from tfcollide.records import Summary, SweepSummary
from tfcollide.report.phrases import number, quantile

__all__ = ["PARTS_OF_CHECKS", "conclusion", "ended_words", "sweep_conclusion", "time_shares"]

_ENDED = {
    "met": "what was asked for was met",
    "stagnated": "no progress any more",
    "max_steps": "--max_steps was reached",
    "diverged": "a number was not finite",
    "too close": "corners lie closer together than was asked",
    "infeasible": "no such corners exist within the bounds",
}
PARTS_OF_CHECKS = ("mixtures", "png", "worst_mixture", "proof")
"""Keys of `seconds` whose time is part of "check"."""
_NO_COLLISION = "at this tap the search found no collision that keeps the source"


def ended_words(ended: str) -> str:
    """Why a search ended, in words."""
    return _ENDED.get(ended, ended)


def conclusion(summary: Summary) -> str:
    """Whether a collision was found, and what that means."""
    if summary.nothing_found:
        return f"Not found: {summary.nothing_found}."
    if not summary.found:
        return "Not found: " + "; ".join(_REASONS[word](summary) for word in summary.missing) + "."
    target, many = summary.target.predicted, len(summary.corners) > 1
    what = f"{len(summary.corners)} corners, and every mixture of them that was looked at, are" if many else "the corner is"
    text = f'Found: {what} "{target}" to the network, with features that match'
    text += "" if summary.trivial or summary.lost else ", and still the source"
    return text + _shares(summary) + "." + _allowed(summary) + _caveat(summary)


def sweep_conclusion(summary: SweepSummary) -> str:
    """In how many pairs of a sweep a collision was found, and why not in the others."""
    count = len(summary.pairs)
    text = f"Found in {summary.num_found} of {count} pairs."
    if summary.num_found == count:
        return text
    reasons = ", ".join(f"{word} {times}" for word, times in summary.reasons.items())
    text += f" In the others (a pair may have several reasons): {reasons}."
    if summary.num_trivial + summary.num_lost == count:
        text += f" {_NO_COLLISION[0].upper()}{_NO_COLLISION[1:]} of any pair."
    return text


def time_shares(seconds: Mapping[str, float]) -> str:
    """What the time of a run or sweep went to, such as "90 s: search 40 %, mixtures 20 %, ..., everything else 5 %"."""
    total = max(seconds.get("total", 0.0), 1e-9)
    parts = {"search": seconds.get("solve", 0.0), "mixtures": seconds.get("mixtures", 0.0)}
    parts |= {"mixtures from PNG": seconds.get("png", 0.0), "worst mixture": seconds.get("worst_mixture", 0.0)}
    parts |= {"proof": seconds.get("proof", 0.0), "loading": seconds.get("load", 0.0), "pictures": seconds.get("report", 0.0)}
    parts |= {"everything else": total - sum(parts.values())}
    return f"{total:.0f} s: " + ", ".join(f"{name} {100 * spent / total:.0f} %" for name, spent in parts.items())


def _shares(summary: Summary) -> str:
    known = [corner for corner in summary.corners if corner.source_share is not None and corner.target_share is not None]
    if not known:
        return ""
    source = sum(corner.source_share or 0.0 for corner in known) / len(known)
    target = sum(corner.target_share or 0.0 for corner in known) / len(known)
    return f" ({source:.2f} of source-to-target away from the source, {target:.2f} from the target)"


def _allowed(summary: Summary) -> str:
    if not (summary.trivial or summary.lost):
        return ""
    return f" {_trivial(summary) if summary.trivial else _lost(summary)}: allowed by --allow_trivial."


def _caveat(summary: Summary) -> str:
    """What the verdict rests on where evidence is missing."""
    unscaled = summary.scale is not None and summary.scale.distance is None
    unread = summary.reader is not None and summary.reader.reason is not None
    text = " Features match by shares of the start alone: no data set gives a scale." if unscaled else ""
    return text + (" Nobody read the corners: distances alone say that they are the source." if unread else "")


def _corners(numbers: tuple[int, ...]) -> str:
    return f"corner {numbers[0]}" if len(numbers) == 1 else f"corners {', '.join(map(str, numbers))}"


def _trivial(summary: Summary) -> str:
    why = summary.corners[summary.trivial[0]].trivial_because
    return f"{_corners(summary.trivial)} became the target ({why})"


def _lost(summary: Summary) -> str:
    why = summary.corners[summary.lost[0]].lost_because
    return f"{_corners(summary.lost)} became neither image ({why})"


def _diverged(summary: Summary) -> str:
    gone = tuple(n for n, corner in enumerate(summary.corners) if corner.diverged_at is not None)
    return f"{_corners(gone)} diverged"


def _slow(summary: Summary) -> str:
    slow = tuple(n for n, corner in enumerate(summary.corners) if not corner.converged)
    return f"{_corners(slow)} did not converge ({ended_words(summary.ended)} after {summary.steps:,} steps)"


def _too_close(summary: Summary) -> str:
    reached, asked = (number(value, ".3g") for value in (summary.distance.spread_reached, summary.distance.spread_asked))
    mend = "lower --spread, or raise --max_change and --max_total where they are given"
    return f"corners lie too close together ({reached} of the pixel range, asked {asked}): {mend}"


def _misread(summary: Summary) -> str:
    return f'the network does not read {_corners(summary.misread)} as "{summary.target.predicted}"'


def _mixture(summary: Summary) -> str:
    worst, missed = summary.worst_mixture, min(summary.interpolation.accuracy, summary.png.accuracy) < 1
    how = "of the sampled mixtures, not all are" if missed or not worst else "the worst mixture found is not"
    return f'{how} "{summary.target.predicted}" to the network'


def _features(summary: Summary) -> str:
    scale = summary.scale
    if scale is None or scale.distance is None:
        return "features do not match: L_pos or the violation has not fallen far enough below that of the source"
    quantiles = [corner.feature_quantile for corner in summary.corners if corner.feature_quantile is not None]
    worst = max(summary.interpolation.max_feature_distance, summary.png.max_feature_distance)
    text = f"features do not match (the largest distance is {significant(worst, 4)}"
    text += f", a match is up to {significant(scale.distance, 4)}"
    return text + (
        f"; corners stand at quantile {quantile(max(quantiles), scale.pairs)}, asked {scale.quantile:g})" if quantiles else ")"
    )


_REASONS: Mapping[str, Callable[[Summary], str]] = {
    "diverged": _diverged,
    "not converged": _slow,
    "too close": _too_close,
    "trivial": lambda summary: f"{_trivial(summary)}: {_NO_COLLISION}",
    "lost": lambda summary: f"{_lost(summary)}: {_NO_COLLISION}",
    "a corner misses the class": _misread,
    "a mixture misses the class": _mixture,
    "features do not match": _features,
}
