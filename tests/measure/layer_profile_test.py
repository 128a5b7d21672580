"""The layer profile: against dense SVDs, polytopes and hand-solved networks."""

import keras
import numpy as np
import pytest
import scipy.linalg
import tensorflow as tf

from tests.models import nets
from tfcollide.measure.jacobian import ImageJacobian
from tfcollide.measure.layer_look import THRESHOLDS
from tfcollide.measure.layer_profile import LayerProfiler
from tfcollide.measure.spectrum import count_below, quadratures
from tfcollide.models.affine import affine_map
from tfcollide.models.classifier import Classifier
from tfcollide.polytope.exact.geometry import affine_dimension
from tfcollide.polytope.exact.halfspaces import collision_polytope
from tfcollide.shapes import Bounds

FREE = Bounds(-np.inf, np.inf)


@pytest.fixture(autouse=True)
def seeded():
    """Layers draw the seeds of their weights as they are made, before a network is."""
    keras.utils.set_random_seed(0)


def network(*layers, shape=(6, 6, 1), seed=0):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input(shape), *layers, keras.layers.Flatten(), keras.layers.Dense(3, name="logits")])
    return Classifier(model, name="net", bounds=Bounds(0.0, 1.0))


def image_of(shape, seed=0):
    return np.random.default_rng(seed).random(shape).astype(np.float32)


def true_jacobian(net, tap, image):
    """Of all units, by TensorFlow's own loop over rows."""
    x = tf.constant(image[None])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = net.tap(tap).pre_activation(x)
    return tape.jacobian(y, x).numpy().reshape(y.shape[1], image.size), y.numpy()[0] >= 0


def rank(values, threshold):
    return int((values > threshold * values.max()).sum())


def deep():
    return [
        keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="wide"),
        keras.layers.MaxPooling2D(),
        keras.layers.Conv2D(5, 2, activation="relu", name="pooled"),
        keras.layers.Flatten(),
        keras.layers.Dense(7, activation="relu", name="narrow"),
    ]


@pytest.mark.parametrize("tap", ["wide", "pooled", "narrow"])
def test_the_spectrum_is_that_of_a_dense_svd(tap):
    """`wide` has more active units than pixels, so its columns are computed; the others by rows."""
    net, image = network(*deep()), image_of((6, 6, 1))
    whole, active = true_jacobian(net, tap, image)
    dense = ImageJacobian(net.tap(tap), (6, 6, 1), batch=5).dense(image, active)
    np.testing.assert_allclose(dense, whole[active], rtol=1e-5, atol=1e-6)
    values = np.zeros(36)
    known = scipy.linalg.svdvals(whole[active].astype(np.float64))
    values[: len(known)] = known
    look = LayerProfiler(net)(tap, image, 4)
    assert (look.tap, look.image, look.units, look.active) == (tap, 4, len(active), active.sum())
    assert look.exact and look.largest == pytest.approx(values[0], rel=1e-5)
    places = np.linspace(0, 35, 101).round().astype(int)
    np.testing.assert_allclose(look.spectrum, values[places] / values[0], atol=1e-6)
    assert look.invisible == look.low == look.high == tuple(36 - rank(values, one) for one in THRESHOLDS)


def test_more_active_units_than_pixels_may_still_see_everything():
    look = LayerProfiler(network(keras.layers.Conv2D(9, 3, padding="same", activation="relu", name="conv")))(
        "conv", image_of((6, 6, 1))
    )
    assert look.active > look.dimension == 36
    assert look.invisible[0] < 36 - 30  # D less the number of active units would be below zero


def test_rows_that_repeat_see_once():
    """Each unit of a first layer twice: D less the number of active units counts them twice."""
    layer = keras.layers.Dense(16, activation="relu", name="twice")
    net = network(keras.layers.Flatten(), layer)
    kernel, _ = layer.get_weights()
    half = np.random.default_rng(0).normal(size=kernel[:, :8].shape)
    layer.set_weights([np.concatenate([half, half], axis=1), np.zeros(16)])
    look = LayerProfiler(net)("twice", image_of((6, 6, 1)))
    assert look.active > 2 and look.invisible == (36 - look.active / 2,) * 3


def test_what_float32_leaves_of_a_bottleneck_is_below_the_least_threshold():
    """Five numbers between two wide layers: rank five, however the rest is rounded."""
    net = network(
        keras.layers.Flatten(),
        keras.layers.Dense(5, name="neck"),
        keras.layers.Dense(40, name="up"),
        keras.layers.Dense(60, activation="relu", name="tap"),
        shape=(8, 8, 1),
    )
    look = LayerProfiler(net)("tap", image_of((8, 8, 1)))
    assert look.active > 5 and look.invisible[0] == 64 - 5


def test_a_layer_without_an_active_unit_sees_nothing():
    layer = keras.layers.Dense(4, activation="relu", name="dead", bias_initializer=keras.initializers.Constant(-100.0))
    look = LayerProfiler(network(keras.layers.Flatten(), layer))("dead", image_of((6, 6, 1)))
    assert look.active == 0 and look.invisible == (36.0, 36.0, 36.0) and look.largest == 0.0


def test_relu6_does_not_see_above_its_ceiling():
    layer = keras.layers.Dense(6, name="dense", bias_initializer=keras.initializers.Constant(100.0))
    look = LayerProfiler(network(keras.layers.Flatten(), layer, keras.layers.ReLU(6.0, name="relu6")))(
        "relu6", image_of((6, 6, 1))
    )
    assert look.active == 0


