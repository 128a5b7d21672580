import dataclasses
import math

import pytest

from tfcollide.errors import RequestError
from tfcollide.recipes.collide.config import CollideConfig
from tfcollide.settings import at_least, carrying_variants, flag, flags_of, flags_text, from_flags, options_of, positive


@dataclasses.dataclass(frozen=True)
class Config:
    count: float | None = flag(1, "How many.")
    kind: str = flag("a", "Which.", choices=("a", "b"))


def test_a_field_carries_its_help_and_choices():
    count, kind = dataclasses.fields(Config)
    assert (count.default, count.metadata["help"], count.metadata["choices"]) == (1, "How many.", ())
    assert kind.metadata["choices"] == ("a", "b")


@pytest.mark.parametrize("value", [0.9, -1, math.nan, math.inf])
def test_what_is_too_small_or_not_finite_is_refused(value):
    with pytest.raises(RequestError, match=f"--count={value}: expected a number of at least 1"):
        at_least(Config(value), 1, "count")


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf])
def test_what_is_not_positive_is_refused(value):
    with pytest.raises(RequestError, match=f"--count={value}: expected a positive number"):
        positive(Config(value), "count")


@pytest.mark.parametrize("value", [1, 1.5, None])
def test_what_is_large_enough_or_not_said_passes(value):
    at_least(Config(value), 1, "count")
    positive(Config(value), "count")


@dataclasses.dataclass(frozen=True)
class Whole:
    count: int = flag(1, "How many.")


@pytest.mark.parametrize(
    ("value", "words"), [("3", "--count='3': expected a number of at least 1"), (2.5, "--count=2.5: expected a whole number")]
)
def test_what_python_gives_is_a_number_of_the_kind_of_the_field(value, words):
    with pytest.raises(RequestError, match=words):
        at_least(Whole(value), 1, "count")


class Zoo:
    """Two variants, one of which declares a flag."""

    kind = "kind"

    def __init__(self, *options):
        self._options = options

    def names(self):
        return ["ape", "bear"]

    def options(self):
        return dict(zip(["ape", "bear"], self._options, strict=False))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ape:
    bananas: int = flag(2, "How many bananas.")


def test_flags_of_variants_stand_behind_the_one_that_chooses():
    @dataclasses.dataclass(frozen=True, kw_only=True)
    @carrying_variants
    class Carrier:
        kind: str = flag("ape", "Which.", variants=Zoo(Ape))
        last: float | None = flag(None, "Last.")

    assert [(one.name, one.kind, one.default) for one in flags_of(Carrier)] == [
        ("kind", str, "ape"),
        ("bananas", int, 2),
        ("last", float, None),
    ]
    assert flags_of(Carrier)[0].help == "Which. One of: ape, bear."
    assert options_of(Carrier(bananas=5), Ape) == Ape(bananas=5)


def test_two_flags_of_one_name_are_a_mistake_of_the_programmer():
    with pytest.raises(TypeError, match="--bananas of kind=ape: another flag has this name"):

        @carrying_variants
        class Carrier:
            kind: str = flag("ape", "Which.", variants=Zoo(Ape))
            bananas: int = flag(1, "Already there.")


def test_every_setting_of_a_run_comes_back_from_its_flags():
    config = CollideConfig(index="an index", window_stride=4, literal=True, max_change=0.5)
    text = flags_text(config)
    assert from_flags(CollideConfig, "# a remark\n" + text) == config
    assert "--literal" in text.splitlines() and "--noxla" in text.splitlines() and "--units" not in text


def test_what_is_no_flag_of_a_run_is_refused():
    for line in ("--nosuch=1", "--corners=many", "--patches=x"):
        with pytest.raises(RequestError, match=f"run.flags with the line {line}"):
            from_flags(CollideConfig, line)


@pytest.mark.parametrize(("quantile", "passes"), [(0.01, True), (1.0, True), (0.05, False)])
def test_a_share_of_pairs_needs_a_data_set(quantile, passes):
    CollideConfig(dataset="digits", match_quantile=quantile).check()
    config = CollideConfig(dataset="none", model="vgg16", match_quantile=quantile)
    if passes:
        config.check()
    else:
        with pytest.raises(RequestError, match=r"--match_quantile=0.05 without a data set: expected a --dataset"):
            config.check()


@pytest.mark.parametrize(
    ("figure", "pictures"),
    [("row", ()), ("all", ("front", "margins", "trace")), ("trace", ("trace",)), ("row,front", ("front",))],
)
def test_pictures_are_named(figure, pictures):
    assert CollideConfig(figure=figure).pictures() == pictures


def test_an_unknown_picture_is_refused():
    with pytest.raises(RequestError, match="--figure=trace,pie: expected row, all, or some of front, margins, trace"):
        CollideConfig(figure="trace,pie").check()
