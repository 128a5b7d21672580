import pytest

from tfcollide.numerals import floored, rounded_down, significant


@pytest.mark.parametrize(
    "value, digits, text",
    [
        (1013.2, 3, "1,010"),
        (999.7, 3, "1,000"),
        (13041.0, 4, "13,040"),
        (7045.2, 4, "7,045"),
        (1045.25, 6, "1045.25"),
        (-36.478, 4, "-36.48"),
        (0.004321, 3, "0.00432"),
        (2.5e7, 3, "2.5e+07"),
        (float("-inf"), 3, "-inf"),
    ],
)
def test_numbers_below_a_million_have_no_exponent(value, digits, text):
    assert significant(value, digits) == text


@pytest.mark.parametrize("value, text", [(987.6, "987"), (1219.9, "1,210"), (0.49771, "0.497"), (-2.501, "-2.51"), (0.0, "0")])
def test_what_is_proven_is_rounded_down(value, text):
    assert rounded_down(value) == text


def test_what_is_floored_has_few_digits_and_is_never_more():
    assert floored(986.4160470948708, 6) == 986.416
    for value in (0.1, 1.0, 999999.5, 3.0e-9, -0.25, 1.0000000001):
        assert value - abs(value) * 1e-5 <= floored(value, 6) <= value
