import numpy as np
import pytest
import tensorflow as tf

from tfcollide.parameterizations.composite import Composite
from tfcollide.parameterizations.composite.blend_weights import blend_weights
from tfcollide.parameterizations.composite.blending import arrange, blend
from tfcollide.parameterizations.composite.layout import layout_of
from tfcollide.parameterizations.composite.pixelwise import blend_evenly, in_pixels, total_variation
from tfcollide.shapes import Bounds

from . import slow

# height, width, window, stride, surround, patches per window: aligned; a slot that is empty at times; windows side by side
CASES = [(16, 12, 4, 2, 2, 1), (15, 15, 5, 3, 3, 1), (14, 13, 4, 3, 1, 2), (8, 8, 4, 4, 0, 3)]
DRAW = np.random.default_rng(0)


def made(case, corners=2, scale=1.0):
    *shape, window, stride, surround, per_window = case
    layout = layout_of((*shape, 3), window=window, stride=stride, surround=surround, spacing=1, per_window=per_window)
    size = window + 2 * surround
    patches = DRAW.integers(0, 256, [layout.num_candidates, size, size, 3], dtype=np.uint8)
    return layout, patches, tf.constant(DRAW.normal(0, scale, [corners, *layout.control_shape]))


def pasted(patches, case):
    """`[K, H, W, C]`, of every rank."""
    windows = len(slow.windows(*case[:4]))
    return np.concatenate([slow.candidates(patches[k : k + windows], *case[:5]) for k in range(0, len(patches), windows)])


@pytest.mark.parametrize("case", CASES)
def test_images_and_variation_are_those_of_the_formula(case):
    layout, patches, controls = made(case, scale=2.0)
    images, variation = blend_evenly(layout, in_pixels(layout, patches), controls)
    for n, theta in enumerate(controls.numpy()):
        d = np.tile(slow.covering_factor(*case[:5]), (case[5], 1, 1))
        theta = theta.reshape(case[5], *layout.control_shape[-4:])
        by_slot = slow.by_candidate(layout, np.concatenate(list(theta), axis=2))
        weights = slow.softmax_over_covering(np.log(np.maximum(d, 1e-300)) + by_slot, d > 0)
        expected = (weights[..., None] * pasted(patches, case)).sum(axis=0)
        np.testing.assert_allclose(images[n], expected, rtol=1e-9)
        assert float(variation[n]) == pytest.approx(slow.total_variation(weights), rel=1e-9)
        np.testing.assert_allclose(slow.by_candidate(layout, blend_weights(layout, controls[n].numpy())), weights, atol=1e-12)
    np.testing.assert_allclose(total_variation(layout, controls), variation)


@pytest.mark.parametrize("case", CASES)
def test_it_is_the_blend_that_is_exported(case):
    layout, patches, controls = made(case)
    controls = tf.cast(controls, tf.float32)
    images, _ = blend_evenly(layout, in_pixels(layout, patches), controls)
    np.testing.assert_allclose(images, blend(layout, arrange(layout, patches.astype(np.float32)), controls), atol=2e-4)


@pytest.mark.parametrize("case", CASES)
def test_its_gradient_is_that_of_finite_differences(case):
    layout, patches, controls = made(case)
    pixels = in_pixels(layout, patches)
    at_images, at_variation = DRAW.normal(0, 0.01, [2, *case[:2], 3]), np.array([0.7, 2.0])

    def value(theta):
        images, variation = blend_evenly(layout, pixels, theta)
        return tf.reduce_sum(at_images * images) + tf.reduce_sum(at_variation * variation)

    with tf.GradientTape() as tape:
        tape.watch(controls)
        found = value(controls)
    gradient = tape.gradient(found, controls).numpy()
    for _ in range(4):
        way, step = DRAW.standard_normal(controls.shape), 1e-6
        difference = (float(value(controls + step * way)) - float(value(controls - step * way))) / (2 * step)
        assert float((gradient * way).sum()) == pytest.approx(difference, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_a_window_has_one_slot_at_all_of_its_pixels(case):
    layout, _, _ = made(case)
    for axis in (layout.down, layout.across):
        windows = axis.windows_at_points()
        assert all(len(np.unique(np.nonzero(windows == window)[1])) == 1 for window in range(axis.num_windows))


def test_patches_stay_8_bit_and_images_are_in_bounds():
    layout, patches, controls = made(CASES[0])
    composite = Composite(layout, Bounds(-1.0, 1.0))
    material = composite.arrange(patches)
    assert material.dtype == tf.uint8
    assert composite.fused
    images, terms = composite.images_and_terms(tf.cast(controls, tf.float32), material)
    in_255, variation = blend_evenly(layout, material, tf.cast(controls, tf.float32))
    np.testing.assert_allclose(images, in_255 / 127.5 - 1, atol=1e-5)
    np.testing.assert_allclose(terms["total_variation"], variation)
