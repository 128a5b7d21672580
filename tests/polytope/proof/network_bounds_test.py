"""Bounds of networks with convolutions, max-pools and branches, against what Keras computes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcollide.models.classifier import Classifier
from tfcollide.models.dense_chain import Unreadable
from tfcollide.models.graph import Graph
from tfcollide.models.reading import Reading
from tfcollide.polytope.hull.mixing import mix
from tfcollide.polytope.proof import network_engine
from tfcollide.polytope.proof.hull_bounds import HullBounds
from tfcollide.polytope.proof.network_pieces import NetworkPieces
from tfcollide.polytope.proof.of_classifier import certify_classifier, readable
from tfcollide.polytope.proof.reading_network import Network, read_network
from tfcollide.polytope.proof.spread import Arithmetic
from tfcollide.polytope.proof.steps import Hinge, MaxPool

L = keras.layers
SHAPE = (7, 6, 2)


@pytest.fixture(autouse=True)
def eager():
    """Networks of a test are many and small, so that compiling costs more than it saves."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def randomly(layer, rng):
    """A built layer's weights drawn anew, variances positive."""
    drawn = []
    for weight in layer.weights:
        positive = "variance" in weight.path or weight.path.endswith("gamma")
        drawn.append(rng.uniform(0.5, 2.0, weight.shape) if positive else rng.normal(0, 0.6, weight.shape))
    layer.set_weights(drawn)


def normalization(rng):
    layer = L.Normalization(axis=-1, mean=rng.normal(size=4), variance=rng.uniform(0.5, 2, 4))
    return lambda x: layer(L.Conv2D(4, 1)(x))


def residual(x):
    inner = L.BatchNormalization()(L.Conv2D(x.shape[-1], 3, padding="same", use_bias=False)(x))
    return L.ReLU()(L.Add()([x, L.Conv2D(x.shape[-1], 1)(L.ReLU()(inner))]))


def nested(x):
    inner = keras.Input(x.shape[1:])
    within = L.MaxPooling2D(2, padding="same")(L.Conv2D(3, 2, activation="relu")(inner))
    return keras.Model(inner, within)(x)


KINDS = {
    "conv": lambda x: L.Conv2D(4, 3, activation="relu")(x),
    "strides": lambda x: L.Conv2D(4, 3, strides=2, padding="same", activation="relu")(x),
    "dilation": lambda x: L.Conv2D(3, 2, dilation_rate=(2, 1), padding="same", activation="relu")(x),
    "groups": lambda x: L.ReLU()(L.Conv2D(4, 3, groups=2, padding="same")(x)),
    "depthwise": lambda x: L.ReLU(6.0)(L.DepthwiseConv2D(3, depth_multiplier=2, padding="same")(x)),
    "depthwise dilation": lambda x: L.ReLU()(L.DepthwiseConv2D(2, dilation_rate=2, padding="same")(x)),
    "separable": lambda x: L.SeparableConv2D(3, 3, padding="same", activation="relu")(x),
    "batch normalization": lambda x: L.ReLU(0.5)(L.BatchNormalization()(L.Conv2D(3, 2, use_bias=False)(x))),
    "rescaling": lambda x: L.ReLU()(L.Conv2D(3, 2)(L.Rescaling(2.0, -0.5)(x))),
    "leaky": lambda x: L.LeakyReLU(negative_slope=0.3)(L.Conv2D(3, 3)(x)),
    "slope and ceiling": lambda x: L.ReLU(1.0, negative_slope=0.1)(L.Conv2D(3, 3)(x)),
    "max": lambda x: L.MaxPooling2D(2)(x),
    "max of relu": lambda x: L.MaxPooling2D(2)(L.Conv2D(4, 3, activation="relu")(x)),
    "overlapping max": lambda x: L.MaxPooling2D(3, strides=2, padding="same")(x),
    "average": lambda x: L.ReLU()(L.AveragePooling2D(2, strides=1, padding="same")(L.Conv2D(3, 2)(x))),
    "padding": lambda x: L.Conv2D(3, 3, activation="relu")(L.ZeroPadding2D(((1, 0), (0, 2)))(x)),
    "cropping": lambda x: L.ReLU()(L.Conv2D(3, 1)(L.Cropping2D(((1, 0), (0, 1)))(x))),
    "up": lambda x: L.ReLU()(L.Conv2D(2, 2, strides=2)(L.UpSampling2D((2, 1))(x))),
    "concatenate": lambda x: L.Concatenate()([x, L.Conv2D(2, 1, activation="relu")(x)]),
    "residual": residual,
    "subtract": lambda x: L.Subtract()([x, L.Conv2D(x.shape[-1], 1, activation="relu")(x)]),
    "mean": lambda x: L.Average()([x, L.Conv2D(x.shape[-1], 1, activation="relu")(x), L.ReLU()(x)]),
    "nested": nested,
    "dense in places": lambda x: L.Dense(3, activation="relu")(x),
    "permute": lambda x: L.ReLU()(L.Conv2D(2, 2)(L.Permute((2, 1, 3))(x))),
    "reshape": lambda x: L.Reshape((-1, 1, x.shape[-1]))(x),
    "functions": lambda x: keras.ops.maximum(x[:, 1:] * 0.5 + 0.1, 0.0),
    "normalization": None,
}
ENDS = {
    "flat": lambda x: L.Dense(6, activation="relu")(L.Flatten()(x)),
    "average": lambda x: L.GlobalAveragePooling2D()(x),
    "max": lambda x: L.GlobalMaxPooling2D()(x),
}


