"""What is done to images: each treatment on images of which the answer is known."""

import numpy as np
import pytest

from tfcollide.measure.survival import TREATMENTS, jpeg

IMAGES = np.random.default_rng(0).random([3, 16, 16, 3], np.float32)


@pytest.mark.parametrize("name", TREATMENTS)
@pytest.mark.parametrize("channels", [1, 3])
def test_shapes_and_bounds_stay_and_a_flat_image_is_hardly_changed(name, channels):
    flat = np.full([2, 16, 16, channels], 0.4, np.float32)
    found = TREATMENTS[name](flat)
    assert found.shape == flat.shape and found.dtype == np.float32 and found.min() >= 0 and found.max() <= 1
    assert np.abs(found.mean() - 0.4) < 0.01
    assert np.array_equal(TREATMENTS[name](flat), found)  # the same at every call


def test_each_does_what_it_says():
    assert TREATMENTS["none"](IMAGES) is IMAGES
    assert np.abs(TREATMENTS["PNG"](IMAGES) - IMAGES).max() <= 0.5 / 255 + 1e-6
    assert np.array_equal(TREATMENTS["shift by one pixel"](IMAGES)[:, :, 1:], IMAGES[:, :, :-1])
    for share in (0.01, 0.03, 0.1):
        inner = np.full([4, 32, 32, 1], 0.5, np.float32)
        assert np.std(TREATMENTS[f"noise of {share:g} of the range"](inner)) == pytest.approx(share, rel=0.05)
    errors = [np.square(jpeg(IMAGES, quality) - IMAGES).mean() for quality in (95, 75, 50)]
    assert errors[0] < errors[1] < errors[2]


def test_fine_patterns_do_not_survive_half_the_size():
    stripes = np.zeros([1, 16, 16, 1], np.float32)
    stripes[:, :, ::2] = 1.0
    assert np.std(TREATMENTS["half the size and back"](stripes)) < 0.25 * np.std(stripes)
