"""Proofs that are handed on: written by the prover, checked by a program that shares no code with it."""

import ast
import itertools
import json
import runpy
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcollide.models.classifier import Classifier
from tfcollide.models.dense_chain import Unreadable
from tfcollide.models.layer_list import PlainLayer, layers_of
from tfcollide.polytope.hull.mixing import convex_weights, mix
from tfcollide.polytope.hull.simplex import bisect
from tfcollide.polytope.proof import carrying, check_proof
from tfcollide.polytope.proof.carrying import carry_proof, proof_claim
from tfcollide.polytope.proof.check_proof import Leaf, Rejected, theorem_of, verify
from tfcollide.polytope.proof.engine import Splits
from tfcollide.polytope.proof.of_classifier import certify_classifier
from tfcollide.recipes.match_proof.run import difference
from tfcollide.records import Certificate

L = keras.layers
ROOT = Path(__file__).resolve().parents[3]
SHAPE = (8, 7, 2)
KINDS = {
    "dense": [L.Flatten(), L.Dense(12, "relu"), L.Dropout(0.5), L.Dense(10), L.ReLU(), L.Dense(9, "relu"), L.Dense(4)],
    "two maps": [L.Flatten(), L.Dense(7), L.Dense(9, "relu", use_bias=False), L.Dense(3, "softmax")],
    "convolutions": [
        L.Conv2D(4, 3, activation="relu"),
        L.MaxPooling2D(2),
        L.Conv2D(5, 2, padding="same", activation="relu"),
        L.Flatten(),
        L.Dense(6, "relu"),
        L.Dense(3),
    ],
    "strides": [
        L.MaxPooling2D(3, strides=2, padding="same"),
        L.Conv2D(4, (3, 2), strides=(2, 1), padding="same"),
        L.Activation("relu"),
        L.MaxPooling2D((1, 2)),
        L.Flatten(),
        L.Dense(4),
    ],
    "rescaling": [L.Rescaling([0.7, 1.3], [-0.2, 0.1]), L.Conv2D(3, 3, activation="relu"), L.Flatten(), L.Dense(3)],
    "labels": [L.Flatten(), L.Dense(9, "relu"), L.Dense(3, "sigmoid")],
    "binary": [L.Flatten(), L.Dense(9, "relu"), L.Dense(1, "sigmoid")],
}
OUTPUTS = {"labels": "multilabel", "binary": "binary"}


def classifier_of(kind, seed=0):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input(SHAPE), *(type(one).from_config(one.get_config()) for one in KINDS[kind])])
    for weight in model.trainable_variables:
        weight.assign(weight + 0.1 * keras.random.normal(weight.shape))
    return Classifier(model, name=kind, bounds=(0.0, 1.0), outputs=OUTPUTS.get(kind, "auto"))


def certified(kind, seed=0, boxes=60):
    """A classifier, corners, the code of all their mixtures, its certificate, where it was split; the widest of a few hulls."""
    classifier, rng = classifier_of(kind, seed), np.random.default_rng(seed)
    center, ways = rng.uniform(0, 1, SHAPE), rng.normal(0, 1, (3, *SHAPE))
    code = classifier.judge(center[None].astype(np.float32)).predicted[0]
    for width in (0.4, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01):
        corners, splits = (center + width * ways).astype(np.float32), Splits()
        found = certify_classifier(classifier, corners, code, max_boxes=boxes, splits=splits)
        if found.status == "certified":
            return classifier, corners, code, found, splits
    raise AssertionError("no hull is certified")


