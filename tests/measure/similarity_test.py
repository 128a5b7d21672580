import numpy as np
import pytest

from tfcollide.measure.similarity import scales_that_fit, similarity
from tfcollide.shapes import Bounds

BYTES = Bounds(0.0, 255.0)
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
DRAW = np.random.default_rng(0)


def literal(one, other, most):
    """Mean SSIM and mean contrast-structure of gray images `[H, W]`, as Wang et al. write them."""
    place = np.arange(11) - 5
    window = np.exp(-(place[:, None] ** 2 + place[None, :] ** 2) / (2 * 1.5**2))
    window /= window.sum()
    c1, c2 = (0.01 * most) ** 2, (0.03 * most) ** 2
    ssim, structure = [], []
    for i in range(one.shape[0] - 10):
        for j in range(one.shape[1] - 10):
            x, y = (image[i : i + 11, j : j + 11].astype(np.float64) for image in (one, other))
            mx, my = (window * x).sum(), (window * y).sum()
            vx, vy = (window * (x - mx) ** 2).sum(), (window * (y - my) ** 2).sum()
            both = (window * (x - mx) * (y - my)).sum()
            structure.append((2 * both + c2) / (vx + vy + c2))
            ssim.append(structure[-1] * (2 * mx * my + c1) / (mx**2 + my**2 + c1))
    return np.mean(ssim), np.mean(structure)


def halved(image):
    return image.reshape(image.shape[0] // 2, 2, -1, 2).mean(axis=(1, 3))


def photographs(size, count=2):
    """Smooth and rough images, each nearer to the first than noise would be."""
    base = DRAW.uniform(0, 255, [1, size, size, 1])
    return (base + 0.6 * DRAW.uniform(0, 255, [count, size, size, 1])).clip(0, 255).astype(np.float32)


def test_ssim_is_the_literal_one_and_several_scales_are_its_weighted_product():
    image, reference = photographs(44)
    (found,) = similarity(image[None], reference, BYTES)
    one, other = image[..., 0], reference[..., 0]
    terms = []
    for scale in range(3):
        if scale:
            one, other = halved(one), halved(other)
        terms.append(literal(one, other, 255.0))
    exponents = np.array(WEIGHTS[:3]) / sum(WEIGHTS[:3])
    parts = [terms[0][1], terms[1][1], terms[2][0]]
    assert found.ssim == pytest.approx(terms[0][0], abs=1e-4)
    assert found.ms_ssim == pytest.approx(np.prod(np.power(parts, exponents)), abs=1e-4)
    assert (found.scales, found.reason) == (3, None)


def test_an_image_is_like_itself_and_its_negative_is_not():
    reference = photographs(32, 1)[0]
    same, negative = similarity(np.stack([reference, 255 - reference]), reference, BYTES)
    assert (same.ssim, same.ms_ssim) == (pytest.approx(1, abs=1e-5), pytest.approx(1, abs=1e-5))
    assert negative.ssim < -0.3 and negative.ms_ssim == 0.0


def test_the_range_does_not_matter_nor_how_many_are_looked_at_together():
    images = photographs(28, 3)
    moved, bounds = images / 127.5 - 1, Bounds(-1.0, 1.0)
    for a, b in zip(similarity(images, images[0], BYTES), similarity(moved, moved[0], bounds), strict=True):
        assert a.ssim == pytest.approx(b.ssim, abs=1e-4) and a.ms_ssim == pytest.approx(b.ms_ssim, abs=1e-4)
    (alone,) = similarity(images[2:], images[0], BYTES)
    assert alone.ssim == pytest.approx(similarity(images, images[0], BYTES)[2].ssim, abs=1e-6)


@pytest.mark.parametrize(("size", "scales"), [(10, 0), (11, 1), (21, 1), (22, 2), (28, 2), (175, 4), (176, 5), (500, 5)])
def test_scales_are_as_many_as_fit(size, scales):
    assert scales_that_fit((size, size + 3, 1)) == scales


def test_five_scales_of_a_photograph_and_an_odd_size():
    for size, scales in ((224, 5), (33, 2), (45, 3)):
        (found,) = similarity(photographs(size, 1), photographs(size, 1)[0], BYTES)
        assert found.scales == scales and found.reason is None and -1 <= found.ssim <= 1


def test_no_number_says_why():
    small = np.zeros([2, 8, 9, 3], np.float32)
    for found in similarity(small, small[0], BYTES):
        assert (found.ssim, found.ms_ssim, found.scales) == (None, None, 0)
        assert found.reason == "images of 9x8 pixels are smaller than SSIM's window of 11x11"
    broken, whole = similarity(np.stack([photographs(16, 1)[0] * np.nan, photographs(16, 1)[0]]), photographs(16, 1)[0], BYTES)
    assert broken.ssim is None and "not finite" in broken.reason and whole.ssim is not None
