import itertools

import numpy as np
import pytest
import tensorflow as tf

from tfcollide.parameterizations.composite.blend_weights import blend_weights, candidates_at_pixels, dominant
from tfcollide.parameterizations.composite.blending import arrange, blend, total_variation
from tfcollide.parameterizations.composite.layout import layout_of

from . import slow

# height, width, window, stride, surround, spacing: aligned, ragged, one pixel a parameter, several a stride
CASES = [
    (16, 12, 4, 2, 2, 1),
    (16, 12, 4, 2, 2, 2),
    (17, 13, 4, 2, 3, 2),
    (16, 16, 8, 4, 4, 2),
    (16, 16, 8, 4, 4, 4),
    (15, 15, 5, 3, 3, 1),
]
DRAW = np.random.default_rng(0)


def made(case):
    height, width, window, stride, surround, spacing = case
    layout = layout_of((height, width, 3), window=window, stride=stride, surround=surround, spacing=spacing)
    size = window + 2 * surround
    patches = DRAW.uniform(0, 255, [layout.num_candidates, size, size, 3]).astype(np.float32)
    return layout, patches, tf.constant(arrange(layout, patches))


def drawn(layout, corners=1, scale=1.0):
    return tf.constant(DRAW.normal(0, scale, [corners, *layout.control_shape]), tf.float32)


@pytest.mark.parametrize("case", CASES)
def test_at_zero_it_is_eq5(case):
    layout, patches, arranged = made(case)
    found = blend(layout, arranged, tf.zeros([2, *layout.control_shape]))
    np.testing.assert_allclose(found, np.stack([slow.eq5(patches, *case[:5])] * 2), atol=2e-4)