@pytest.fixture(scope="module", autouse=True)
def eager():
    """Networks are many and small, so that compiling costs more than it saves."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="module", params=list(KINDS))
def proven(request, eager):
    classifier, corners, code, found, splits = certified(request.param)
    return classifier, corners, code, found, carry_proof(classifier, corners, code, found, splits)


def test_what_is_proven_is_handed_on_and_holds(proven, tmp_path):
    classifier, corners, code, found, carried = proven
    carried.write(tmp_path / "proof.npz")
    with np.load(tmp_path / "proof.npz") as file:
        assert f"margin {carried.margin:g} or more in {found.arithmetic}" in verify(dict(file))
    assert carried.margin >= 0.89 * found.margin > 0
    seen = classifier.reading.margins(classifier.judge(mix(convex_weights(500, 3), corners)).logits, code)
    assert carried.margin <= seen.min()
    assert difference(carried.arrays, classifier, corners) is None


def test_a_prover_that_split_otherwise_is_followed_and_completed(proven):
    """Without its tree the simplex itself is tried first, and halved where that is not enough."""
    classifier, corners, code, found, _ = proven
    alone = carry_proof(classifier, corners, code, found, Splits())
    verify(alone.arrays)
    assert alone.leaves >= 1 and len(alone.arrays["tree"]) == 2 * alone.leaves - 1


def test_a_margin_that_does_not_follow_is_not_written(proven):
    classifier, corners, code, found, _ = proven
    more = carry_proof(classifier, corners, code, Certificate("certified", 50 * found.margin + 50, 1.0), Splits())
    assert isinstance(more, Unreadable) and "does not pass its own check" in more.reason


def permuted(layers, images, rng):
    """Logits in float32, every sum of a dense layer in a random order; of convolutions as NumPy has them."""
    values = images
    for layer in layers:
        if layer.kind == "relu":
            values = np.maximum(values, 0)
        elif layer.kind == "dense":
            values = values.reshape(len(values), -1)
            total = np.zeros((len(values), layer.weight.shape[1]), np.float32)
            for j in rng.permutation(layer.weight.shape[0]):
                total = total + values[:, j, None] * layer.weight[j]
            values = total + layer.bias
    return values


def test_units_are_bounded_from_behind_where_that_is_little_work():
    """Behind the first ReLU of dense layers; not behind a max-pool of a whole image, whose rows are as wide as the image."""
    dense = [PlainLayer("dense", "d", (256,), np.zeros((n, 256), np.float32)) for n in (784, 256)]
    relu = PlainLayer("relu", "r", (256,))
    assert carrying._cheap((dense[0], relu, dense[1], relu, dense[1]), 784) == (3,)
    pooled = PlainLayer("maxpool", "m", (13, 13, 32)), PlainLayer("relu", "r", (13, 13, 32))
    assert carrying._cheap((PlainLayer("conv", "c", (26, 26, 32), np.zeros((3, 3, 1, 32))), *pooled, dense[1]), 784) == ()


@pytest.mark.parametrize("seed", range(3))
def test_bounds_hold_for_float32_in_any_order_of_summation(seed):
    """Of a hull so small that rounding is what decides: the interval around each logit is as wide as a few ulps."""
    classifier, rng = classifier_of("dense", seed), np.random.default_rng(seed)
    corners = (rng.uniform(0, 1, SHAPE) + rng.normal(0, 1e-7, (3, *SHAPE))).astype(np.float32)
    claim, arrays = proof_claim(classifier, 0, "float32")
    leaf = Leaf(theorem_of(claim, {**arrays, "corners": corners}), np.eye(3))
    leaf.walk(lambda *_: None)
    low, high = leaf.values.min(axis=0) - leaf.radius, leaf.values.max(axis=0) + leaf.radius
    images = mix(convex_weights(20, 3), corners)
    found = np.concatenate([permuted(layers_of(classifier), images, rng) for _ in range(20)]).reshape(-1, *low.shape)
    assert (low <= found).all() and (found <= high).all()
    assert ((found.max(axis=0) - found.min(axis=0)) > 1e-3 * (high - low)).any(), "a bound that anything would meet"


@pytest.mark.parametrize("kind", ["dense", "convolutions", "strides", "rescaling"])
def test_bounds_of_any_part_hold_for_what_keras_computes(kind):
    classifier, rng = classifier_of(kind), np.random.default_rng(0)
    corners = rng.uniform(0, 1, (4, *SHAPE)).astype(np.float32)
    claim, arrays = proof_claim(classifier, 0, "float32")
    theorem = theorem_of(claim, {**arrays, "corners": corners})
    parts = np.eye(4)[None]
    for edge in [(0, 1), (2, 3), (0, 2), (1, 3)]:
        parts = bisect(parts, np.tile(edge, (len(parts), 1)))[rng.permutation(2 * len(parts))[:4]]
    for part in parts:
        least = Leaf(theorem, part).walk(lambda *_: None)
        logits = classifier.judge(mix(convex_weights(100, 4) @ part, corners)).logits
        margins = logits @ theorem.rows.T
        assert (margins.min(axis=0) >= least).all()
        assert (margins.min(axis=0) - least < 40 * (1 + np.ptp(margins))).all()


def test_a_network_by_hand():
    """One unit |x| = relu(x) + relu(-x) on [-1, 3]: the triangle's chord at the worst end, and its exact values at vertices."""
    arrays = {"corners": np.array([[-1.0], [3.0]], np.float32)}
    arrays |= {"weight_0": np.array([[1.0, -1.0]], np.float32), "bias_0": np.zeros(2, np.float32)}
    arrays |= {"weight_2": np.array([[1.0, 0.0], [1.0, 0.0]], np.float32), "bias_2": np.array([0.0, 2.0], np.float32)}
    claim = {"format": check_proof.FORMAT, "arithmetic": "real", "signs": [-1, 1], "several": False}
    claim["layers"] = [{"kind": "dense"}, {"kind": "relu"}, {"kind": "dense"}]
    theorem = theorem_of(claim, arrays)
    # 2 - |x| >= 2 - (3/4 (x + 1) + 1/4 (3 - x)): the largest of that on the segment is at x = 3.
    assert Leaf(theorem, np.eye(2)).walk(lambda *_: None) == pytest.approx([2.0 - 3.0], abs=1e-9)
    with pytest.raises(Rejected, match="does not follow"):
        Leaf(theorem, np.eye(2)).walk(lambda *_: (np.array([-0.5, -3.0]), np.array([3.0, 1.0]), np.zeros(2)))


