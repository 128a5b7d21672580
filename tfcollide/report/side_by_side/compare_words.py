"""What a comparison says, in sentences."""

import math

from tfcollide.measure.compare_record import LEVEL, CompareRecord, Measured, PairedTest, SeedSpread
from tfcollide.report.audit.audit_words import percent

__all__ = ["caveats", "compare_verdict", "effect_words", "p_words", "seed_words", "side_name", "test_words"]


def compare_verdict(record: CompareRecord) -> str:
    """The verdict in plain English, with its numbers."""
    numbers = "; ".join(test_words(record, one) for one in record.tests if one.tap_a == record.tests[0].tap_a)
    a, b = (side_name(record, side) for side in "AB")
    if record.easier is None:
        return f"{a} and {b} cannot be told apart on {record.pairs} pairs of {record.dataset}: {numbers}."
    if record.easier == "both":
        return f"{a} and {b} differ, and not one way on all counts, on {record.pairs} pairs of {record.dataset}: {numbers}."
    easier, other = (a, b) if record.easier == "A" else (b, a)
    return f"{easier} collides more easily than {other} on {record.pairs} pairs of {record.dataset}: {numbers}."


def side_name(record: CompareRecord, side: str) -> str:
    """Such as "A (mlp)", or "A (3 networks, mlp)"."""
    own = record.side(side)
    names = ", ".join(dict.fromkeys(one.network for one in own))
    return f"{side} ({names})" if len(own) == 1 else f"{side} ({len(own)} networks, {names})"


def test_words(record: CompareRecord, test: PairedTest) -> str:
    """One test, its counts, its effect and its p."""
    place = [one.taps.index(tap) for one, tap in ((record.side("A")[0], test.tap_a), (record.side("B")[0], test.tap_b))]
    tail = f"({p_words(test)})"
    if test.what == "rate":
        rates = [_rate(record.side(side), n) for side, n in zip("AB", place, strict=True)]
        found = f"hulls were found for {rates[0]} of the pairs in A and {rates[1]} in B"
        return f"{found}, a difference of {effect_words(test)} {tail}"
    needs = "pair needs" if test.easier_a == 1 else "pairs need"
    counts = f"{test.easier_a} {needs} less change in A, {test.easier_b} in B, {test.alike} are alike"
    if not test.easier_a + test.easier_b:
        return f"the change that is needed differs in none of the {test.alike} pairs, or was found in neither network {tail}"
    return f"{counts}, and the median difference of the changes is {effect_words(test)} {tail}"


def effect_words(test: PairedTest) -> str:
    """How large the difference is, with its interval."""
    one = test.effect
    if test.what == "rate":
        ends = f"{100 * one.low:+.0f} to {100 * one.high:+.0f}"
        return f"{100 * one.value:+.0f} points (95 % interval {ends})"
    if math.isinf(one.value):
        return "without a number, as for most pairs one network has no such change"
    return f"{_signed(one.value)} (95 % interval {_signed(one.low)} to {_signed(one.high)})"


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


def _rate(networks: list[Measured], place: int) -> str:
    return percent(sum(one.rates[place].value for one in networks) / len(networks))


def _signed(value: float) -> str:
    return ("+" if value > 0 else "-") + "infinity" if math.isinf(value) else f"{value:+.3f}"


def _value(one: SeedSpread, value: float, sign: str = "") -> str:
    return f"{100 * value:{sign}.0f} %" if one.what == "rate" else f"{value:{sign}.2f}"


def _p(value: float) -> str:
    return f"{value:.1e}" if value < 1e-3 else f"{value:.3f}"
