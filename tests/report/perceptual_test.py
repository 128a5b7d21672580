import numpy as np
import pytest
import tensorflow as tf

from tfcollide.report.perceptual import low_frequency_share, perceptual, total_variation
from tfcollide.shapes import Bounds

BYTES = Bounds(0.0, 255.0)
DRAW = np.random.default_rng(0)


def test_white_noise_has_the_share_of_the_disc():
    shares = [low_frequency_share(DRAW.standard_normal([64, 64, 3])) for _ in range(20)]
    assert np.mean(shares) == pytest.approx(np.pi * 0.25**2 / 4, abs=0.005)


@pytest.mark.parametrize(("cycles", "share"), [(0, 1.0), (7, 1.0), (9, 0.0), (32, 0.0)])
def test_a_wave_is_low_below_a_quarter_of_nyquist(cycles, share):
    wave = np.cos(2 * np.pi * cycles * np.arange(64) / 64)[:, None, None] * np.ones([1, 64, 3])
    assert low_frequency_share(wave) == pytest.approx(share, abs=1e-9)


def test_a_diagonal_wave_counts_by_its_length():
    place = np.add.outer(np.arange(64), np.arange(64))[..., None]
    assert low_frequency_share(np.cos(2 * np.pi * 5 * place / 64)) == pytest.approx(1)
    assert low_frequency_share(np.cos(2 * np.pi * 6 * place / 64)) == pytest.approx(0, abs=1e-9)


def test_total_variation_of_a_ramp_and_of_a_checkerboard():
    ramp = np.arange(4.0)[:, None, None] * np.ones([1, 4, 1])
    assert total_variation(ramp) == pytest.approx(12 / 16)
    board = np.indices([4, 4]).sum(axis=0)[..., None] % 2.0
    assert total_variation(board) == pytest.approx(24 / 16)


def test_it_is_the_mean_over_pairs_and_ssim_is_tensorflows():
    images = DRAW.uniform(0, 255, [3, 64, 64, 3]).astype(np.float32)
    images[1] = 0.7 * images[0] + 0.3 * images[1]
    found = perceptual(images, BYTES)
    pairs = [(0, 1), (0, 2), (1, 2)]
    expected = np.mean([tf.image.ssim(images[a], images[b], 255.0) for a, b in pairs])
    assert found.ssim == pytest.approx(expected, abs=1e-5)
    assert found.low_frequency_share == pytest.approx(np.mean([low_frequency_share(images[a] - images[b]) for a, b in pairs]))
    assert found.ms_ssim is not None and found.ms_ssim > found.ssim


def test_bounds_do_not_matter():
    images = DRAW.uniform(0, 255, [2, 32, 32, 1]).astype(np.float32)
    moved = (images / 255 * 2 - 1).astype(np.float32)
    one, other = perceptual(images, BYTES), perceptual(moved, Bounds(-1.0, 1.0))
    for name in ("ssim", "ms_ssim", "low_frequency_share", "total_variation"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-3)


def test_small_images_have_no_structural_similarity_and_one_image_no_measure():
    found = perceptual(DRAW.uniform(0, 1, [2, 8, 8, 1]).astype(np.float32), Bounds(0.0, 1.0))
    assert (found.ssim, found.ms_ssim) == (None, None)
    assert found.low_frequency_share > 0
    assert perceptual(np.zeros([1, 8, 8, 1], np.float32), Bounds(0.0, 1.0)) is None
