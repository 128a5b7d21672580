import json
import re
import subprocess
import sys

import keras
import numpy as np
import onnxruntime
import pytest
import vnnlib

from tfcollide.errors import RequestError
from tfcollide.exports.mixture_graph import exported, mixture_network
from tfcollide.exports.vnnlib import mixture_property, write_property
from tfcollide.models.classifier import Classifier
from tfcollide.models.dense_chain import read_chain
from tfcollide.polytope.hull.mixing import convex_weights, mix

layers = keras.layers


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    images = keras.Input((6, 6, 1))
    x = layers.Conv2D(3, 3, activation="relu", bias_initializer="random_normal")(layers.Rescaling(1 / 255)(images))
    x = layers.ReLU()(layers.Dense(12, bias_initializer="random_normal")(layers.Flatten()(layers.AveragePooling2D(2)(x))))
    return keras.Model(images, layers.Dense(4)(x))


@pytest.fixture(scope="module")
def corners():
    return np.random.default_rng(0).uniform(0, 255, (3, 6, 6, 1)).astype(np.float32)


def test_the_exported_network_gives_the_logits_of_mixtures(model, corners, tmp_path):
    files = write_property(tmp_path, read_chain(model), corners, 2)
    session = onnxruntime.InferenceSession(files.network, providers=["CPUExecutionProvider"])
    assert [(i.name, i.shape) for i in session.get_inputs()] == [("X", [1, 2])]
    assert [(o.name, o.shape) for o in session.get_outputs()] == [("Y", [1, 5])]
    weights = convex_weights(50, 3)
    expected = np.asarray(model(mix(weights, corners), training=False))
    found = np.concatenate([session.run(None, {"X": w[None, :2]})[0] for w in weights])
    np.testing.assert_allclose(found[:, :4], expected, atol=1e-5, rtol=1e-5)
    np.testing.assert_allclose(found[:, 4], weights[:, 2], atol=1e-6)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mixture.onnx", "mixture.v2.vnnlib", "mixture.vnnlib"]


def test_the_network_is_a_chain_of_the_common_operators(model, corners):
    graph = mixture_network(read_chain(model), corners).graph
    assert {node.op_type for node in graph.node} == {"Gemm", "Relu"}
    constants, value = {constant.name for constant in graph.initializer}, "X"
    for node in graph.node:  # each reads what the one before has written, and nothing else does
        assert [name for name in node.input if name not in constants] == [value]
        (value,) = node.output
    assert value == "Y"


def convolutional(*, padding, binary=False):
    images = keras.Input((9, 8, 2))
    x = layers.Conv2D(3, (3, 2), strides=(2, 1), padding=padding, bias_initializer="random_normal")(images)
    x = layers.MaxPooling2D(2, strides=2, padding=padding)(layers.ReLU()(x))
    x = layers.Conv2D(4, 2, padding=padding, activation="relu", bias_initializer="random_normal")(x)
    x = layers.Dense(5, activation="relu", bias_initializer="random_normal")(layers.Dropout(0.5)(layers.Flatten()(x)))
    return keras.Model(images, layers.Dense(1, "sigmoid")(x) if binary else layers.Dense(4)(x))


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("binary", [False, True])
def test_convolutions_are_exported_as_they_are(padding, binary, tmp_path):
    """Kernels unrolled nowhere, the last weight beside them to the end, whatever lies in the padding."""
    keras.utils.set_random_seed(2)
    outputs = "binary" if binary else "logits"
    classifier = Classifier(convolutional(padding=padding, binary=binary), name="c", bounds=(0.0, 1.0), outputs=outputs)
    corners = np.random.default_rng(2).uniform(0, 1, (3, 9, 8, 2)).astype(np.float32)
    files = write_property(tmp_path, exported(classifier), corners, 1, classifier.reading)
    session = onnxruntime.InferenceSession(files.network, providers=["CPUExecutionProvider"])
    weights = convex_weights(20, 3)
    found = np.concatenate([session.run(None, {"X": row[None, :2]})[0] for row in weights])
    np.testing.assert_allclose(found[:, :-1], classifier.judge(mix(weights, corners)).logits, atol=1e-5)
    np.testing.assert_allclose(found[:, -1], weights[:, -1], atol=1e-6)
    graph = mixture_network(exported(classifier), corners).graph
    assert [node.op_type for node in graph.node].count("Conv") == 2
    assert max(np.prod(constant.dims) for constant in graph.initializer) < 3 * 3 * 9 * 8 * 2
    constants, value = {constant.name for constant in graph.initializer}, "X"
    for node in graph.node:
        assert [name for name in node.input if name not in constants] == [value]
        (value,) = node.output