def network(rng, kinds, end, classes=3):
    image = x = keras.Input(SHAPE)
    x = L.Conv2D(4, 2, activation="relu")(x)
    for kind in kinds:
        x = (KINDS[kind] or normalization(rng))(x)
    out = L.Dense(classes, activation="softmax")(ENDS[end](x))
    model = keras.Model(image, out)
    for layer in model._flatten_layers(include_self=False):
        if layer.weights and not isinstance(layer, (keras.Model, L.Normalization)):
            randomly(layer, rng)
    return Classifier(model, name="net", bounds=(0.0, 1.0))


def mixed(rng, kinds):
    """A network of so many kinds of layers."""
    while True:
        try:
            return network(rng, rng.choice(list(KINDS), kinds), rng.choice(list(ENDS)))
        except ValueError:  # no shape that the second one reads
            continue


def smaller(rng, corners, count):
    """`[count, N, N]` random sub-simplices, large and small."""
    spans = rng.choice([1.0, 0.3, 0.05], [count, 1, 1])
    return spans * rng.dirichlet(np.ones(corners), [count, corners]) + (1 - spans) * rng.dirichlet(np.ones(corners), [count, 1])


def check(classifier, rng, arithmetic):
    corners = np.clip(rng.uniform(size=(1, *SHAPE)) + rng.choice([0.05, 0.4]) * rng.normal(size=(3, *SHAPE)), 0, 1)
    corners = corners.astype(np.float32)
    found = read_network(classifier.graph, classifier.logits_read.value, SHAPE)
    assert isinstance(found, Network), found
    rows = Reading(3).margin_rows(0)
    bounds = HullBounds(found, corners, rows, arithmetic)
    parts = np.concatenate([np.eye(3)[None], smaller(rng, 3, 5)])
    proven = bounds(parts, np.tile([0, 1], (len(parts), 1)))
    forward = bounds(parts, np.tile([1], (len(parts), 1)))
    assert (forward.margins[:, 0] <= proven.margins[:, 0]).all() and (proven.margins <= proven.real + 1e-12).all()
    drawn = np.concatenate([np.eye(3), rng.dirichlet(np.ones(3), 60), rng.dirichlet(np.full(3, 0.3), 40)])
    weights = drawn @ parts
    seen = np.stack([classifier.judge(mix(part.astype(np.float32), corners)).logits @ rows.T for part in weights])
    loosest = np.ptp(seen, axis=1) + 1e-3 * np.abs(seen).max()
    assert (proven.margins <= seen.min(axis=1)).all()
    # Of a part as small as a point little is lost; a bound of a wide one may be loose, but is none of another network.
    point = bounds(np.repeat(parts[:, :1], 3, axis=1), np.tile([0, 1], (len(parts), 1))).margins
    at = classifier.judge(mix(parts[:, 0].astype(np.float32), corners)).logits @ rows.T
    assert (at - point < 1e-2 * (1 + np.abs(at))).all() and (point <= at + 1e-12).all()
    return ((seen.min(axis=1) - proven.margins) / loosest).max()


