"""What a comparison says, in sentences."""

import math
from collections.abc import Sequence

from tfcollide.measure.compare_record import LEVEL, CompareRecord, Measured, PairedTest, SeedSpread
from tfcollide.measure.intervals import Interval, too_few
from tfcollide.measure.paired_tests import fewest_untied
from tfcollide.report.audit.audit_words import percent

__all__ = ["caveats", "compare_verdict", "effect_ends", "effect_value", "p_words", "seed_words", "side_name", "test_words"]

_DIFFERS = {"rate": "in whether a hull was found", "front": "in the change that is needed"}


def compare_verdict(record: CompareRecord) -> str:
    """The verdict in plain English, with its numbers."""
    shown = [one for one in record.tests if one.tap_a == record.tests[0].tap_a]
    said = [test_words(record, one) for one in shown]
    a, b = (side_name(record, side) for side in "AB")
    if record.easier is None:
        lead, said = f"{a} and {b} cannot be told apart", [*said, *_why_not(record, shown)]
    elif record.easier == "both":
        lead = f"{a} and {b} differ, and not one way on all counts,"
    else:
        easier, other = (a, b) if record.easier == "A" else (b, a)
        lead = f"{easier} collides more easily than {other}"
    pairs = "1 pair" if record.pairs == 1 else f"{record.pairs} pairs"
    return " ".join([f"{lead} on {pairs} of {record.dataset}.", *said])


def side_name(record: CompareRecord, side: str) -> str:
    """Such as "A (mlp)", or "A (3 networks, mlp)"."""
    own = record.side(side)
    names = ", ".join(dict.fromkeys(one.network for one in own))
    return f"{side} ({names})" if len(own) == 1 else f"{side} ({len(own)} networks, {names})"


def test_words(record: CompareRecord, test: PairedTest) -> str:
    """One test: its counts, then its effect and its p."""
    if test.what == "rate":
        place = [one.taps.index(tap) for one, tap in ((record.side("A")[0], test.tap_a), (record.side("B")[0], test.tap_b))]
        rates = [_rate(record.side(side), n) for side, n in zip("AB", place, strict=True)]
        counts, effect = f"Hulls were found for {rates[0]} of the pairs in A and {rates[1]} in B", "difference"
    elif not test.easier_a + test.easier_b:
        where = f"differs in none of the {test.alike} pairs, or was found in neither network"
        return f"The change that is needed {where} ({p_words(test)})."
    else:
        needs = "pair needs" if test.easier_a == 1 else "pairs need"
        counts = f"{test.easier_a} {needs} less change in A, {test.easier_b} in B, {test.alike} are alike"
        effect = "median difference of the changes"
    return f"{counts}. The {effect} is {effect_value(test)} ({effect_ends(test)}; {p_words(test)})."


def effect_value(test: PairedTest) -> str:
    """How large the difference is."""
    value = test.effect.value
    if test.what == "rate":
        return f"{100 * value:+.0f} points"
    return f"{value:+.3f}" if math.isfinite(value) else "without a number"


def effect_ends(test: PairedTest) -> str:
    """The interval of the difference, and why the difference has no number."""
    one = test.effect
    if test.what == "rate":
        return f"95 % interval {100 * one.low:+.0f} to {100 * one.high:+.0f}"
    few = too_few(test.easier_a + test.easier_b + test.alike)
    ends = "too few pairs for an interval" if few else f"95 % interval {_span(one)}"
    if math.isfinite(one.value):
        return ends
    return f"for half of the pairs or more one network has no such change; {ends}"


def p_words(test: PairedTest) -> str:
    """Both p."""
    if test.p == test.adjusted == 1.0:
        return "p = 1"
    return f"p = {_p(test.p)}, {_p(test.adjusted)} by Holm"


def seed_words(one: SeedSpread) -> str:
    """What varies between the networks of either side."""
    a, b = (", ".join("none" if v is None else _value(one, v) for v in values) for values in (one.values_a, one.values_b))
    name = "rates" if one.what == "rate" else "median fronts"
    said = f"At {one.tap_a}, {name} of A's networks are {a}; of B's {b}"
    if one.difference is None:
        return f"{said}."
    ends = [_value(one, end, "+") for end in (one.difference.value, one.difference.low, one.difference.high)]
    return f"{said}: over such networks, a difference of {ends[0]} (Welch's 95 % interval {ends[1]} to {ends[2]})."


def caveats(record: CompareRecord) -> list[str]:
    """What the comparison does not say."""
    several = all(len(record.side(side)) > 1 for side in "AB")
    scope = (
        "The tests over pairs speak of these networks; of the two kinds speaks what varies between networks, above."
        if several
        else "This compares these checkpoints. Another training seed may turn the answer: for architectures, compare several "
        "seeds of each, --compare=A1+A2+A3,B1+B2+B3."
    )
    said = [
        scope,
        f"Two sides count as told apart where p, adjusted for {len(record.tests)} tests, is below {LEVEL:g}.",
        "To collide less easily is to see more of what changes in an image; it is not to be right more often.",
        "Fronts are upper bounds and rates lower bounds, found by one and the same search in both.",
    ]
    unsettled = [one.name for one in record.networks if one.converged is False]
    if unsettled:
        said.append(f"The search had not converged in {', '.join(unsettled)}: the difference may be one of the search.")
    if record.repeated:
        said.append("Some images are in several pairs: intervals allow for that, the p do not, and are too small.")
    weights = [one.weights for one in record.networks if one.weights]
    if len(set(weights)) < len(weights):
        said.append("Some of these networks have the same weights.")
    return said


def _why_not(record: CompareRecord, shown: Sequence[PairedTest]) -> list[str]:
    """Why two sides are not told apart, where that may surprise."""
    said, count = [], len(record.tests)
    needed = fewest_untied(count, LEVEL)
    untied = {_DIFFERS[one.what]: one.easier_a + one.easier_b for one in shown}
    few = [f"{where} {number or 'none'} of {record.pairs} do" for where, number in untied.items() if number < needed]
    if few:
        more = ": more pairs are needed (--num_pairs)" if any(untied.values()) else ""
        least = f"For a p below {LEVEL:g} by Holm at least {needed} pairs have to differ, all one way"
        said.append(f"{least}; {', '.join(few)}{more}.")
    if any(one.effect.low > 0 or one.effect.high < 0 for one in shown):
        said.append(
            f"That an interval leaves out zero while p is not below {LEVEL:g} is no contradiction: p is exact and allows for "
            f"{count} questions being asked, an interval stands by itself."
        )
    return said


def _rate(networks: list[Measured], place: int) -> str:
    return percent(sum(one.rates[place].value for one in networks) / len(networks))


def _span(one: Interval) -> str:
    if one.low == one.high and math.isinf(one.low):
        return "without a number, too"
    if math.isinf(one.low) and math.isinf(one.high):
        return "without ends"
    if math.isinf(one.high):
        return f"{one.low:+.3f} to no end"
    return f"no end to {one.high:+.3f}" if math.isinf(one.low) else f"{one.low:+.3f} to {one.high:+.3f}"


def _value(one: SeedSpread, value: float, sign: str = "") -> str:
    return f"{100 * value:{sign}.0f} %" if one.what == "rate" else f"{value:{sign}.2f}"


def _p(value: float) -> str:
    return f"{value:.1e}" if value < 1e-3 else f"{value:.3f}"
