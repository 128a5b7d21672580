import numpy as np
import pytest
import tensorflow as tf

from tfcollide.parameterizations.pixels import Pixels
from tfcollide.registry import PARAMETERIZATIONS
from tfcollide.shapes import Bounds

BYTES = Bounds(0.0, 255.0)
SOURCE = np.random.default_rng(0).uniform(0, 255, [3, 4, 1]).astype(np.float32)


def test_without_noise_every_corner_starts_at_the_source():
    start = Pixels(BYTES).init(SOURCE, 3)
    assert start.dtype == tf.float32
    np.testing.assert_array_equal(start, np.stack([SOURCE] * 3))


def test_noise_is_a_share_of_the_range_and_another_for_each_corner():
    source = np.full([50, 50, 1], 127.5, np.float32)
    start = Pixels(BYTES).init(source, 2, noise=0.1).numpy()
    assert (start - source).std() == pytest.approx(25.5, rel=0.05)
    assert abs((start - source).mean()) < 1.5
    assert np.abs(start[0] - start[1]).mean() > 20


def test_noise_depends_on_its_seed_and_stays_in_bounds():
    one, same, other = (Pixels(BYTES).init(SOURCE, 2, noise=0.5, seed=seed).numpy() for seed in (0, 0, 1))
    assert one.tobytes() == same.tobytes() != other.tobytes()
    assert (one.min(), one.max()) == (0.0, 255.0)


def test_control_parameters_are_the_image():
    values = tf.constant(SOURCE[None])
    assert Pixels(BYTES).to_image(values) is values


def test_projection_clips_to_the_bounds():
    found = Pixels(Bounds(-1.0, 2.0)).project(tf.constant([-1.5, -1.0, 0.3, 2.0, 9.0]))
    np.testing.assert_array_equal(found, np.float32([-1.0, -1.0, 0.3, 2.0, 2.0]))


def test_it_goes_by_its_name():
    assert PARAMETERIZATIONS.load("pixels") is Pixels