@pytest.mark.parametrize("kind", KINDS)
def test_no_bound_is_violated(kind):
    rng = np.random.default_rng(sum(map(ord, kind)))
    end = rng.choice(list(ENDS))
    classifier = network(rng, [kind], end)
    check(classifier, rng, Arithmetic(True, bool(rng.random() < 0.5)))


@pytest.mark.parametrize("seed", range(20))
def test_no_bound_of_several_kinds_together_is_violated(seed):
    rng = np.random.default_rng(seed)
    check(mixed(rng, 2), rng, Arithmetic(True, bool(seed % 2)))


def test_relu_and_max_pool_change_places():
    image = keras.Input(SHAPE)
    x = L.MaxPooling2D(2)(L.Conv2D(3, 2, activation="relu")(image))
    twice = L.ReLU()(L.Conv2D(3, 1)(x))
    joined = L.Concatenate()([L.MaxPooling2D(2)(twice), L.MaxPooling2D(2)(x)])
    model = keras.Model(image, L.Dense(2)(L.Flatten()(joined)))
    graph = Graph(model)
    steps = [type(node.step) for node in read_network(graph, graph.result, SHAPE).nodes]
    assert steps.index(MaxPool) < steps.index(Hinge)
    model = keras.Model(image, L.Dense(2)(L.Flatten()(L.Concatenate()([twice, L.MaxPooling2D(1)(twice)]))))
    graph = Graph(model)
    steps = [type(node.step) for node in read_network(graph, graph.result, SHAPE).nodes]
    assert (steps.count(MaxPool) == 2 and steps[-4:-2] == [Hinge, MaxPool]) or Hinge in steps


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (lambda x: L.Activation("tanh")(x), "tanh"),
        (lambda x: L.UpSampling2D(2, interpolation="bilinear")(x), "bilinear"),
        (lambda x: L.Conv2D(2, 2, dtype="float16")(x), "float16"),
        (lambda x: L.Multiply()([x, x]), "Multiply"),
    ],
)
def test_what_cannot_be_bounded_says_why(layer, reason):
    image = keras.Input(SHAPE)
    model = keras.Model(image, L.Dense(3)(L.Flatten()(layer(L.ReLU()(image)))))
    found = readable(Classifier(model, name="net", bounds=(0.0, 1.0)))
    assert isinstance(found, Unreadable) and reason in found.reason


def test_split_pieces_prove_more():
    rng = np.random.default_rng(3)
    classifier = network(rng, ["max of relu"], "flat")
    corners = rng.uniform(size=(3, *SHAPE)).astype(np.float32)
    bounds = HullBounds(readable(classifier), corners, Reading(3).margin_rows(0), Arithmetic(True, False))
    pieces = NetworkPieces.whole(bounds, 3, 2)
    first = pieces.margin[0]
    for _ in range(5):
        pieces = pieces.split(bounds, np.inf)
        assert pieces.volume.sum() == 1.0 and (pieces.real >= pieces.margin).all()
    weights = rng.dirichlet(np.ones(3), 2000).astype(np.float32)
    seen = Reading(3).margins(classifier.judge(mix(weights, corners)).logits, 0).min()
    assert first < pieces.margin.min() <= seen


def convolved(*maps):
    """A classifier of one-pixel-high images: maps `(weights [out, in], bias, relu)` as convolutions."""
    size = np.shape(maps[0][0])[1]
    image = keras.Input((size, 1, 1))
    x = image
    layers = []
    for i, (weights, _, relu) in enumerate(maps):
        layer = L.Conv2D(len(weights), (size if i == 0 else 1, 1), activation="relu" if relu else None)
        x = layer(x)
        layers.append(layer)
    # A max-pool, so that the network is no chain of matrices.
    model = keras.Model(image, L.Flatten()(L.MaxPooling2D(1)(x)))
    for layer, (weights, bias, _) in zip(layers, maps, strict=True):
        layer.set_weights([np.float32(weights).T.reshape(layer.kernel.shape), np.float32(bias)])
    return Classifier(model, name="net", bounds=(0.0, 1.0), outputs="logits")


