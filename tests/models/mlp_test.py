import itertools

import numpy as np
import pytest

from tfcollide.errors import RequestError
from tfcollide.models import mlp


def build(initializer="unit_normal", seed=0, hidden_units=(256, 256)):
    return mlp.build_mlp((28, 28, 1), 10, hidden_units=hidden_units, initializer=initializer, seed=seed)


@pytest.fixture(scope="module")
def network():
    return build()


def test_layers(network):
    assert network.input_shape == (None, 28, 28, 1)
    assert network.output_shape == (None, 10)
    names = ["images", "flatten", "dense_1", "hidden_1", "dense_2", "hidden_2", "logits"]
    assert [layer.name for layer in network.layers] == names
    assert [w.shape for w in network.weights] == [(784, 256), (256,), (256, 256), (256,), (256, 10), (10,)]
    assert mlp.tap_names((256, 256)) == ["hidden_1", "hidden_2"]


def test_the_function_is_relu_between_and_none_after(network):
    images = np.random.default_rng(0).random([3, 28, 28, 1]).astype(np.float32)
    first, b1, second, b2, last, b3 = network.get_weights()
    hidden = np.maximum(images.reshape(3, -1) @ first + b1, 0)
    expected = np.maximum(hidden @ second + b2, 0) @ last + b3
    assert expected.min() < 0
    np.testing.assert_allclose(network(images), expected, rtol=1e-4, atol=0.1)


def test_weights_and_biases_are_unit_normal(network):
    for values in network.get_weights():
        # five standard errors of the mean and of the standard deviation
        assert abs(values.mean()) < 5 / values.size**0.5
        assert abs(values.std() - 1) < 5 / (2 * values.size) ** 0.5
    kernel = network.get_weights()[0]
    assert np.mean(np.abs(kernel) > 2) == pytest.approx(0.0455, abs=0.003)  # no uniform, and not truncated


def test_no_two_layers_share_their_draw(network):
    firsts = [values.ravel()[:10] for values in network.get_weights()]
    assert all(not np.array_equal(a, b) for a, b in itertools.combinations(firsts, 2))


@pytest.mark.parametrize("initializer", ["unit_normal", "HeNormal"])
def test_the_seed_decides(initializer):
    one, same, other = (build(initializer, seed, hidden_units=(8,)).get_weights() for seed in (0, 0, 1))
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not np.array_equal(one[0], other[0])


def test_no_layer_has_the_draw_of_another_seeds_layer():
    kernels = [kernel for seed in range(4) for kernel in build(seed=seed, hidden_units=(8,) * 4).get_weights()[2:-2:2]]
    assert len(kernels) == 12 and {kernel.shape for kernel in kernels} == {(8, 8)}
    assert not any(np.array_equal(a, b) for a, b in itertools.combinations(kernels, 2))


def test_other_initializers_leave_biases_at_zero():
    he = build("HeNormal").get_weights()
    glorot = build("GlorotUniform").get_weights()
    for bias in he[1::2] + glorot[1::2]:
        assert not bias.any()
    assert he[0].std() == pytest.approx((2 / 784) ** 0.5, rel=0.02)
    limit = (6 / (784 + 256)) ** 0.5
    assert 0.99 * limit < np.abs(glorot[0]).max() <= limit


@pytest.mark.parametrize("initializer", ["Nonsense", "", "Zeros", "Dense"])
def test_an_initializer_that_cannot_be(initializer):
    with pytest.raises(RequestError, match=f"--initializer={initializer}: expected unit_normal or a Keras initializer"):
        build(initializer)


def test_bounds_are_those_of_the_paper():
    assert mlp.BOUNDS == (0.0, 1.0)
