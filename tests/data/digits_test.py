import numpy as np
import pytest
from sklearn import datasets

from tfcollide.data.load_dataset import load_dataset
from tfcollide.errors import RequestError


@pytest.fixture(scope="module")
def bundled():
    return datasets.load_digits()


def test_metadata_hold_for_the_images(digits):
    assert (digits.name, digits.shape, digits.test_size) == ("digits", (28, 28, 1), 360)
    assert digits.class_names == tuple("0123456789")
    for split, size in ((digits.train, 1437), (digits.test, 360)):
        assert split.images.shape == (size, 28, 28, 1) and split.images.dtype == np.uint8
        assert split.labels.shape == (size,) and split.labels.dtype == np.int64
        assert set(split.labels) == set(range(10))


def test_the_splits_are_the_whole_set_in_order(digits, bundled):
    np.testing.assert_array_equal(np.concatenate([digits.train.labels, digits.test.labels]), bundled.target)


@pytest.mark.parametrize(("split", "first"), [("train", 0), ("test", 1437)])
def test_images_are_the_bundled_ones_enlarged(digits, bundled, split, first):
    images = getattr(digits, split).images
    for i in (0, 1, 100, len(images) - 1):
        small = bundled.images[first + i] * 255 / 16
        # the mean over each of the 8 x 8 places, 3.5 pixels wide
        areas = np.repeat(np.repeat(images[i, ..., 0].astype(float), 2, 0), 2, 1).reshape(8, 7, 8, 7).mean(axis=(1, 3))
        assert np.corrcoef(areas.ravel(), small.ravel())[0, 1] > 0.97
        assert areas.mean() == pytest.approx(small.mean(), rel=0.05)


def test_enlarging_keeps_the_mean_brightness(digits, bundled):
    assert digits.train.images.mean() == pytest.approx(bundled.images[:1437].mean() * 255 / 16, rel=0.03)


def test_gray_levels_reach_both_ends(digits):
    assert (digits.test.images.min(), digits.test.images.max()) == (0, 255)


def test_the_name_opens_it_and_reads_no_image(digits):
    data = load_dataset("digits")
    assert (data.name, data.shape) == (digits.name, digits.shape)
    assert not {"train", "test"} & set(vars(data))


def test_a_name_that_is_no_data_set(tmp_path):
    with pytest.raises(RequestError, match=r"--dataset=digit .*expected folder:PATH, or a name such as digits"):
        load_dataset("digit", data_dir=str(tmp_path))
