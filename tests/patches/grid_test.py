"""Windows and their numbers."""

import numpy as np
import pytest

from tfcollide.errors import RequestError
from tfcollide.patches.grid import Grid, windows_of

PAPER = Grid(image_size=224, search_size=128, patch_size=32, stride=6)


def test_the_paper_s_index_has_17_by_17_windows_an_image():
    assert (PAPER.side, PAPER.per_image, PAPER.cut_size) == (17, 289, 56)
    assert 128_066 * PAPER.per_image >= 37_011_074


def test_the_paper_s_seed_has_25_by_25_windows_7_pixels_apart():
    seed = PAPER._replace(stride=4)
    assert seed.per_image == 625
    np.testing.assert_array_equal(np.diff(seed.corner(np.arange(seed.side))), 7)


def test_ids_are_dense_and_count_columns_first():
    images, rows, columns = PAPER.locate(np.arange(2 * 289))
    np.testing.assert_array_equal((images * 17 + rows) * 17 + columns, np.arange(2 * 289))
    assert (images[289], rows[16], columns[16], rows[17], columns[17]) == (1, 0, 16, 1, 0)


def test_no_patch_is_cut_beyond_its_image():
    corners = PAPER.corner(np.arange(PAPER.side))
    assert corners.min() == 0 and corners.max() + PAPER.cut_size <= 224
    assert np.abs(corners - np.arange(17) * 10.5).max() <= 0.5


def test_windows_are_the_slices():
    images = np.random.default_rng(0).integers(0, 256, (2, 20, 20, 3), np.uint8)
    grid = Grid(20, 20, 5, 3)
    windows = windows_of(images, grid)
    assert windows.shape == (2, 6, 6, 5, 15)
    np.testing.assert_array_equal(windows[1, 2, 5].reshape(5, 5, 3), images[1, 6:11, 15:20])


@pytest.mark.parametrize("bad", [{"patch_size": 129}, {"stride": 0}, {"search_size": 225}, {"image_size": -1}])
def test_refuses_windows_that_do_not_fit(bad):
    with pytest.raises(RequestError, match=next(iter(bad))):
        PAPER._replace(**bad).check()
