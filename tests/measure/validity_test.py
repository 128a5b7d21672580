import numpy as np
import pytest

from tfcollide.images import from_uint8
from tfcollide.measure.reader import Reader, nearest_neighbors, qualify
from tfcollide.measure.similarity import similarity
from tfcollide.measure.validity import judge_validity, mixture_validity
from tfcollide.polytope.hull.mixing import convex_weights, mix
from tfcollide.shapes import Bounds

UNIT = Bounds(0.0, 1.0)
SHAPE = (2, 2, 1)
SOURCE, TARGET = np.zeros(SHAPE, np.float32), np.zeros(SHAPE, np.float32)
TARGET[0, 0] = 1.0


def at(x, y):
    """An image at these shares of source-to-target, along it and across it."""
    image = SOURCE.copy()
    image[0, 0], image[0, 1] = x, y
    return image


def reads(*indices):
    return Reader("a child", 1.0, ("three", "seven", "shoe"), lambda images: np.array(indices)[: len(images)])


def judge(*corners, reader=None, source_label="three", target_label="seven"):
    return judge_validity(
        np.stack(corners), SOURCE, TARGET, UNIT, reader=reader, source_label=source_label, target_label=target_label
    )


def test_distances_alone():
    still, there, across, beyond = judge(at(0.3, 0.4), at(0.9, 0.0), at(0.25, 1.0), at(1.5, 0.0))
    assert (still.source_share, still.target_share) == (pytest.approx(0.5), pytest.approx(0.65**0.5))
    assert not (still.trivial or still.lost) and still.trivial_because is still.lost_because is still.reader is None
    assert (
        there.trivial and there.trivial_because == "nearer to the target (0.10 of source-to-target) than to the source (0.90)"
    )
    assert across.lost and not across.trivial
    assert across.lost_because == "farther from the source (1.03 of source-to-target) than the target is"
    assert beyond.trivial and not beyond.lost  # it is one of both, and this comes first
    assert still.ssim_source is None and still.ssim_reason == "images of 2x2 pixels are smaller than SSIM's window of 11x11"


def test_source_target_and_the_middle():
    source, target, middle = judge(SOURCE, TARGET, at(0.5, 0.0))
    assert (source.source_share, source.target_share, source.trivial, source.lost) == (0.0, 1.0, False, False)
    assert (target.source_share, target.target_share, target.trivial, target.lost) == (1.0, 0.0, True, False)
    assert not middle.trivial and not middle.lost


def test_numbers_that_nearly_agree_are_told_apart():
    (found,) = judge(at(0.5004, 0.0))
    assert found.trivial_because == "nearer to the target (0.4996 of source-to-target) than to the source (0.5004)"
    (found,) = judge(at(0.4, (1.002**2 - 0.4**2) ** 0.5))
    assert found.lost_because == "farther from the source (1.002 of source-to-target) than the target is"


def test_the_reader_has_a_say():
    three, seven, shoe, both = judge(at(0.1, 0), at(0.1, 0), at(0.1, 0), at(0.9, 0), reader=reads(0, 1, 2, 1))
    assert (three.reader, three.trivial, three.lost) == ("three", False, False)
    assert (seven.reader, seven.trivial, seven.lost) == ("seven", True, False)
    assert seven.trivial_because == "read as seven, the target's class, by a child"
    assert (shoe.reader, shoe.trivial, shoe.lost) == ("shoe", False, True)
    assert shoe.lost_because == "read as shoe, the class of neither source nor target, by a child"
    assert both.trivial_because == (
        "nearer to the target (0.10 of source-to-target) than to the source (0.90)"
        " and read as seven, the target's class, by a child"
    )


def test_a_corner_that_is_not_finite_is_lost_and_is_not_read():
    broken, whole = judge(at(np.nan, 0), at(0.1, 0), reader=reads(0))
    assert broken.lost and not broken.trivial and broken.lost_because == "some of its values are not finite"
    assert broken.source_share == broken.target_share == np.inf and broken.reader is None
    assert whole.reader == "three" and not whole.lost


def test_equal_images_are_refused():
    with pytest.raises(ValueError, match="two different images"):
        judge_validity(SOURCE[None], SOURCE, SOURCE, UNIT, reader=None, source_label=None, target_label=None)


@pytest.fixture(scope="module")
def neighbors(digits):
    return nearest_neighbors(digits, UNIT)


def test_noise_an_inverted_source_and_the_target_are_no_collision(digits, neighbors):
    rng = np.random.default_rng(0)
    images, names = from_uint8(digits.test.images[:40], UNIT), [digits.class_names[i] for i in digits.test.labels[:40]]
    voted = 0
    for k in range(0, 40, 5):
        (source, target), labels = images[k : k + 2], names[k : k + 2]
        named = dict(zip(("source_label", "target_label"), labels, strict=True))
        corners = np.stack([rng.uniform(0, 1, source.shape).astype(np.float32), 1 - source, target, source])
        votes = qualify(neighbors, source=source, target=target, **named).reader
        voted += votes is not None
        for reader in (None, votes):
            *none, itself = judge_validity(corners, source, target, UNIT, reader=reader, **named)
            assert all(found.trivial != found.lost for found in none)
            assert not itself.trivial and not itself.lost
    assert voted > 4


def test_mixtures_are_judged_as_if_each_was_made(digits, neighbors):
    images = from_uint8(digits.test.images[:5], UNIT)
    source, target = images[0], images[1]
    corners = np.stack([0.9 * source + 0.1 * images[2], 0.5 * source + 0.5 * images[3], 0.3 * source + 0.7 * target])
    weights = convex_weights(700, 3)
    found = mixture_validity(weights, corners, source, target, UNIT, reader=neighbors, target_label="3", batch=60)
    mixtures = mix(weights, corners).astype(np.float64)
    apart = np.linalg.norm(source.astype(np.float64) - target)
    assert found.largest_source_share == pytest.approx(
        np.linalg.norm((mixtures - source).reshape(700, -1), axis=1).max() / apart, rel=1e-5
    )
    assert found.least_target_share == pytest.approx(
        np.linalg.norm((mixtures - target).reshape(700, -1), axis=1).min() / apart, rel=1e-5
    )
    sample = mix(weights[np.arange(200) * 700 // 200], corners)
    assert found.mean_ssim_source == pytest.approx(np.mean([one.ssim for one in similarity(sample, source, UNIT)]), abs=1e-5)
    assert found.mean_ssim_target == pytest.approx(np.mean([one.ssim for one in similarity(sample, target, UNIT)]), abs=1e-5)
    read = neighbors.read(sample)
    assert digits.test.labels[:2].tolist() == [2, 3]
    assert (found.read_as_source, found.read_as_target) == ((read == 2).mean(), (read == 3).mean())
    assert 0 < found.read_as_target < 1


def test_mixtures_without_reader_of_small_images():
    corners = np.stack([at(0.2, 0), at(0.6, 0)])
    found = mixture_validity(convex_weights(10, 2), corners, SOURCE, TARGET, UNIT, reader=None, target_label="seven")
    assert found.mean_ssim_source is found.mean_ssim_target is found.read_as_source is found.read_as_target is None
    assert 0.2 <= found.largest_source_share <= 0.6 and 0.4 <= found.least_target_share <= 0.8