@pytest.mark.parametrize(
    ("tree", "reason"),
    [
        ([(0, 1), (-1, -1)], "uncovered"),
        ([], "uncovered"),
        ([(0, 1), (-1, -1), (-1, -1), (-1, -1)], "there twice"),
        ([(1, 0), (-1, -1), (-1, -1)], "an edge"),
        ([(0, 3), (-1, -1), (-1, -1)], "an edge"),
        ([(0, 1)] * 60 + [(-1, -1)] * 61, "no longer exact"),
    ],
)
def test_a_tree_that_does_not_fill_the_simplex_is_rejected(tree, reason):
    with pytest.raises(Rejected, match=reason):
        check_proof._replay(np.array(tree, int).reshape(-1, 2), 3)


def by_hand(margins, margin=2e-8, weight=((0.0, 1e-8),), **more):
    """The arrays of a proof about one dense layer, of which the first logit is below the second at both corners."""
    claim = {"format": check_proof.FORMAT, "arithmetic": "real", "signs": [1, -1], "several": False, "margin": margin}
    return {
        "claim": np.array(json.dumps(claim | {"layers": [{"kind": "dense", "name": "d"}]})),
        "weight_0": np.array(weight, np.float32),
        "bias_0": np.zeros(2, np.float32),
        "corners": np.array([[1.0], [2.0]], np.float32),
        "tree": np.array([[-1, -1]], np.int16),
        "vertices": np.eye(2)[None],
        "margins": margins,
    } | more


def test_margins_are_compared_in_float64():
    """In float16 what is a little below zero is rounded to zero, and a little more than is true to what is true."""
    assert "margin 5e-09 or more" in verify(by_hand(np.array([5e-9]), 5e-9, [[1e-8, 0.0]]))
    for margins in (np.zeros(1), np.zeros(1, np.float16), np.zeros(1, np.float32), np.full(1, -1e-8)):
        with pytest.raises(Rejected):
            verify(by_hand(margins))
    more = by_hand(np.ones(1, np.float16), 1.0002, [[0.9998, 0.0]], corners=np.ones([2, 1], np.float32))
    with pytest.raises(Rejected, match="no float64 numbers"):
        verify(more)


def test_weights_of_another_rank_are_rejected():
    with pytest.raises(Rejected, match="does not fit"):
        verify(by_hand(np.array([0.5]), 0.5, [[[1.0], [0.0]]], bias_0=np.zeros([2, 1], np.float32)))


def test_a_tree_fills_the_simplex_exactly():
    leaves = check_proof._replay(np.array([(0, 1), (1, 2), (-1, -1), (-1, -1), (-1, -1)]), 3)
    assert sum(abs(np.linalg.det(leaf)) for leaf in leaves) == 1.0
    assert (leaves.sum(axis=2) == 1.0).all()


@pytest.fixture(scope="module")
def mutations():
    return runpy.run_path(str(ROOT / "benchmarks" / "proof_mutations.py"))


def test_mutations_are_rejected_and_what_is_loosened_is_not(proven, mutations):
    arrays, rng = proven[-1].arrays, np.random.default_rng(0)
    for kind, mutate in mutations["KINDS"].items():
        for _ in range(3):
            changed = mutate({name: array.copy() for name, array in arrays.items()}, rng)
            assert changed is None or mutations["verdict"](changed) is not None, kind
    for _ in range(5):
        assert mutations["verdict"](mutations["loosened"](arrays, rng)) is None


def test_the_oracle_of_mutations_computes_what_keras_computes(proven, mutations):
    classifier, corners, _, _, carried = proven
    logits = mutations["values_at"](carried.arrays, corners)[1]
    given = classifier.judge(corners).logits[:, -logits.shape[1] :]
    np.testing.assert_allclose(logits, given, atol=1e-5)


