"""Networks at the ends of what a proof covers: sums that are fused, values near the largest, labels beyond 64 bits."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcollide.models.classifier import Classifier
from tfcollide.models.dense_chain import DenseChain
from tfcollide.polytope.hull.mixing import convex_weights, mix
from tfcollide.polytope.proof.edges import prove_edges
from tfcollide.polytope.proof.hull_bounds import HullBounds
from tfcollide.polytope.proof.of_classifier import certify_classifier, readable, walkable
from tfcollide.polytope.proof.relaxation import prepare
from tfcollide.polytope.proof.spread import Arithmetic
from tfcollide.polytope.proof.steps import Linear

L = keras.layers


def classifier_of(given, out, weights, **settings):
    """A network with these weights by layer, the layers in the order of their names."""
    model = keras.Model(given, out)
    for name, values in weights.items():
        model.get_layer(name).set_weights([np.asarray(value, np.float32) for value in values])
    return Classifier(model, name="network", bounds=(0.0, 2.0), **settings), model


@pytest.fixture
def eager():
    """Functions that are not compiled, as there are many small ones."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def images(*values, shape=(1, 1, 1)):
    return np.stack([np.full(shape, value, np.float32) for value in values])


def residual(width=3, middle=256, channels=64, added="Add"):
    """relu(x + conv(relu(conv(x)))), and logits of its first two channels in the middle."""
    given = keras.Input((8, 8, channels))
    inner = L.Conv2D(middle, 1, use_bias=False, activation="relu", name="a")(given)
    join = {"Add": lambda a, b: L.Add()([a, b]), "ops": keras.ops.add}[added]
    out = L.ReLU()(join(L.Conv2D(channels, width, padding="same", name="b")(inner), given))
    return given, L.Dense(2, use_bias=False, name="c")(L.Flatten()(L.Cropping2D(((4, 3), (4, 3)))(out)[..., :2]))


@pytest.mark.parametrize("added", ["Add", "ops"])
def test_an_addition_may_be_what_the_sums_before_it_begin_with(added):
    """Then a residual is rounded once for each term of the convolution that adds to it."""
    classifier, _ = classifier_of(*residual(added=added), {})
    steps = [node.step for node in readable(classifier).nodes if isinstance(node.step, Linear)]
    terms = 3 * 3 * 256
    (add,) = [step for step in steps if step.entrywise and step.roundings]
    assert add.roundings > terms
    # What two read cannot be taken in.
    given = keras.Input((4, 4, 2))
    both = L.Conv2D(2, 3, padding="same")(given)
    shared, _ = classifier_of(given, L.Dense(2)(L.Flatten()(L.Concatenate()([L.Add()([both, given]), both]))), {})
    (add,) = [node.step for node in walkable(shared).nodes if isinstance(node.step, Linear) and node.step.entrywise]
    assert add.roundings == 1


def test_a_dense_layer_may_take_in_the_addition_behind_it():
    given = keras.Input((2, 2, 1))
    first = L.Dense(300, name="a")(L.Flatten()(given))
    second = L.Dense(300, name="b")(first)
    classifier, _ = classifier_of(given, L.Dense(2, name="c")(L.ReLU()(L.Add()([first, second]))), {})
    stages = {stage.name: stage for stage in readable(classifier).stages}
    (add,) = [stage for name, stage in stages.items() if name not in ("a", "b", "c")]
    assert add.extra > 300


def test_what_a_batch_of_one_computes_is_not_certified_wrongly():
    """A trap: logits tell apart what float32 gives where the residual is added first, and where it is added last."""
    given, out = residual(width=7)
    spread = np.zeros([1, 1, 64, 256])
    spread[0, 0, 0] = 1.0
    kernel = np.full([7, 7, 256, 64], 8.5e-10)
    kernel[..., 1] = 0.0
    weights = {"a": [spread], "b": [kernel, np.zeros(64)], "c": [[[1.0, 0.0], [0.0, 0.0]]]}
    classifier, model = classifier_of(given, out, weights)
    one = tf.function(model, input_signature=[tf.TensorSpec([1, 8, 8, 64])], autograph=False)
    fused, real = float(one(tf.ones([1, 8, 8, 64]))[0, 0]), 1.0 + 7 * 7 * 256 * float(np.float32(8.5e-10))
    between, sign = 0.55 * fused + 0.45 * real, np.sign(real - fused) or 1.0
    model.get_layer("c").set_weights([np.array([[1000.0 * sign, 0.0], [0.0, 1000.0 * sign * between]], np.float32)])
    classifier = Classifier(model, name="trap", bounds=(0.0, 2.0))
    one = tf.function(model, input_signature=[tf.TensorSpec([1, 8, 8, 64])], autograph=False)
    corners = images(1.0, 1.0001, shape=(8, 8, 64))
    found = certify_classifier(classifier, corners, 0, max_boxes=4)
    logits = np.concatenate([one(image[None]).numpy() for image in mix(convex_weights(5, 2), corners)])
    assert found.arithmetic == "real" or found.margin <= (logits[:, 0] - logits[:, 1]).min()