@pytest.mark.parametrize("seed", range(5))
def test_at_an_affine_tap_it_is_the_dimension_of_the_collision_set(seed):
    """Without pixel bounds: the polytope of the target itself, whose inequalities are not tight."""
    layer = keras.layers.Dense(20, activation="relu", name="tap", bias_initializer="random_normal")
    net, target = network(keras.layers.Flatten(), layer, seed=seed), image_of((6, 6, 1), seed)
    polytope = collision_polytope(affine_map(net, "tap"), target.astype(np.float64).ravel(), FREE)
    assert LayerProfiler(net)("tap", target).invisible[0] == affine_dimension(polytope)


def test_implicit_equations_make_the_collision_set_smaller():
    """A unit and its negative, both at zero: the pair of inequalities is an equation, which no active unit shows.

    The unit itself counts as active (psgn(0) = 1), so both agree; a negative one that is a hair below does not.
    """
    layer = keras.layers.Dense(3, activation="relu", name="tap", use_bias=False)
    net = network(keras.layers.Flatten(), layer, shape=(2, 2, 1))
    kernel = np.zeros([4, 3])
    kernel[:, 0], kernel[0, 1], kernel[0, 2] = [0, 1, 1, 1], 1.0, -1.0
    layer.set_weights([kernel])
    target = np.array([0.0, 0.5, 0.5, 0.5], np.float32).reshape(2, 2, 1)
    polytope = collision_polytope(affine_map(net, "tap"), target.astype(np.float64).ravel(), FREE)
    assert affine_dimension(polytope) == 2 == LayerProfiler(net)("tap", target).invisible[0]


@pytest.mark.parametrize("steps", [8, 30])
def test_bounds_of_one_vector_hold_for_any_level(steps):
    """Chebyshev, Markov and Stieltjes, against the measure itself."""
    rng = np.random.default_rng(steps)
    basis = np.linalg.qr(rng.normal(size=[80, 80]))[0]
    values = np.sort(np.concatenate([np.zeros(20), rng.random(40) ** 4, 1 + rng.random(20)]))
    matrix = (basis * values) @ basis.T
    (found,) = quadratures(lambda rows: rows @ matrix, 80, probes=1, steps=steps, seed=7)
    start = np.random.default_rng(7).choice([-1.0, 1.0], [1, 80])[0] / 80**0.5
    mass = (basis.T @ start) ** 2
    for level in np.concatenate([values + 1e-9, np.linspace(0.01, 2, 50)]):
        low, high = found.mass_up_to(level)
        true = mass[values <= level].sum()
        assert low - 1e-9 <= true <= high + 1e-9
        assert high - low < 0.5


def test_a_process_that_ends_is_exact():
    """Three different eigenvalues take three steps."""
    values = np.repeat([0.0, 1.0, 4.0], [30, 20, 10])
    found = quadratures(lambda rows: rows * values, 60, probes=3, steps=20)
    assert all(one.whole and len(one.diagonal) == 3 for one in found)
    count = count_below(found, 60, 0.5)
    assert (count.value, count.low, count.high) == pytest.approx((30, 30, 30))


def test_estimates_cover_the_count():
    """In 50 random maps with a gap, at levels within the bulk and in the gap."""
    inside = 0
    for seed in range(50):
        rng = np.random.default_rng(1000 + seed)
        values = np.concatenate([1e-4 * rng.random(60), rng.random(60)])
        basis = np.linalg.qr(rng.normal(size=[120, 120]))[0]
        matrix = (basis * values) @ basis.T
        found = quadratures(lambda rows, matrix=matrix: rows @ matrix, 120, probes=4, steps=25, seed=seed)
        for level in (1e-2, 0.3):
            count = count_below(found, 120, level)
            inside += count.low <= (values <= level).sum() <= count.high
            assert count.high - count.low < 70
    assert inside >= 0.9 * 100  # of a true 95 %


@pytest.mark.parametrize("tap", ["wide", "pooled"])
def test_estimates_agree_with_the_exact_profile(tap):
    net, image = network(*deep()), image_of((6, 6, 1))
    exact = LayerProfiler(net)(tap, image)
    look = LayerProfiler(net, probes=6, steps=36, most_exact=2)(tap, image)
    assert not look.exact and look.spectrum == () and look.largest == pytest.approx(exact.largest, rel=1e-3)
    for threshold, low, high, true in zip(THRESHOLDS, look.low, look.high, exact.invisible, strict=True):
        assert low - 0.5 <= true <= high + 0.5, threshold
    assert look.low[0] >= 36 - look.active


def test_every_relu_of_a_network_is_looked_at():
    net = Classifier(nets.branches(), name="branches", bounds=Bounds(0.0, 1.0))
    looks = LayerProfiler(net).all([(0, image_of(nets.SHAPE)), (7, image_of(nets.SHAPE, 1))])
    assert [look.tap for look in looks[::2]] == net.tap_names and {look.image for look in looks} == {0, 7}
    assert [look.depth for look in looks[::2]] == list(range(len(net.tap_names)))
    assert all(0 <= look.invisible[0] <= look.invisible[1] <= look.invisible[2] <= look.dimension for look in looks)
