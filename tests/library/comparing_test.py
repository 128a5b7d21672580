"""Comparing as a verb, on audits made up by hand of networks that see one pixel each: all answers are known."""

import dataclasses
import types

import numpy as np
import pandas
import pytest

import tfcollide as tc
from tests.measure.audits import made_up
from tests.models.pixel_readers import pixel_reader
from tfcollide.library.audit_walk import NamedPair
from tfcollide.library.auditing import Audited, check_same_classes
from tfcollide.library.comparing import Sides, compare_sides
from tfcollide.library.problem import Picture
from tfcollide.measure.kept_audit import KeptHull
from tfcollide.report.side_by_side.compare_words import test_words as sentence

SOURCE, TARGET = np.full([8, 8, 1], 0.2, np.float32), np.full([8, 8, 1], 0.8, np.float32)


def audited(pixel, seed=0):
    """One hull of three corners whose one pixel is bright, beside a record made up."""
    corners = np.full([3, 8, 8, 1], 51, np.uint8)
    corners[:, pixel // 8, pixel % 8] = 230
    corners[1, 7, 7] = corners[2, 6, 6] = 90
    hull = KeptHull("seen", 1, 0.06, corners, np.uint8(51) * np.ones([8, 8, 1], np.uint8), np.full([8, 8, 1], 204, np.uint8))
    record = dataclasses.replace(made_up(taps=("seen",), seed=seed), settings={"samples": 50, "spreads": (0.05, 0.1)})
    return Audited(record, {}, (hull,), pixel_reader(pixel))


@pytest.fixture(scope="module")
def audits():
    return audited(27), audited(30, seed=1)


@pytest.fixture(scope="module")
def pairs():
    return [NamedPair(Picture(SOURCE, "test:0", "dark"), Picture(TARGET, "test:1", "bright"), (0, 1))] * 2


@pytest.fixture(scope="module")
def compared(audits, pairs):
    return compare_sides(Sides(((audits[0],), (audits[1],)), pairs), max_change=None, shared=2)


def test_hulls_hold_where_they_were_found_and_not_in_a_network_that_sees_another_pixel(compared):
    cells = {(one.found_in, one.judged_by): (one.whole, one.as_target, one.as_source) for one in compared.record.transfers}
    assert cells == {("A", "A"): (1, 1.0, 0.0), ("B", "B"): (1, 1.0, 0.0), ("A", "B"): (0, 0.0, 1.0), ("B", "A"): (0, 0.0, 1.0)}


def test_the_nearest_image_that_collides_in_both_changes_both_pixels(compared):
    """Each network asks for one pixel of 0.8 in place of 0.2: in both, sqrt(2) times as far; 62 pixels stay free."""
    assert compared.record.no_shared is None
    for one in compared.record.shared:
        assert one.status == "found" and max(one.residual_a, one.residual_b) <= 1e-9
        assert (one.ratio_a, one.ratio_b) == pytest.approx((2**0.5, 2**0.5))
        assert one.change == pytest.approx(2**0.5 / 8) and one.dimension == 62


def test_a_network_and_its_copy(audits, pairs):
    """All is equal; and where no pixel may change by 0.6, no image collides, which is proven."""
    copy = dataclasses.replace(audits[0], network=pixel_reader(27))
    found = compare_sides(Sides(((audits[0],), (copy,)), pairs), max_change=0.55, shared=1).record
    assert [one.p for one in found.tests] == [1.0, 1.0] and found.easier is None
    assert all(one.held_a == one.held_b and one.front_a == one.front_b for one in found.rows)
    assert [(one.whole, one.as_target) for one in found.transfers] == [(1, 1.0)] * 4
    (one,) = found.shared
    assert one.status == "none" and one.proof_residual < 1e-9 and one.change is None


def test_finished_audits(audits, compared, tmp_path):
    found = tc.compare(*audits)
    assert found.record.transfers == compared.record.transfers and "not at hand" in found.record.no_shared
    assert isinstance(found.to_frame("tests"), pandas.DataFrame) and repr(found).startswith("Compared(A (mlp) and B (mlp)")
    folder = found.save(tmp_path / "compared")
    assert {path.name for path in folder.iterdir()} == {"report.html", "compare.json", "table.md", "pairs.csv"}
    with pytest.raises(tc.RequestError, match="which exists"):
        found.save(folder)
    bare = [dataclasses.replace(one, network=None) for one in audits]
    assert "without their networks" in tc.compare(*bare).record.no_transfers


def test_audits_of_other_pairs_or_budgets(audits):
    record = audits[1].record
    renamed = tuple(dataclasses.replace(one, source="test:99") for one in record.fronts)
    for changes, says in (
        ({"fronts": renamed}, "on other pairs: expected audits of the same pairs"),
        ({"settings": {"samples": 9}}, "with other budgets"),
    ):
        other = dataclasses.replace(audits[1], record=dataclasses.replace(record, **changes))
        with pytest.raises(tc.RequestError, match=says):
            tc.compare(audits[0], other)


def test_networks_that_read_images_of_two_sizes(audits):
    wide = pixel_reader()
    wide.image_shape = (9, 9, 1)
    found = compare_sides(Sides(((audits[0],), (dataclasses.replace(audits[1], network=wide),)), []), max_change=None, shared=1)
    assert found.record.no_transfers == "the networks read images of 2 sizes" and "images of one size" in found.record.no_shared


def test_networks_of_other_classes():
    one, other = (types.SimpleNamespace(name=name, num_classes=n) for name, n in (("digits", 10), ("letters", 26)))
    check_same_classes([one, one])
    with pytest.raises(tc.RequestError, match="digits of 10 classes and letters of 26: expected networks of the same classes"):
        check_same_classes([one, one, other])


def test_no_front_in_either_network_is_no_difference_of_zero(compared):
    test = next(one for one in compared.record.tests if one.what == "front")
    same = dataclasses.replace(test, easier_a=0, easier_b=0, alike=4)
    assert "median difference" not in sentence(compared.record, same)
    assert "differs in none of the 4 pairs, or was found in neither network" in sentence(compared.record, same)


@pytest.mark.parametrize(
    ("arguments", "settings", "says"),
    [
        ((0, 1), {"max_change": 2.0}, "^max_change=2.0: expected a share of the pixel range"),
        ((0, 1), {"shared": -1}, "^shared=-1"),
        ((0, 1), {"budget": "quick"}, "finished audits with images or settings"),
        (("network", "network"), {}, "networks without images and labels"),
        (("network", "network"), {"num_pears": 3}, "Did you mean num_pairs"),
        (([], "network"), {}, "an empty list of networks"),
        (("network", "array"), {}, "expected what wrap returns"),
    ],
)
def test_what_cannot_be_used_is_refused(audits, arguments, settings, says):
    known = {0: audits[0], 1: audits[1], "network": audits[0].network, "array": np.zeros(3)}
    sides = [one if isinstance(one, list) else known[one] for one in arguments]
    with pytest.raises(tc.RequestError, match=says):
        tc.compare(*sides, **settings)
