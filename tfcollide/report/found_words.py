"""What a figure says below its images: whether a collision was found, or why not, in sentences."""

from collections.abc import Sequence

from tfcollide.records import Summary

__all__ = ["explained", "found_words", "hull_words"]

_ENDED = {
    "met": "every limit met",
    "stagnated": "no more progress",
    "max_steps": "out of steps, see --max_steps",
    "diverged": "numbers that are not finite",
    "interrupted": "interrupted",
}


def found_words(summary: Summary) -> str:
    """Whether a collision was found; where not, why."""
    if summary.nothing_found:
        return f"No collision was found: {summary.nothing_found}."
    if summary.missing or not summary.found:
        reasons = "; ".join(_reason(summary, word) for word in summary.missing)
        return f"No collision was found{': ' if reasons else ''}{reasons}."
    marked = [_reason(summary, word) for word, those in (("trivial", summary.trivial), ("lost", summary.lost)) if those]
    if marked:
        return f"Counted as found by --allow_trivial, although {' and '.join(marked)}."
    corners = "the corner still is" if len(summary.corners) == 1 else f"the {len(summary.corners)} corners still are"
    return f"A collision was found: {corners} the source, with the target's features at {summary.tap}."


def hull_words(summary: Summary) -> str:
    """How far apart corners are, and what is known of their mixtures."""
    where = f"{summary.model} at {summary.tap}"
    if summary.nothing_found:
        return where
    if summary.distance.corner_mean is None:
        return f"{where}: {summary.distance.corner_to_source_mean:.2f} from the source"
    mixtures = summary.interpolation
    hits = f"{round(mixtures.accuracy * mixtures.samples):,} of {mixtures.samples:,}"
    proof = ", and all others by proof" if summary.certificate and summary.certificate.status == "certified" else ""
    apart = f"corners {summary.distance.corner_mean:.2f} apart"
    return f'{where}: {apart}; {hits} mixtures of them are "{summary.target.predicted}"{proof}'


def explained(summary: Summary) -> str:
    """What stands below a corner; nothing where there is nothing but the class."""
    if all(corner.source_share is None for corner in summary.corners):
        return ""
    text = "Below each image: what the network takes it for, with its probability. Below a corner: its distances to source and "
    text += "target, as shares of the distance between those two"
    if any(corner.reader is not None for corner in summary.corners):
        who = summary.reader.name if summary.reader and summary.reader.name else "another network"
        return f"{text}, and what an independent reader ({who}) takes it for."
    reason = summary.reader.reason if summary.reader else None
    return f"{text}. There is no independent reader: {reason}." if reason else f"{text}."


def _reason(summary: Summary, word: str) -> str:
    """What is missing, as a clause."""
    target, corners = summary.target.predicted, summary.corners
    slow = [n for n, corner in enumerate(corners) if not corner.converged and corner.diverged_at is None]
    diverged = [n for n, corner in enumerate(corners) if corner.diverged_at is not None]
    ended = _ENDED.get(summary.ended, summary.ended)
    clauses = {
        "diverged": _of(summary, diverged, "diverged", "diverged"),
        "not converged": f"{_of(summary, slow, 'did not converge', 'did not converge')} ({ended})",
        "trivial": _of(summary, summary.trivial, "has become the target (trivial)", "have become the target (trivial)")
        + _because(summary, summary.trivial, "trivial_because"),
        "lost": _of(summary, summary.lost, "is neither source nor target (lost)", "are neither source nor target (lost)")
        + _because(summary, summary.lost, "lost_because"),
        "a corner misses the class": _of(
            summary, summary.misread, f'is not "{target}" to the network', f'are not "{target}" to the network'
        ),
        "a mixture misses the class": f'not every mixture of the corners is "{target}" to the network',
        "features do not match": "features come not near enough to the target's",
    }
    return clauses.get(word, word)


def _of(summary: Summary, those: Sequence[int], one: str, several: str) -> str:
    if len(summary.corners) == 1:
        return f"the corner {one}"
    return f"{len(those)} of {len(summary.corners)} corners {one if len(those) == 1 else several}"


def _because(summary: Summary, those: Sequence[int], field: str) -> str:
    """Why the first of `those` is what it is; nothing where it does not say."""
    why = getattr(summary.corners[those[0]], field) if those else None
    if not why:
        return ""
    return f": {'it' if len(summary.corners) == 1 else f'corner {those[0]}'} is {why}"