def planted(rng, count, radius):
    """The margin is 1 but for a ball of `radius` (in the 1-norm) around a mixture, where it falls to -1; that mixture, too."""
    center, eye = rng.dirichlet(np.full(count, 5.0)), np.eye(count)
    classifier = convolved(
        (np.concatenate([eye, -eye]), np.concatenate([-center, center]), True),
        (-np.ones((1, 2 * count)), [radius], True),
        ([[0.0], [2.0 / radius]], [1.0, 0.0], False),
    )
    return classifier, eye.astype(np.float32).reshape(count, count, 1, 1), center


@pytest.mark.parametrize(("seed", "count", "radius"), [(0, 2, 1e-3), (1, 2, 1e-3), (2, 3, 0.02), (3, 3, 0.02), (4, 4, 0.05)])
def test_a_planted_counterexample_is_found(seed, count, radius):
    classifier, corners, center = planted(np.random.default_rng(seed), count, radius)
    found = certify_classifier(classifier, corners, 0)
    assert found.status == "refuted" and found.margin <= 0
    assert np.abs(np.array(found.mixture) - center).sum() < radius
    alone = classifier.judge(mix(np.float32([found.mixture]), corners))
    assert alone.predicted[0] == 1


def test_what_hangs_on_the_order_of_sums_is_not_certified():
    """logit_0 - logit_1 = 1 + sum x - sum x, which float32 cannot tell from less than 1e3; real numbers can."""
    row = np.concatenate([np.full(50, 1e6), np.full(50, -1e6)])
    classifier = convolved(([row, 0 * row], [1.0, 0.0], False))
    found = certify_classifier(classifier, np.ones((2, 100, 1, 1), np.float32), 0, max_boxes=8)
    assert found.status != "certified" or found.arithmetic == "real"
    assert found.arithmetic == "real" and "Winograd" in found.excludes


@pytest.mark.parametrize("seed", range(6))
def test_answers_of_whole_proofs_hold(seed):
    rng = np.random.default_rng(seed)
    classifier = network(rng, ["max of relu"], "flat")
    image = rng.uniform(0.2, 0.8, (1, *SHAPE))
    corners = (image + 0.02 * rng.normal(size=(3, *SHAPE))).astype(np.float32)
    target = int(classifier.judge(corners[:1]).predicted[0])
    found = certify_classifier(classifier, corners, target, max_boxes=400)
    weights = rng.dirichlet(np.ones(3), 3000).astype(np.float32)
    seen = Reading(3).margins(classifier.judge(mix(weights, corners)).logits, target)
    if found.status == "certified":
        assert 0 < found.margin <= seen.min() and found.margin <= found.margin_real and found.arithmetic == "float32"
        assert found.margin > 0.6 * seen.min()
    else:
        assert seen.min() < 0.05 and found.share_proven <= np.mean(seen > 0) + 0.02


def test_a_proof_ends_where_only_rounding_is_in_the_way():
    rng = np.random.default_rng(9)
    maps = [(rng.normal(size=(m, n)) / np.sqrt(n), rng.normal(size=m), m > 4) for n, m in ((6, 30), (30, 30), (30, 4))]
    classifier = convolved(*maps)
    corners = (1000 * rng.normal(size=(1, 6, 1, 1)) + 30 * rng.normal(size=(3, 6, 1, 1))).astype(np.float32)
    target = int(classifier.judge(corners[:1]).predicted[0])
    found = certify_classifier(classifier, corners, target, max_boxes=100, tightness=0.9999)
    weights = rng.dirichlet(np.ones(3), 3000).astype(np.float32)
    seen = Reading(4).margins(classifier.judge(mix(weights, corners)).logits, target).min()
    assert found.status == "certified" and 0.99 * seen < found.margin < 0.9999 * seen and found.boxes < 100