@pytest.mark.usefixtures("eager")
def test_a_border_is_below_all_values():
    """Beyond the border of a max-pool nothing is larger, not even where all values are below -1e30."""
    given = keras.Input((1, 1, 1))
    pooled = L.MaxPooling2D(2, strides=1, padding="same")(L.Conv2D(1, 1, use_bias=False, name="a")(given))
    out = L.Dense(2, name="c")(L.Flatten()(L.ReLU()(L.Conv2D(1, 1, use_bias=False, name="b")(pooled))))
    weights = {"a": [[[[[-1e32]]]]], "b": [[[[[-1e-32]]]]], "c": [[[-1.0, 0.0]], [0.5, 0.0]]}
    classifier, _ = classifier_of(given, out, weights)
    corners = images(1.0, 1.5)
    assert classifier.judge(corners).predicted.tolist() == [1, 1]
    assert certify_classifier(classifier, corners, 0, max_boxes=10).status == "refuted"
    (edge,) = prove_edges(walkable(classifier), corners, 1, lambda x: classifier.judge(x).logits, reading=classifier.reading)
    assert edge.margin == pytest.approx(0.5) and edge.weight == 0.0


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize(
    "function",
    [
        keras.ops.negative,
        lambda x: keras.ops.reshape(x, (-1, 9)),
        lambda x: keras.ops.expand_dims(x, -1),
        lambda x: keras.ops.flip(x, axis=1),
        lambda x: keras.ops.subtract(1.0, x),
    ],
    ids=["negative", "reshape", "expand_dims", "flip", "subtract"],
)
def test_functions_behind_a_max_pool_are_bounded(function):
    rng = np.random.default_rng(0)
    given = keras.Input((6, 6, 1))
    out = function(L.MaxPooling2D(2)(L.Conv2D(1, 1, name="a")(given)))
    out = L.Dense(2, name="c")(L.Flatten()(L.ReLU()(out)))
    weights = {"a": [[[[[1.0]]]], [-0.5]], "c": [rng.normal(size=(9, 2)), [0.0, 0.1]]}
    classifier, _ = classifier_of(given, out, weights)
    image = rng.uniform(0.0, 1.0, (1, 6, 6, 1))
    corners = np.concatenate([image, image + 0.01]).astype(np.float32)
    judged = classifier.judge(mix(convex_weights(50, 2), corners))
    found = certify_classifier(classifier, corners, int(judged.predicted[0]), max_boxes=50)
    assert found.status == "certified"
    assert 0 < found.margin <= classifier.reading.margins(judged.logits, int(judged.predicted[0])).min()


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("first", [L.ReLU, lambda: L.MaxPooling2D(1)], ids=["chain of matrices", "other network"])
@pytest.mark.parametrize("pool", [lambda: L.AveragePooling2D(8), lambda: L.GlobalAveragePooling2D(keepdims=True)])
def test_an_average_overflows_where_its_sum_does(pool, first):
    given = keras.Input((8, 8, 1))
    out = pool()(L.ReLU()(first()(L.Conv2D(1, 1, use_bias=False, name="a")(given))))
    out = L.Dense(2, name="c")(L.Flatten()(L.Conv2D(1, 1, use_bias=False, name="b")(out)))
    weights = {"a": [[[[[2e37]]]]], "b": [[[[[1e-37]]]]], "c": [[[-1.0, 0.0]], [5.0, 0.0]]}
    classifier, _ = classifier_of(given, out, weights)
    corners, network = images(0.9, 1.0, shape=(8, 8, 1)), readable(classifier)
    assert not np.isfinite(classifier.judge(corners).logits).all()
    if isinstance(network, DenseChain):
        assert not prepare(network, corners, 0).finite
    else:
        found = HullBounds(network, corners, np.array([[1.0, -1.0]]), Arithmetic(True, True))
        assert found(np.eye(2)[None], np.array([[0]])).margins.max() == -np.inf
    assert certify_classifier(classifier, corners, 0, max_boxes=4).status != "certified"


@pytest.mark.usefixtures("eager")
def test_a_ceiling_is_that_of_float32():
    """1 + x / 10 - min(max(x, 0), 0.1) is smallest where x is 0.1 as float32 has it, which is 1.5e-9 more than 0.1."""
    given = keras.Input((1, 1, 1))
    bent = L.ReLU(max_value=0.1)(L.Conv2D(1, 1, use_bias=False, name="a")(given))
    both = L.Flatten()(L.Concatenate()([bent, given]))
    weights = {"a": [[[[[1.0]]]]], "c": [[[-1.0, 0.0], [0.1, 0.0]], [1.0, 0.0]]}
    classifier, _ = classifier_of(given, L.Dense(2, name="c")(both), weights)
    bend = float(np.float32(0.1))
    bounds = HullBounds(readable(classifier), images(0.0, 1.0), np.array([[1.0, -1.0]]), Arithmetic(False, True))
    proven = float(bounds(np.eye(2)[None], np.array([[0]])).margins[0, 0])
    assert 1.0 + bend * bend - bend - 1e-10 < proven <= 1.0 + bend * bend - bend


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("labels", [60, 1100])
def test_changes_of_many_labels_are_told_apart(labels):
    given = keras.Input((1, 1, 1))
    bias = np.full(labels, 1.0)
    bias[0] = -0.3
    kernel = np.zeros([1, labels])
    kernel[0, 0] = 1.0
    classifier, _ = classifier_of(
        given, L.Dense(labels, "sigmoid", name="c")(L.Flatten()(given)), {"c": [kernel, bias]}, outputs="multilabel"
    )
    corners = images(0.0, 1.0)
    codes = classifier.judge(corners).predicted
    (edge,) = prove_edges(
        walkable(classifier), corners, int(codes[0]), lambda x: classifier.judge(x).logits, reading=classifier.reading
    )
    ((place, before, behind),) = edge.changes
    assert place == pytest.approx(0.3) and (before, behind) == (int(codes[0]), int(codes[1]))
    assert behind == 2**labels - 1 and before == behind - 1
