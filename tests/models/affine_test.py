import keras
import numpy as np
import pytest

from tfcollide.errors import RequestError
from tfcollide.models.affine import affine_map, affine_tap
from tfcollide.models.classifier import Classifier
from tfcollide.models.dense_chain import read_chain
from tfcollide.models.graph import Graph
from tfcollide.models.loading import load_classifier, wrap
from tfcollide.models.taps import find_taps
from tfcollide.polytope.proof.float_error import gamma
from tfcollide.shapes import Bounds

from . import affine_nets

layers = keras.layers


def classifier(*inner, shape=(4, 3, 2)):
    model = keras.Sequential([keras.Input(shape), *inner, layers.Flatten(), layers.Dense(3, name="logits")])
    rng = np.random.default_rng(0)
    for variable in model.weights:
        values = rng.normal(size=variable.shape)
        variable.assign(np.abs(values) + 0.1 if "variance" in variable.path else values)
    return Classifier(model, name="test", bounds=Bounds(0.0, 1.0), class_names=("a", "b", "c"))


class Doubling(layers.Dense):
    def call(self, inputs, training=None):
        return 2 * super().call(inputs)


AFFINE = {
    "first dense layer": [layers.Flatten, lambda: layers.Dense(5)],
    "no bias": [layers.Flatten, lambda: layers.Dense(5, use_bias=False)],
    "two dense layers": [layers.Flatten, lambda: layers.Dense(7), lambda: layers.Dense(5)],
    "dense over the last axis": [lambda: layers.Dense(5), layers.Flatten, lambda: layers.Dense(4)],
    "reshape": [lambda: layers.Reshape((6, 4)), lambda: layers.Dense(5)],
    "rescaling": [lambda: layers.Rescaling(1 / 127.5, offset=-1), layers.Flatten, lambda: layers.Dense(5)],
    "rescaling a channel": [lambda: layers.Rescaling([0.5, 2.0], offset=[0.1, -0.2]), layers.Flatten],
    "batch normalization": [layers.Flatten, lambda: layers.Dense(5), layers.BatchNormalization],
    "of channels": [layers.BatchNormalization, layers.Flatten, lambda: layers.Dense(5)],
    "along another axis": [lambda: layers.BatchNormalization(axis=1, scale=False), layers.Flatten],
    "normalization of channels": [lambda: layers.Normalization(mean=[0.3, 0.7], variance=[0.1, 2.0]), layers.Flatten],
    "normalization": [lambda: layers.Normalization(axis=None, mean=0.3, variance=0.5), layers.Flatten],
    "training layers": [
        lambda: layers.Dropout(0.5),
        layers.Flatten,
        lambda: layers.Activation("linear"),
        lambda: layers.AlphaDropout(0.5),
    ],
    "another precision": [layers.Flatten, lambda: layers.Rescaling(0.1, dtype="float64"), lambda: layers.Dense(5)],
    "nested": [layers.Flatten, lambda: keras.Sequential([keras.Input((24,)), layers.Dense(6), layers.Dense(5)])],
}


@pytest.mark.parametrize("name", AFFINE)
def test_agrees_with_the_network_within_the_rounding_bound(name):
    net = classifier(*(build() for build in AFFINE[name]), layers.ReLU(name="tap"))
    affine = affine_map(net, "tap")
    images = np.random.default_rng(1).random([20, 4, 3, 2], np.float32)
    computed = net.tap("tap").pre_activation(images).numpy()
    flat = images.reshape(20, -1).astype(np.float64)
    bound = gamma(affine.roundings) * (flat @ affine.magnitude + affine.magnitude_bias)
    assert affine.weights.shape == (24, computed.shape[1])
    assert (np.abs(computed - affine(flat)) <= bound).all()
    assert bound.max() < 1e-2 * np.abs(computed).max()


def test_a_single_layer_is_read_to_the_bit():
    net = classifier(layers.Flatten(), layers.Dense(5, name="dense"), layers.ReLU(name="tap"))
    affine = affine_map(net, "tap")
    kernel, bias = net.model.get_layer("dense").get_weights()
    np.testing.assert_array_equal(affine.weights, kernel.astype(np.float64))
    np.testing.assert_array_equal(affine.bias, bias.astype(np.float64))
    np.testing.assert_array_equal(affine.magnitude, np.abs(kernel).astype(np.float64))


def test_a_dense_layer_with_its_own_relu_is_tapped_before_it():
    net = classifier(layers.Flatten(), layers.Dense(5, activation="relu", name="tap"))
    image = np.random.default_rng(1).random([1, 4, 3, 2], np.float32)
    computed = keras.Model(net.model.inputs[0], net.model.get_layer("tap").output)(image).numpy()
    np.testing.assert_allclose(np.maximum(affine_map(net, "tap")(image.reshape(1, -1)), 0), computed, atol=1e-4)


