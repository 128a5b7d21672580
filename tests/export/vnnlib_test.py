import re
import sys

import keras
import numpy as np
import onnxruntime
import pytest
import vnnlib

from tfcollide.errors import RequestError
from tfcollide.export.vnnlib import mixture_network, mixture_property, write_property
from tfcollide.models.dense_chain import read_chain
from tfcollide.polytope.hull import convex_weights, mix

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


def test_the_network_has_no_operator_but_the_common_ones(model, corners):
    network = mixture_network(read_chain(model), corners)
    assert {node.op_type for node in network.graph.node} == {"Gemm", "Relu", "Concat"}


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
    linear, last = list(query.assertions)[:-1], list(query.assertions)[-1]
    found = [[re.sub(r"\s", "", str(c)) for c in conjunction] for a in (*linear, last) for conjunction in a.expr.to_dnf()]
    boxes = [[f"(>=X[0,{i}]0.0)"] if low else [f"(<=X[0,{i}]1.0)"] for i in range(3) for low in (True, False)]
    assert found == [*boxes, ["(<=(+X[0,0]X[0,1]X[0,2])1.0)"], ["(>=Y[0,0]Y[0,1])"], ["(>=Y[0,2]Y[0,1])"]]


def test_the_first_version_bounds_single_inputs_only():
    assert "+" not in mixture_property(5, 3, 0)
    assert "+" not in mixture_property(2, 3, 0, version=2)


def test_one_corner_has_nothing_to_mix():
    with pytest.raises(RequestError, match="1 corner: expected at least two"):
        mixture_property(1, 3, 0)


def test_without_onnx_the_extra_is_named(model, corners, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(RequestError, match=r"tfcollide\[verify\]"):
        mixture_network(read_chain(model), corners)