@pytest.mark.parametrize("ending", ["logits", "relu"])
def test_the_last_weight_arrives_whatever_it_is(ending):
    """Below zero too, where the weights are no mixture, and behind a network that ends in a ReLU."""
    keras.utils.set_random_seed(1)
    images = keras.Input((2, 2, 1))
    x = layers.Dense(5, activation="relu")(layers.Flatten()(images))
    x = layers.Dense(3, activation="relu" if ending == "relu" else None)(x)
    corners = np.random.default_rng(1).uniform(0, 1, (4, 2, 2, 1)).astype(np.float32)
    network = mixture_network(read_chain(keras.Model(images, x)), corners)
    session = onnxruntime.InferenceSession(network.SerializeToString(), providers=["CPUExecutionProvider"])
    for free in ([0, 0, 0], [0.25, 0.5, 0.25], [1, 1, 1], [0.9, 0.3, 0.1]):
        weights = np.array([[*free, 1 - sum(free)]])
        found = session.run(None, {"X": np.array([free], np.float32)})[0]
        flat = (weights @ corners.reshape(4, -1)).reshape(1, 2, 2, 1)
        np.testing.assert_allclose(found[:, :3], keras.Model(images, x)(flat.astype(np.float32)), atol=1e-5)
        np.testing.assert_allclose(found[0, 3], weights[0, 3], atol=1e-6)


def nested(text):
    """S-expressions as nested lists."""
    stack = [[]]
    for token in re.findall(r"[()]|[^\s()]+", re.sub(r";.*", "", text)):
        if token == "(":
            stack.append([])
        elif token == ")":
            done = stack.pop()
            stack[-1].append(done)
        else:
            stack[-1].append(token)
    return stack[0]


def holds(expression, values):
    """Whether a VNN-LIB 1 formula is true of named values."""
    head, *rest = expression
    if head in ("and", "or"):
        return {"and": all, "or": any}[head](holds(e, values) for e in rest)
    left, right = (values[e] if e in values else float(e) for e in rest)
    return left >= right if head == ">=" else left <= right


def test_the_property_is_the_negation_over_the_simplex():
    formulas = nested(mixture_property(4, 3, 1))
    assert [f[1] for f in formulas if f[0] == "declare-const"] == ["X_0", "X_1", "X_2", "Y_0", "Y_1", "Y_2", "Y_3"]
    asserted = [f[1] for f in formulas if f[0] == "assert"]

    def satisfied(x, y):
        values = {f"X_{i}": v for i, v in enumerate(x)} | {f"Y_{i}": v for i, v in enumerate((*y, 1 - sum(x)))}
        return all(holds(formula, values) for formula in asserted)

    assert satisfied((0.2, 0.3, 0.5), (1.0, 0.0, -1.0)) and satisfied((0, 0, 0), (0.0, 1.0, 1.0))
    assert not satisfied((0.2, 0.3, 0.5), (0.0, 1.0, 0.5))
    assert not satisfied((0.5, 0.5, 0.5), (1.0, 0.0, 0.0)) and not satisfied((-0.1, 0, 0), (1.0, 0.0, 0.0))


def test_the_second_version_is_read_by_the_parser_of_the_standard():
    query = vnnlib.parse_query_string(mixture_property(4, 3, 1, version=2))
    found = [[re.sub(r"\s", "", str(c)) for c in part] for a in query.assertions for part in a.expr.to_dnf()]
    boxes = [[f"(>=X[0,{i}]0.0)"] if low else [f"(<=X[0,{i}]1.0)"] for i in range(3) for low in (True, False)]
    simplex = "(>=Y[0,3]0.0)"
    assert found == [*boxes, ["(>=Y[0,0]Y[0,1])", simplex], ["(>=Y[0,2]Y[0,1])", simplex]]


@pytest.fixture(scope="module")
def old_parser(tmp_path_factory):
    """The folder of vnnlib 0.0.x, which cannot be installed beside the 1.x of the tests."""
    folder = tmp_path_factory.mktemp("vnnlib-0")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", f"--target={folder}", "vnnlib<1"]
    if subprocess.run(pip, capture_output=True, timeout=300).returncode:
        pytest.skip("pip finds no vnnlib<1")
    return folder


def test_the_first_version_is_read_by_the_parser_of_vnn_comp(old_parser, tmp_path):
    (tmp_path / "mixture.vnnlib").write_text(mixture_property(4, 3, 1))
    program = (
        "import json, sys; from vnnlib.compat import read_vnnlib_simple; found = read_vnnlib_simple(sys.argv[1], 3, 4);"
        "print(json.dumps([[box, [[rows.tolist(), right.tolist()] for rows, right in parts]] for box, parts in found]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "mixture.vnnlib"],
        env={"PYTHONPATH": str(old_parser)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    ((box, parts),) = json.loads(done.stdout or done.stderr)
    assert box == [[0.0, 1.0]] * 3
    simplex, right = [0, 0, 0, -1], [[0], [0]]  # rows @ Y <= right
    assert parts == [[[[-1, 1, 0, 0], simplex], right], [[[0, 1, -1, 0], simplex], right]]


@pytest.mark.parametrize("version", [1, 2])
def test_inputs_are_bounded_one_by_one(version):
    assert "+" not in mixture_property(5, 3, 0, version=version)


def test_one_corner_has_nothing_to_mix():
    with pytest.raises(RequestError, match="1 corner: expected at least two"):
        mixture_property(1, 3, 0)


def test_without_onnx_the_extra_is_named(model, corners, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(RequestError, match=r"tfcollide\[verify\]"):
        mixture_network(read_chain(model), corners)