@pytest.mark.parametrize(
    ("inner", "culprit"),
    [
        ([layers.Flatten(), layers.Dense(5), layers.ReLU(name="first"), layers.Dense(5)], "first"),
        ([layers.MaxPooling2D(2, name="window"), layers.Flatten(), layers.Dense(5)], "window"),
        ([layers.Reshape((4, 6)), layers.Conv1D(2, 2, padding="causal", name="earlier")], "earlier, which pads by causal"),
        ([layers.Flatten(), layers.Dense(5, activation="tanh", name="curved")], "curved"),
        ([layers.Flatten(), layers.Dense(5, dtype="mixed_bfloat16", name="coarse")], "coarse"),
        ([layers.Flatten(data_format="channels_first", name="turned"), layers.Dense(5)], "turned"),
        ([layers.Flatten(), Doubling(5, name="doubling")], "doubling"),
    ],
)
def test_names_the_layer_in_the_way(inner, culprit):
    with pytest.raises(RequestError, match=f"layer {culprit}"):
        affine_map(classifier(*inner, layers.ReLU(name="tap")), "tap")


def test_a_tap_in_another_precision_is_refused():
    net = classifier(layers.Flatten(), layers.Dense(5, activation="relu", dtype="mixed_bfloat16", name="tap"))
    with pytest.raises(RequestError, match="layer tap, which computes in mixed_bfloat16"):
        affine_map(net, "tap")


def test_names_a_merging_layer_that_is_not_affine():
    images = keras.Input((4,))
    merged = layers.Multiply(name="product")([layers.Dense(3)(images), layers.Dense(3)(images)])
    model = keras.Model(images, layers.Dense(2)(layers.ReLU(name="tap")(merged)))
    with pytest.raises(RequestError, match="layer product"):
        affine_map(Classifier(model, name="m", bounds=Bounds(0.0, 1.0), class_names=("a", "b")), "tap")


def test_an_unknown_tap_lists_the_taps():
    with pytest.raises(RequestError, match="--tap=nowhere: expected a layer of test: tap"):
        affine_map(classifier(layers.Flatten(), layers.ReLU(name="tap")), "nowhere")


def test_a_batch_normalization_rounds_as_often_here_as_in_the_chain():
    net = classifier(layers.Flatten(), layers.BatchNormalization(), layers.ReLU(name="tap"))
    assert affine_map(net, "tap").roundings == read_chain(net.model).stages[0].extra


@pytest.mark.parametrize("make", affine_nets.NETS, ids=affine_nets.name_of)
def test_every_kind_of_graph(make):
    """The map is what float64 computes, and what float32 computes is within the bound of it."""
    model, twin, tap, other = affine_nets.twins(make)
    net = wrap(model, name="net", bounds=Bounds(0.0, 1.0), outputs="logits" if make is not affine_nets.fused else "auto")
    tap = tap or net.tap_names[0]
    affine = affine_map(net, tap)
    images = np.random.default_rng(1).random([8, *net.image_shape]).astype(np.float32)
    flat = images.reshape(8, -1).astype(np.float64)
    graph = Graph(twin, images.shape[1:])
    taps = find_taps(graph)
    place = taps[other] if other in taps else next(iter(taps.values()))
    shape = (8, *graph.entry.shape)
    exact = graph.run({graph.source: images.astype(np.float64).reshape(shape)}, place.before)[0].numpy().reshape(8, -1)
    np.testing.assert_allclose(affine(flat), exact, rtol=0, atol=1e-9)
    computed = net.tap(tap).pre_activation(images).numpy()
    bound = gamma(affine.roundings) * (flat @ affine.magnitude + affine.magnitude_bias)
    assert (np.abs(computed - affine(flat)) <= bound).all() and bound.max() < 1e-2 * np.abs(computed).max()
    assert (affine.magnitude >= np.abs(affine.weights) * (1 - 1e-12)).all()


def in_order(products):
    """Their sum in float32, from the first to the last."""
    total = np.float32(0)
    for product in products:
        total = np.float32(total + product)
    return float(total)


