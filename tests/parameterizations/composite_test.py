import numpy as np
import pytest
import tensorflow as tf

from tfcollide.parameterizations.composite import LIMIT, Composite
from tfcollide.parameterizations.composite.layout import layout_of
from tfcollide.registry import PARAMETERIZATIONS
from tfcollide.shapes import Bounds

LAYOUT = layout_of((8, 8, 3), window=4, stride=2, surround=2, spacing=2)


def patches(seed=0):
    size = LAYOUT.down.size
    return np.random.default_rng(seed).integers(0, 256, [LAYOUT.num_candidates, size, size, 3], dtype=np.uint8)


def test_the_start_is_zero_and_noise_differs_from_corner_to_corner():
    composite = Composite(LAYOUT, Bounds(0, 255))
    assert not composite.init(np.zeros([8, 8, 3]), 2).numpy().any()
    noisy = composite.init(np.zeros([8, 8, 3]), 2, noise=0.05, seed=1).numpy()
    assert noisy.shape == (2, *LAYOUT.control_shape)
    assert noisy[noisy != 0].std() == pytest.approx(0.05 * 2 * LIMIT, rel=0.3)
    assert not np.allclose(noisy[0], noisy[1])
    named = LAYOUT.candidates_at_points()
    for k in range(LAYOUT.num_candidates):
        assert len(np.unique(noisy[0][named == k])) == 1
    assert not noisy[:, named < 0].any()


def test_what_is_compiled_takes_other_patches():
    composite = Composite(LAYOUT, Bounds(0, 255))
    draw = tf.function(composite.to_image)
    controls = composite.init(np.zeros([8, 8, 3]), 1, noise=0.02)
    found = []
    for seed in (0, 1):
        material = composite.arrange(patches(seed))
        found.append(draw(controls, material).numpy())
        np.testing.assert_allclose(found[-1], composite.to_image(controls, material), atol=1e-3)
    assert draw.experimental_get_tracing_count() == 1
    assert np.abs(found[0] - found[1]).max() > 10


def test_a_constant_patch_everywhere_is_that_constant_whatever_the_controls():
    composite = Composite(LAYOUT, Bounds(0, 255))
    material = composite.arrange(np.full_like(patches(), 77))
    wild = composite.project(tf.random.stateless_normal([3, *LAYOUT.control_shape], [1, 2], stddev=30.0))
    assert float(tf.reduce_max(tf.abs(wild))) <= LIMIT
    np.testing.assert_allclose(composite.to_image(wild, material), np.full([3, 8, 8, 3], 77.0), rtol=1e-4)


def test_its_term_is_total_variation():
    composite = Composite(LAYOUT, Bounds(0, 255))
    terms = composite.terms(composite.init(np.zeros([8, 8, 3]), 3, noise=0.1))
    assert set(terms) == set(Composite.term_weights) == {"total_variation"}
    assert terms["total_variation"].shape == (3,)


def test_it_goes_by_its_name():
    assert PARAMETERIZATIONS.load("composite") is Composite
