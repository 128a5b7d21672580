import numpy as np
import pytest

from tfcollide.errors import RequestError
from tfcollide.parameterizations.composite.found_patches import window_layout
from tfcollide.parameterizations.composite.layout import layout_of
from tfcollide.patches.grid import Grid

from . import slow

PAPER = {"window": 56, "stride": 7, "surround": 28}
GEOMETRIES = [(16, 12, 4, 2, 2), (17, 13, 4, 2, 3), (16, 16, 8, 4, 4), (15, 15, 5, 3, 3)]


def test_the_papers_geometry():
    layout = layout_of((224, 224, 3), **PAPER, spacing=7)
    assert layout.num_candidates == 625
    least, mean, most = layout.coverage
    assert (least, most) == (25, 256)
    assert mean == pytest.approx(141, abs=1)


def test_a_parameter_a_pixel_needs_less_than_half_of_one_a_candidate_and_pixel():
    layout = layout_of((224, 224, 3), **PAPER, spacing=1)
    assert layout.control_shape == (224, 224, 16, 16)
    assert layout.control_bytes(5) == 5 * 4 * 224 * 224 * 256
    assert layout.control_bytes(5) <= 0.45 * layout.dense_bytes(5)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_slots_name_each_covering_candidate_once(geometry):
    height, width, window, stride, surround = geometry
    layout = layout_of((height, width, 3), window=window, stride=stride, surround=surround, spacing=1)
    covers = slow.covering_factor(*geometry) > 0
    (named,) = layout.candidates_at_cells()
    for i, j in np.ndindex(height, width):
        found = named[i, j][named[i, j] >= 0]
        assert len(set(found)) == len(found)
        assert set(np.flatnonzero(covers[:, i, j])) == set(found)
    counts = covers.sum(axis=0)
    assert layout.coverage == (counts.min(), pytest.approx(counts.mean()), counts.max())


def test_uncovered_pixels_are_refused_with_a_surround_that_would_do():
    with pytest.raises(RequestError, match=r"leave \d+ of 16 rows or columns uncovered.*Say --surround=2"):
        layout_of((16, 16, 3), window=2, stride=4, surround=0, spacing=1)


def test_the_surround_that_is_offered_does():
    try:
        layout_of((23, 23, 3), window=4, stride=5, surround=0, spacing=1)
    except RequestError as error:
        offered = int(str(error).split("--surround=")[-1].split(",")[0])
    assert layout_of((23, 23, 3), window=4, stride=5, surround=offered, spacing=1).coverage[0] > 0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"window": 17, "stride": 4, "surround": 0, "spacing": 1}, "windows that fit"),
        ({"window": 8, "stride": 4, "surround": 4, "spacing": 3}, "--control_spacing=3"),
    ],
)
def test_impossible_layouts_are_refused(given, said):
    with pytest.raises(RequestError, match=said):
        layout_of((16, 16, 3), **given)


def test_the_seed_is_searched_and_pasted_at_the_papers_sizes():
    layout, grid = window_layout(Grid(224, 128, 32, 6), (224, 224, 3), stride=4)
    assert grid.side == 25
    assert (layout.down.window, layout.down.stride, layout.down.surround, layout.down.spacing) == (56, 7, 28, 7)


@pytest.mark.parametrize(("stride", "spacing"), [(4, 2), (5, 5), (1, 1)])
def test_control_parameters_are_half_a_stride_apart(stride, spacing):
    layout, _ = window_layout(Grid(40, 40, 10, 1), (40, 40, 3), stride=stride, surround=5)
    assert layout.down.spacing == spacing


@pytest.mark.parametrize(("patch", "surround", "spacing"), [(28, 4, 4), (28, 3, 2), (27, 4, 1), (26, 2, 2)])
def test_where_half_a_stride_does_not_divide_pasted_squares_less_does(patch, surround, spacing):
    layout, _ = window_layout(Grid(60, 60, patch, 8), (60, 60, 3), stride=8, surround=surround)
    assert layout.down.spacing == spacing


def test_an_index_of_another_size_is_refused():
    with pytest.raises(RequestError, match="--image_size=227"):
        window_layout(Grid(224, 224, 56, 7), (227, 227, 3))


def test_windows_between_pixels_are_refused():
    with pytest.raises(RequestError, match="whole numbers of pixels"):
        window_layout(Grid(224, 128, 32, 6), (224, 224, 3), stride=3)