@pytest.mark.parametrize("case", [case for case in CASES if case[5] == 1])
def test_with_a_parameter_a_pixel_it_is_the_softmax_over_covering_candidates(case):
    layout, patches, arranged = made(case)
    controls = drawn(layout)
    d = slow.covering_factor(*case[:5])
    weights = slow.softmax_over_covering(np.log(np.maximum(d, 1e-300)) + slow.by_candidate(layout, controls[0].numpy()), d > 0)
    expected = (weights[..., None] * slow.candidates(patches, *case[:5])).sum(axis=0)
    np.testing.assert_allclose(blend(layout, arranged, controls)[0], expected, atol=2e-4)
    np.testing.assert_allclose(slow.by_candidate(layout, blend_weights(layout, controls[0])), weights, atol=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_the_composite_is_the_sum_of_its_weights_times_its_candidates(case):
    layout, patches, arranged = made(case)
    controls = drawn(layout, scale=2.0)
    weights = slow.by_candidate(layout, blend_weights(layout, controls[0]))
    expected = (weights[..., None] * slow.candidates(patches, *case[:5])).sum(axis=0)
    np.testing.assert_allclose(blend(layout, arranged, controls)[0], expected, atol=3e-4)


@pytest.mark.parametrize("case", CASES)
def test_weights_are_positive_where_a_candidate_covers_and_sum_to_one(case):
    layout, _, _ = made(case)
    weights = slow.by_candidate(layout, blend_weights(layout, drawn(layout, scale=5.0)[0]))
    np.testing.assert_allclose(weights.sum(axis=0), 1, atol=1e-12)
    np.testing.assert_array_equal(weights > 0, slow.covering_factor(*case[:5]) > 0)


@pytest.mark.parametrize("case", CASES)
def test_it_lies_between_its_covering_candidates(case):
    layout, patches, arranged = made(case)
    image = blend(layout, arranged, drawn(layout, scale=4.0))[0].numpy()
    covers = (slow.covering_factor(*case[:5]) > 0)[..., None]
    pasted = slow.candidates(patches, *case[:5])
    assert (image >= np.where(covers, pasted, np.inf).min(axis=0) - 1e-3).all()
    assert (image <= np.where(covers, pasted, -np.inf).max(axis=0) + 1e-3).all()


@pytest.mark.parametrize("case", CASES[:3])
def test_mixing_composites_is_mixing_weights_but_not_controls(case):
    layout, patches, arranged = made(case)
    controls = drawn(layout, corners=3, scale=2.0)
    share = np.array([0.2, 0.5, 0.3])
    weights = sum(s * slow.by_candidate(layout, blend_weights(layout, one)) for s, one in zip(share, controls, strict=True))
    expected = (weights[..., None] * slow.candidates(patches, *case[:5])).sum(axis=0)
    mixed = np.tensordot(share, blend(layout, arranged, controls).numpy(), 1)
    np.testing.assert_allclose(mixed, expected, atol=5e-4)
    of_controls = blend(layout, arranged, tf.tensordot(tf.constant(share, tf.float32), controls, 1)[None])[0]
    assert np.abs(of_controls - mixed).max() > 1


@pytest.mark.parametrize(
    ("case", "what"),
    [(CASES[0], "blend"), *itertools.product([CASES[1], CASES[2], CASES[4]], ["blend", "total_variation"])],
)
def test_gradients_are_those_of_finite_differences(case, what):
    layout, _, arranged = made(case)
    controls, arranged = tf.cast(drawn(layout), tf.float64), tf.cast(arranged, tf.float64)
    weights = DRAW.normal(0, 0.01, [case[0], case[1], 3])

    def value(theta):
        if what == "total_variation":
            return total_variation(layout, theta)[0]
        return tf.reduce_sum(weights * blend(layout, arranged, theta)[0])

    with tf.GradientTape() as tape:
        tape.watch(controls)
        found = value(controls)
    gradient = tape.gradient(found, controls).numpy()
    for _ in range(4):
        way = DRAW.standard_normal(controls.shape)
        step = 1e-6
        difference = (float(value(controls + step * way)) - float(value(controls - step * way))) / (2 * step)
        assert float((gradient * way).sum()) == pytest.approx(difference, rel=1e-5, abs=1e-6)


def test_a_coarse_grid_measures_nearly_the_variation_of_its_pixels():
    layout, _, _ = made((64, 64, 16, 4, 8, 4))
    controls = drawn(layout, scale=0.3)
    pixels = slow_but_vectorized(slow.by_candidate(layout, blend_weights(layout, controls[0])))
    assert float(total_variation(layout, controls)[0]) == pytest.approx(pixels, rel=0.2)


def slow_but_vectorized(weights):
    return sum(np.abs(np.diff(weights, axis=axis)).sum() for axis in (1, 2))


def test_a_candidate_that_is_favored_dominates():
    layout, _, _ = made(CASES[4])
    controls = np.zeros(layout.control_shape, np.float32)
    controls[:, :, 0, 0] = 15.0  # the last window that touches each point
    found = dominant(layout, controls)
    last = candidates_at_pixels(layout)[:, :, 0, 0]
    inside = last >= 0
    assert (found == last)[inside].mean() > 0.6
    assert (found >= 0).all()


@pytest.mark.parametrize("case", [CASES[1], CASES[4]])
def test_three_patches_per_window_with_equal_controls_are_their_mean(case):
    layout, patches, _ = made(case)
    three = layout._replace(per_window=3)
    many = np.concatenate([patches, patches[::-1], 255 - patches])
    theta = drawn(layout, corners=2)
    blended = blend(three, arrange(three, many), tf.stack([theta] * 3, axis=1))
    each = [blend(layout, arrange(layout, part), theta) for part in np.split(many, 3)]
    np.testing.assert_allclose(blended, np.mean(each, axis=0), atol=5e-4)
    variation = total_variation(three, tf.stack([theta] * 3, axis=1))
    np.testing.assert_allclose(variation, total_variation(layout, theta), rtol=1e-5)
    favored = tf.stack([theta, theta - 40, theta - 40], axis=1)
    np.testing.assert_allclose(blend(three, arrange(three, many), favored), each[0], atol=5e-4)