@pytest.mark.parametrize("convolved", [False, True])
def test_the_worst_order_of_a_sum_is_within_the_bound_and_reaches_it(convolved):
    """One large weight and then many a little below half of its last place: each addition loses all of one."""
    size, small = 4000, np.float32(0.49 * 2.0**-23)
    kernel = np.full(size, small)
    kernel[0] = 1.0
    if convolved:
        first = [layers.Reshape((size // 4, 2, 2)), layers.Conv2D(1, (size // 4, 2), use_bias=False, name="sum")]
    else:
        first = [layers.Flatten(), layers.Dense(1, use_bias=False, name="sum")]
    net = classifier(*first, layers.ReLU(name="tap"), shape=(size // 4, 2, 2))
    layer = net.model.get_layer("sum")
    layer.kernel.assign(kernel.reshape(layer.kernel.shape))
    affine = affine_map(net, "tap")
    ones = np.ones([1, size])
    lost = affine(ones)[0, 0] - in_order(kernel)
    bound = gamma(affine.roundings) * (ones @ affine.magnitude + affine.magnitude_bias)[0, 0]
    assert 0.97 * bound < lost <= bound


@pytest.mark.parametrize("seed", range(5))
def test_random_orders_of_a_sum_over_branches(seed):
    """x w + v (x u) + x with every sum in another order, in float32."""
    rng = np.random.default_rng(seed)
    images = keras.Input((9,))
    long = layers.Dense(9, name="v")(layers.Dense(6, name="u")(images))
    joined = layers.Add()([layers.Dense(9, name="w")(images), long, images])
    model = keras.Model(images, layers.Dense(2)(layers.ReLU(name="tap")(joined)))
    net = Classifier(affine_nets.randomized(model, seed), name="m", bounds=Bounds(-9.0, 9.0), outputs="logits")
    affine, x = affine_map(net, "tap"), (rng.normal(size=9) * 10.0 ** rng.integers(-3, 4, 9)).astype(np.float32)
    assert affine.roundings == (6 + 1) + (9 + 1) + 3

    def dense(name, values):
        kernel, bias = net.model.get_layer(name).get_weights()
        return [in_order(rng.permutation([*(values * kernel[:, i]), bias[i]])) for i in range(len(bias))]

    for _ in range(20):
        branches = [dense("w", x), dense("v", np.float32(dense("u", x))), x]
        computed = [in_order(rng.permutation(np.float32(parts))) for parts in zip(*branches, strict=True)]
        bound = gamma(affine.roundings) * (np.abs(x) @ affine.magnitude + affine.magnitude_bias)
        assert (np.abs(computed - affine(x)) <= bound).all()


def test_the_graph_of_a_saved_model_is_refused_in_words(tmp_path):
    net = classifier(layers.Flatten(), layers.Dense(5), layers.ReLU(name="tap"), shape=(4, 3, 3))
    net.model.export(tmp_path / "net", verbose=False)
    found = load_classifier(tmp_path / "net", outputs="logits")
    with pytest.raises(RequestError, match="no layer by itself in a Keras model .* Say --solver=gradient"):
        affine_map(found, found.tap_names[0])
    assert found.chain.reason == "a network without Keras layers"


def test_a_network_of_a_fixed_batch():
    images = keras.Input(batch_shape=(4, 3, 3, 1))
    model = keras.Model(images, layers.Dense(2)(layers.Dense(5, activation="relu", name="fc")(layers.Flatten()(images))))
    affine = affine_map(wrap(model, name="four", outputs="logits"), "fc")
    np.testing.assert_array_equal(affine.weights, model.get_layer("fc").kernel.numpy())


def test_a_map_that_is_too_large_is_refused_before_it_is_made(monkeypatch):
    monkeypatch.setattr("tfcollide.models.affine._MAX_ENTRIES", 24 * 30)
    net = classifier(layers.Conv2D(5, 2, name="window"), layers.ReLU(name="tap"))  # 3 x 2 x 5 units
    assert affine_map(net, "tap").weights.shape == (24, 30)
    monkeypatch.setattr("tfcollide.models.affine._MAX_ENTRIES", 24 * 30 - 1)
    monkeypatch.setattr("tfcollide.models.affine.read_step", None)
    with pytest.raises(RequestError, match="--tap=tap, a matrix of 24 x 30 numbers: expected 719 numbers at most"):
        affine_map(net, "tap")


def test_a_large_convolution_is_refused_before_it_is_made():
    net = classifier(
        layers.Conv2D(256, 3, name="window"), layers.GlobalAveragePooling2D(), layers.ReLU(name="tap"), shape=(80, 80, 3)
    )
    with pytest.raises(RequestError, match="layer window, which is a matrix with 42,052,608 entries, which is too large"):
        affine_map(net, "tap")


def test_a_ceiling_is_refused():
    with pytest.raises(RequestError, match="--tap=tap, which is no plain max"):
        affine_map(classifier(layers.Flatten(), layers.ReLU(6.0, name="tap")), "tap")


def test_the_tap_of_exact_collisions_is_the_default_one_or_the_first_that_is_affine():
    def dense():
        return [layers.Flatten(), layers.Dense(5), layers.ReLU(name="dense")]

    def conv():
        return [layers.Conv2D(2, 2), layers.ReLU(name="conv"), layers.Conv2D(2, 2), layers.ReLU(name="second")]

    cases = (dense(), "dense", "dense"), ([*conv(), *dense()], "dense", "conv"), (conv(), "second", "conv")
    for inner, default, taken in cases:
        network = classifier(*inner)
        assert (network.default_tap, affine_tap(network)) == (default, taken)
    none = classifier(layers.MaxPooling2D(2), layers.ReLU(name="pooled"))
    assert affine_tap(none) == "pooled"
    with pytest.raises(RequestError, match="lies between"):
        affine_map(none, affine_tap(none))
