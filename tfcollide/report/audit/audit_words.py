"""What an audit says, in sentences."""

import math
import statistics

from tfcollide.measure.audit_record import AuditRecord
from tfcollide.measure.intervals import Interval
from tfcollide.measure.layer_look import THRESHOLDS

__all__ = ["change_words", "interval_words", "meaning", "percent", "rate_words", "search_words", "verdict", "where_words"]

_AT = 1  # of `THRESHOLDS`
_TOO_FEW = "too few pairs for an interval"  # then even the lower end, which else is a change, is -infinity


def verdict(record: AuditRecord) -> str:
    """The verdict in two sentences, of hulls and of one image, with its uncertainty."""
    count, rate, front = len(record.pairs), record.rate(), record.front()
    lead = "Search not converged: in" if record.converged is False else "In"
    held, corners = round(rate.value * count), record.settings.get("corners", "several")
    where = f"at {record.tap} of {record.network}"
    hull = f"a hull ({corners} images and all their mixtures) that still shows the source and has the target's features {where}"
    searched = f"{held} of {count} pairs of {record.dataset}, the search found"
    if not held:
        searched = f"none of {count} pairs of {record.dataset} did the search find"
    sure = f"95 % interval for pairs like these: {percent(rate.low)} to {percent(rate.high)}; a better search may find more"
    if math.isinf(front.value):
        one = f"none was found in {sum(record.censored().values())} of {count} pairs, so that the median change is no number"
        one += f" ({interval_words(front)})"
    else:
        one = f"the median change is {front.value:.2f} of the way to the target or less ({interval_words(front)})"
    return f"{lead} {searched} {hull} ({sure}). For one image alone, {one}."


def rate_words(rate: Interval) -> str:
    """A rate and its interval, short."""
    return f"{percent(rate.value)} ({percent(rate.low)} to {percent(rate.high)})"


def change_words(front: Interval) -> str:
    """A median change and its interval, short."""
    if math.isnan(front.value):
        return "none"
    ends = _TOO_FEW if front.low < 0 else f"{_number(front.low)} to {_number(front.high)}"
    return f"{_number(front.value)} ({ends})"


def interval_words(front: Interval) -> str:
    """The interval of a median change, in full."""
    if front.low < 0:
        return _TOO_FEW
    if math.isinf(front.low):
        return "95 % interval: no number either"
    if math.isinf(front.high):
        return f"95 % interval {front.low:.2f} to no end, as too many pairs are censored"
    return f"95 % interval {front.low:.2f} to {front.high:.2f}"


def search_words(record: AuditRecord) -> str:
    """Whether more search found more."""
    again = record.convergence
    if again is None:
        return "Whether a longer search would find more was not checked."
    pairs, these, change = f"{again.pairs} pairs were", f"these {again.pairs}", "their median change"
    if again.pairs == 1:
        pairs, these, change = "1 pair was", "this one", "its change"
    rates = f"the rate of {these} went from {percent(again.rate)} to {percent(again.rate_again)}"
    fronts = f"{change} from {_number(again.front)} to {_number(again.front_again)}"
    what = f"{pairs} searched again with four times the budget: {rates}, {fronts}."
    if again.converged:
        return f"{what} That is within what counts as converged (5 points, 5 %)."
    return f"{what} The search has not converged: the numbers say more of the search than of the network."


def where_words(record: AuditRecord) -> str:
    """Where sight is lost and between which classes, a sentence each; what was not looked at is left out."""
    said = []
    looks = [one for one in record.layers if one.tap == record.tap]
    if looks:
        lost = statistics.median(one.invisible[_AT] / one.dimension for one in looks)
        about = "" if all(one.exact for one in looks) else "about "
        said.append(
            f"At {record.tap} {about}{percent(lost)} of the directions in which an image can move are invisible: no active "
            f"unit changes by more than a share of {THRESHOLDS[_AT]:g} of what the most visible direction does."
        )
    found = [one for one in record.fronts_at(record.tap) if one.change is not None]
    if found:
        nearest = min(found, key=lambda one: one.change or 0.0)
        ends = f"from {nearest.source_class} to {nearest.target_class}"
        said.append(f"The nearest collision of all pairs leads {ends}: {nearest.change:.2f} of the way.")
    return " ".join(said)


def meaning(record: AuditRecord) -> tuple[list[str], list[str]]:
    """What the numbers mean, and what they do not."""
    known = [one for one in record.fronts_at(record.tap) if one.least_change is not None]
    does = [
        f"Wherever features at {record.tap} are equal, all that follows is equal: the network cannot tell such images apart, "
        "whatever its last layers do.",
        "A collision counts only where the image still is the source: nearer to it than to the target, and, where a reader "
        "that is not this network can be trusted, read as the source.",
        "A change is an upper bound and a rate a lower bound: both are what a search found.",
    ]
    if known:
        does.append(f"For {len(known)} pairs a least change is proven, below which no image can match: column least_change.")
    does_not = [
        "It does not say how often such images occur by themselves: they were made.",
        "It does not say that no others exist where none was found: only proven bounds do.",
        "It says nothing of small changes that alter the class (adversarial examples): that is the opposite question.",
        f"Rates of networks are comparable at the same data, pairs and match ({_match(record)}), and at layers of one depth.",
    ]
    if record.repeated:
        does_not.append("Some images are in several pairs; intervals allow for that and are wider.")
    return does, does_not


def percent(share: float) -> str:
    """A share in percent, with a digit after the point below 10 % and above 90 %."""
    if math.isnan(share):
        return "unknown"
    value = 100 * share
    digits = 1 if 0 < value < 10 or 90 < value < 100 else 0
    return f"{value:.{digits}f} %"


def _match(record: AuditRecord) -> str:
    return f"{100 * record.yards[0].quantile:g} % quantile of pairs of one class"


def _number(value: float) -> str:
    return "none" if math.isinf(value) else f"{value:.2f}"
