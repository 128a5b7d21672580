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
    """The number may be the default, so no flag is blamed that nobody gave."""
    with pytest.raises(
        RequestError, match=r"^4 corners, .*: expected at most 3, the number of inactive .* --corners=3 or less"
    ):
        choose_units(ACTIVE, 4)
    with pytest.raises(RequestError, match=r"at most 0, .*\. Choose another --tap or --target"):
        choose_units(ACTIVE | True, 4)


def test_an_active_unit_cannot_be_pushed():
    with pytest.raises(RequestError, match=r"unit 2, which is active.*such as 1, 3, 4"):
        choose_units(ACTIVE, 2, ((1,), (3, 2)))


def test_a_unit_that_does_not_exist():
    assert choose_units(ACTIVE[:5], 1, ((4,),)) == ((4,),)
    with pytest.raises(RequestError, match="unit 5: expected a unit from 0 to 4"):
        choose_units(ACTIVE[:5], 1, ((5,),))


def test_units_of_a_convolutional_tap_are_spread_out():
    shape, active = (8, 8, 16), np.random.default_rng(0).uniform(size=1024) < 0.5
    chosen = [group[0] for group in choose_units(active, 6, unit_shape=shape)]
    assert len(set(chosen)) == 6 and not active[chosen].any()
    assert choose_units(active, 6, unit_shape=shape) == choose_units(active, 6, unit_shape=shape)
    assert choose_units(active, 3, unit_shape=shape) == choose_units(active, 6, unit_shape=shape)[:3]
    rows, columns, channels = np.unravel_index(chosen, shape)
    for axis, size in ((rows, 8), (columns, 8), (channels, 16)):
        assert len(set(axis)) >= 3 and np.ptp(axis) >= size / 2
    assert [group[0] for group in choose_units(active, 6, unit_shape=(1024,))] == np.flatnonzero(~active)[:6].tolist()


def test_a_target_without_inactive_units_is_said_to_have_none():
    with pytest.raises(
        RequestError, match=r"unit 1, which is active .*: expected an inactive unit, of which the target has none"
    ):
        choose_units(np.ones(3, bool), 1, ((1,),))


def test_few_inactive_units_are_all_found():
    active = np.ones(60, bool)
    active[[3, 40, 59]] = False
    assert sorted(group[0] for group in choose_units(active, 3, unit_shape=(3, 4, 5))) == [3, 40, 59]