def test_the_comparison_with_a_network_names_what_differs(proven):
    classifier, corners, _, _, carried = proven
    name = next(name for name in carried.arrays if name.startswith("weight_"))
    changed = carried.arrays[name].copy()
    changed.flat[0] = np.nextafter(changed.flat[0], np.float32(9))
    number = int(name.removeprefix("weight_"))
    layer = json.loads(str(carried.arrays["claim"]))["layers"][number]["name"]
    assert difference({**carried.arrays, name: changed}, classifier, corners).startswith(
        f"the weight of layer {number} ({layer}) is not the same in the proof"
    )
    assert "corners" in difference({**carried.arrays, "corners": corners + np.float32(1e-6)}, classifier, corners)
    claim = json.loads(str(carried.arrays["claim"]))
    claim["layers"] = claim["layers"][:-1]
    assert "layers" in difference({**carried.arrays, "claim": np.array(json.dumps(claim))}, classifier, corners)


def test_layers_that_compute_something_else_are_noticed(proven, monkeypatch):
    """Were the list of layers read wrongly, as one description of the network, the proof and the file would agree on it."""
    classifier, corners, _, _, carried = proven
    arrays = dict(carried.arrays)
    name = next(name for name in arrays if name.startswith("bias_"))
    wrong = arrays[name] + np.float32(0.1)
    read = proof_claim(classifier, 0, "float32")
    monkeypatch.setattr("tfcollide.recipes.match_proof.run.proof_claim", lambda *_: (read[0], {**read[1], name: wrong}))
    assert "other logits" in difference({**arrays, name: wrong}, classifier, corners)


@pytest.mark.parametrize(
    ("layers", "reason"),
    [
        ([L.Flatten(), L.Dense(4, "tanh"), L.Dense(4, "relu"), L.Dense(2)], "tanh|Dense|function"),
        ([L.Conv2D(4, 3, groups=2, activation="relu"), L.Flatten(), L.Dense(2)], "Conv2D with settings"),
        ([L.Conv2D(4, 3), L.BatchNormalization(), L.ReLU(), L.Flatten(), L.Dense(2)], "BatchNormalization"),
        ([L.Flatten(), L.Dense(4), L.ReLU(), L.Dense(2), L.ReLU()], "logits"),
        ([L.Conv2D(4, 3), L.Rescaling(0.5), L.ReLU(), L.Flatten(), L.Dense(2)], "which may take it in"),
    ],
)
def test_networks_that_cannot_be_handed_on_say_why(layers, reason):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input(SHAPE), *layers])
    found = layers_of(Classifier(model, name="other", bounds=(0.0, 1.0), outputs="logits"))
    assert isinstance(found, Unreadable)
    assert any(word in found.reason for word in reason.split("|"))


def test_the_checker_stands_alone_and_is_short(tmp_path):
    """It imports NumPy and what Python has, and runs isolated, from elsewhere."""
    path = Path(check_proof.__file__)
    imported = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = set(
        itertools.chain(*([a.name for a in node.names] if isinstance(node, ast.Import) else [node.module] for node in imported))
    )
    assert {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names) == {"numpy"}
    assert len(path.read_text().splitlines()) <= 300
    classifier, corners, code, found, splits = certified("two maps")
    carry_proof(classifier, corners, code, found, splits).write(tmp_path / "proof.npz")
    command = [sys.executable, "-I", ROOT / "bin" / "check_proof", tmp_path / "proof.npz"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("valid: every mixture of the 3 corners is read as ")


@pytest.mark.parametrize("damage", ["missing", "cut off", "no proof", "a layer of another kind", "brackets", "rejected"])
def test_the_checker_answers_in_one_line(damage, tmp_path, monkeypatch, capsys):
    classifier, corners, code, found, splits = certified("two maps")
    arrays, path = dict(carry_proof(classifier, corners, code, found, splits).arrays), tmp_path / "proof.npz"
    if damage == "a layer of another kind":
        arrays["claim"] = np.array(str(arrays["claim"]).replace('"relu"', '"gelu"'))
    if damage == "brackets":
        arrays["claim"] = np.array("[" * 100_000)
    if damage == "rejected":
        arrays["margins"] = arrays["margins"] + 1e3
    if damage != "missing":
        np.savez(path, **({"other": np.zeros(3)} if damage == "no proof" else arrays))
    if damage == "cut off":
        path.write_bytes(path.read_bytes()[:-200])
    monkeypatch.setattr(sys, "argv", ["check_proof", str(path)])
    assert check_proof.main() == (1 if damage == "rejected" else 2)
    said = capsys.readouterr()
    assert len((said.out + said.err).strip().splitlines()) == 1 and "Error" not in said.err and "Bad" not in said.err
    assert ("No such file" in said.err) == (damage == "missing")
    assert (said.out if damage == "rejected" else said.err).startswith("rejected: " if damage == "rejected" else "bad input: ")