def test_labels_and_one_output():
    rng = np.random.default_rng(0)
    image = keras.Input(SHAPE)
    x = L.Flatten()(L.MaxPooling2D(2)(L.Conv2D(3, 2, activation="relu")(image)))
    corners = (0.5 + 0.01 * rng.normal(size=(3, *SHAPE))).astype(np.float32)
    for count, outputs in ((1, "binary"), (3, "multilabel")):
        model = keras.Model(image, L.Dense(count, activation="sigmoid")(x))
        for layer in model.layers:
            randomly(layer, rng)
        classifier = Classifier(model, name="net", bounds=(0.0, 1.0), outputs=outputs)
        judged = classifier.judge(corners)
        target = int(judged.predicted[0])
        found = certify_classifier(classifier, corners, target, max_boxes=60)
        smallest = classifier.reading.margins(judged.logits, target).min()
        assert found.status == "certified" and 0 < found.margin <= smallest


def test_what_is_compiled_for_one_hull_holds_for_the_next():
    tf.config.run_functions_eagerly(False)
    network = read_network(Graph(model := small_convolutions()), Graph(model).result, (4, 4, 1))
    rng, rows = np.random.default_rng(0), Reading(3).margin_rows(1)
    for _ in range(2):
        bounds = HullBounds(network, rng.random([2, 4, 4, 1]).astype(np.float32), rows, Arithmetic(True, False))
        compiled, plain = bounds(np.eye(2)[None], np.arange(2)[None]), bounds.once(np.eye(2)[None], np.arange(2)[None])
        np.testing.assert_allclose(compiled.margins, plain.margins, rtol=1e-4)
    other = HullBounds(network, np.zeros([2, 4, 4, 1], np.float32), rows, Arithmetic(True, False))
    assert not np.allclose(other(np.eye(2)[None], np.arange(2)[None]).margins, compiled.margins)


def small_convolutions():
    images = keras.Input((4, 4, 1))
    return keras.Model(images, L.Dense(3)(L.Flatten()(L.Conv2D(2, 3, activation="relu")(images))))


def chain(depth, channels):
    """So many convolutions, each drawn such that values keep their size."""
    rng = np.random.default_rng(0)
    image = x = keras.Input((2, 2, 1))
    for _ in range(depth):
        x = L.Conv2D(channels, 3, padding="same", activation="relu")(x)
    model = keras.Model(image, L.Dense(3)(L.Flatten()(L.MaxPooling2D()(x))))
    for layer in model.layers:
        layer.set_weights([rng.normal(0, (2 / max(np.prod(one.shape[:-1]), 1)) ** 0.5, one.shape) for one in layer.weights])
    return Classifier(model, name="chain", bounds=(0.0, 1.0))


@pytest.mark.parametrize(("depth", "channels"), [(1, 4), (16, 128)])
def test_that_a_network_is_too_deep_for_bounds_is_found_out_once(depth, channels, monkeypatch):
    classifier, corners = chain(depth, channels), np.random.default_rng(1).random([2, 2, 2, 1]).astype(np.float32)
    target = int(classifier.judge(corners[:1]).predicted[0])
    monkeypatch.setattr(network_engine, "_PRODUCTS", 2**40)
    alone = certify_classifier(classifier, corners, target, max_boxes=3)
    tried, bound = [], HullBounds.once
    monkeypatch.setattr(HullBounds, "once", lambda self, *given: tried.append(self) or bound(self, *given))
    monkeypatch.setattr(network_engine, "_PRODUCTS", 1)  # as of a network that takes long
    for first in (True, False):
        tried.clear()
        found = certify_classifier(classifier, corners, target, max_boxes=3)
        if depth == 1:
            assert found.boxes > 0 and len(tried) > 1
        else:
            assert (found.status, found.arithmetic, found.margin) == (alone.status, alone.arithmetic, alone.margin)
            assert (found.status, found.arithmetic, found.share_proven) == ("undecided", "real", 0.0) and len(tried) == first
    misread = certify_classifier(classifier, corners, (target + 1) % 3, max_boxes=3)
    assert misread.status == "refuted", "a corner that has another class is found out, however deep"
