import numpy as np
import pytest

from tfcollide.errors import RequestError
from tfcollide.objectives.units import choose_units, parse_units

ACTIVE = np.array([True, False, True, False, False, True])


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("3", ((3,),)),
        ("3,9,12", ((3,), (9,), (12,))),
        ("3+9,12+40", ((3, 9), (12, 40))),
        (" 3 , 9 + 12", ((3,), (9, 12))),
        ("9,3+9", ((9,), (3, 9))),  # once in a group, not once in all
    ],
)
def test_parse(text, groups):
    assert parse_units(text) == groups


@pytest.mark.parametrize("text", ["", ",", "3,", "a", "-1", "3.5", "3++9", "+3", "3;9", "3 9", "1e2", "²"])
def test_parse_refuses_other_forms(text):
    with pytest.raises(RequestError, match=r"--units=.*expected unit numbers such as 3,9,12"):
        parse_units(text)


def test_parse_refuses_a_unit_twice_in_a_group():
    with pytest.raises(RequestError, match=r"--units=1,3\+9\+3: expected each unit once in a group"):
        parse_units("1,3+9+3")


def test_the_first_inactive_units_are_the_default():
    assert choose_units(ACTIVE, 2) == ((1,), (3,))
    assert choose_units(ACTIVE, 3) == ((1,), (3,), (4,))


def test_units_asked_for_are_taken():
    assert choose_units(ACTIVE, 2, ((4,), (1, 3))) == ((4,), (1, 3))


def test_more_corners_than_inactive_units():
    with pytest.raises(RequestError, match=r"--corners=4: expected at most 3.*number of inactive units"):
        choose_units(ACTIVE, 4)


def test_an_active_unit_cannot_be_pushed():
    with pytest.raises(RequestError, match=r"unit 2, which is active.*such as 1, 3, 4"):
        choose_units(ACTIVE, 2, ((1,), (3, 2)))


def test_a_unit_that_does_not_exist():
    assert choose_units(ACTIVE[:5], 1, ((4,),)) == ((4,),)
    with pytest.raises(RequestError, match="unit 5: expected a unit from 0 to 4"):
        choose_units(ACTIVE[:5], 1, ((5,),))
