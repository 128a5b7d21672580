"""Networks with one output, and with one output a label, from the files to what a server answers."""

import asyncio
import json
import shutil
import threading

import keras
import numpy as np
import onnxruntime
import pytest
import tensorflow as tf
from PIL import Image

from tfcollide import cli
from tfcollide.data.digits import load_digits
from tfcollide.serving.local.server import ServerOptions, serving

from .programs import run

LABELS = ("even", "high", "loop", "prime")


def labels_of(digits):
    return np.stack([digits % 2 == 0, digits > 4, np.isin(digits, [0, 6, 8, 9]), np.isin(digits, [2, 3, 5, 7])], 1)


def train(path, images, labels):
    keras.utils.set_random_seed(0)
    hidden = [keras.layers.Dense(units, activation="relu", name=f"fc{units}") for units in (64, 32)]
    end = keras.layers.Dense(labels.shape[1], activation="sigmoid")
    model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), *hidden, end])
    model.compile("adam", "binary_crossentropy")
    model.fit(images, labels, epochs=20, verbose=0)
    model.save(path)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """`labels.keras`, `high.keras` (is it above 4?), the names of what they tell, and some digits as files."""
    folder, data = tmp_path_factory.mktemp("outputs"), load_digits()
    images, labels = data.train.images / np.float32(255), labels_of(data.train.labels).astype(np.float32)
    train(folder / "labels.keras", images, labels)
    train(folder / "high.keras", images, labels[:, 1:2])
    (folder / "labels.txt").write_text("\n".join(LABELS))
    (folder / "high.txt").write_text("low\nhigh\n")
    for digit in (0, 3, 6, 7, 8):
        chosen = data.test.images[data.test.labels == digit][3]
        Image.fromarray(chosen[..., 0]).save(folder / f"{digit}.png")
    return folder


def flags(place, network, *more):
    named = [f"--model={place}/{network}.keras", f"--labels={place}/{network}.txt", "--pixel_range=0,1", "--corners=3"]
    return [*named, "--interpolations=300", "--dataset=none", f"--source={place}/3.png", *more]


@pytest.fixture(scope="module")
def labeled(place, tmp_path_factory):
    """From a 3 to an 8, by the programs as a user runs them."""
    out = tmp_path_factory.mktemp("labeled") / "run"
    chosen = flags(place, "labels", f"--target={place}/8.png", "--max_steps=2000", "--vnnlib", f"--out={out}")
    outcome = run("collide", *chosen, cwd=out.parent, home=out.parent)
    assert outcome.code == 0, outcome.stderr[-2000:]
    return out, outcome, json.loads((out / "summary.json").read_text())


def test_a_collision_with_a_whole_set_of_labels(place, labeled):
    """Every number is that of the set: what the network itself says of the target, its least certain label."""
    out, outcome, found = labeled
    network = keras.models.load_model(place / "labels.keras")
    arrays = np.load(out / "corners.npz")
    (given,) = np.asarray(network(arrays["target"][None]), np.float64)
    has = given > 0.5
    name = " + ".join(np.array(LABELS)[has])
    assert name == "even + high + loop" == found["target"]["predicted"] and found["source"]["predicted"] == "prime"
    assert found["target"]["probability"] == pytest.approx(np.where(has, given, 1 - given).min(), rel=1e-5)
    assert f'probability of "{name}": target' in outcome.stdout

    corners = np.asarray(network(arrays["corners"]), np.float64)
    np.testing.assert_array_equal(corners > 0.5, np.tile(has, [3, 1]))
    expected = np.where(has, corners, 1 - corners).min(axis=1)
    np.testing.assert_allclose([corner["probability"] for corner in found["corners"]], expected, rtol=1e-4)
    mixed = np.tensordot(arrays["convex_weights"], arrays["corners"], 1)
    mixtures = np.asarray(network(mixed), np.float64)
    hits = ((mixtures > 0.5) == has).all(axis=1)
    assert found["interpolation"]["accuracy"] == hits.mean() == 1.0 and found["png"]["accuracy"] == 1.0
    least = np.where(has, mixtures, 1 - mixtures).min(axis=1)
    assert found["interpolation"]["min_probability"] == pytest.approx(least.min(), rel=1e-4)

    margins = np.where(has, 1, -1) * np.log(mixtures / (1 - mixtures))
    worst, proof = found["worst_mixture"], found["certificate"]
    assert proof["status"] == "certified" and worst["predicted"] == name
    assert 0 < proof["margin"] <= worst["margin"] + 1e-5 and worst["margin"] <= margins.min() + 1e-3


def test_the_claim_about_labels_for_a_verifier(labeled):
    out, _, found = labeled
    text = (out / "verify" / "mixture.vnnlib").read_text()
    for sign in ("<= Y_0 0.0", "<= Y_1 0.0", "<= Y_2 0.0", ">= Y_3 0.0"):
        assert f"(and ({sign}) (>= Y_4 0.0))" in text
    session = onnxruntime.InferenceSession(out / "verify" / "mixture.onnx", providers=["CPUExecutionProvider"])
    weights = np.array([found["worst_mixture"]["convex_weights"][:2]], np.float32)
    outputs = session.run(None, {"X": weights})[0][0]
    assert (outputs[:4] * [1, 1, 1, -1]).min() == pytest.approx(found["worst_mixture"]["margin"], abs=1e-3)


@pytest.fixture(scope="module")
def binary(place, tmp_path_factory):
    """From a 3 to a 7, exactly."""
    out = tmp_path_factory.mktemp("binary") / "run"
    chosen = flags(place, "high", f"--target={place}/7.png", "--solver=exact", f"--out={out}")
    assert cli.collide(["collide", *chosen]) == 0
    return out, json.loads((out / "summary.json").read_text())


def test_a_collision_where_one_output_tells_two_classes_apart(place, binary):
    out, found = binary
    network, target = keras.models.load_model(place / "high.keras"), np.load(out / "corners.npz")["target"]
    (given,) = np.asarray(network(target[None]))[0]
    assert (found["source"]["predicted"], found["target"]["predicted"]) == ("low", "high")
    assert found["target"]["probability"] == pytest.approx(given, rel=1e-5)
    assert found["interpolation"]["accuracy"] == 1.0 and found["certificate"]["status"] == "certified"
    assert 0 < found["certificate"]["margin"] <= found["worst_mixture"]["margin"]
    assert found["worst_mixture"]["margin"] == pytest.approx(np.log(given / (1 - given)), rel=1e-2)  # at each corner alike


@pytest.fixture(scope="module")
def served(place, labeled, binary, tmp_path_factory):
    """What the runs export, and the network of one output as Keras itself exports it."""
    folder = tmp_path_factory.mktemp("served")
    for name, out in (("labels", labeled[0]), ("high", binary[0])):
        assert cli.export(["export", f"--run={out}", "--what=classifier", f"--out={folder}/{name}/1"]) == 0
    keras.models.load_model(place / "high.keras").export(folder / "plain" / "1", verbose=False)
    return folder


@pytest.fixture(scope="module")
def address(served):
    """Where a server of this process answers."""
    ready, done, found = threading.Event(), threading.Event(), []

    async def main():
        async with serving(served, ServerOptions(port=0, rest_port=0)) as (ports, _):
            found.append(ports.grpc)
            ready.set()
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    assert ready.wait(60)
    yield found[0]
    done.set()
    thread.join()


def test_what_is_exported_judges_likewise(served, labeled):
    arrays = np.load(labeled[0] / "corners.npz")
    loaded = tf.saved_model.load(str(served / "labels" / "1"))
    images = tf.constant(np.concatenate([arrays["corners"], arrays["source"][None]]))
    found = loaded.signatures["check"](images=images)
    assert found["collides"].numpy().tolist() == [True] * 3 + [False] and "class_ids" not in found
    assert found["labels"].numpy().tolist() == [[True, True, True, False]] * 3 + [[False, False, False, True]]
    assert loaded.verdict.target_labels.numpy().tolist() == [True, True, True, False]


def test_a_served_network_is_checked_by_the_same_margin(served, address, labeled, binary, capsys):
    names = {"labels": labeled[0], "high": binary[0], "plain": binary[0]}
    for name, out in names.items():
        signature = tf.saved_model.load(str(served / name / "1")).signatures["serving_default"]
        inputs, outputs = signature.structured_input_signature[1], signature.structured_outputs
        output_name = "probabilities" if "probabilities" in outputs else next(iter(outputs))
        given = [f"--server={address}", f"--model_name={name}", f"--run={out}", f"--input_name={next(iter(inputs))}"]
        code = cli.check_served(["check_served", *given, f"--output_name={output_name}"])
        said = capsys.readouterr()
        assert code == 0, said
        assert f"{name} collides as recorded" in said.out


def test_a_pair_that_is_none_is_listed_in_a_sweep(place, tmp_path):
    (tmp_path / "pairs.csv").write_text(f"source,target\n{place}/6.png,{place}/8.png\n{place}/3.png,{place}/8.png\n")
    chosen = [flag for flag in flags(place, "labels") if not flag.startswith("--source")]
    code = cli.collide(["collide", *chosen, f"--pairs={tmp_path}/pairs.csv", "--max_steps=3", f"--out={tmp_path}/out"])
    none, some = json.loads((tmp_path / "out" / "summary.json").read_text())["pairs"]
    assert code == 1 and 'both "even + high + loop" to the network' in none["error"] and some["error"] is None


def test_what_is_refused(place, tmp_path, capsys):
    """One line and exit 2: outputs that nothing explains, and pairs that are none."""
    plain = keras.models.load_model(place / "high.keras")
    plain.layers[-1].activation = keras.activations.linear
    linear = keras.Model(plain.inputs, plain.layers[-1](plain.layers[-2].output))
    linear.save(tmp_path / "linear.keras")
    linear.compile("adam", "mse")
    linear.save(tmp_path / "regression.keras")
    shutil.copy(place / "high.txt", tmp_path / "linear.txt")
    shutil.copy(place / "high.txt", tmp_path / "regression.txt")
    for name, value in (("dead", -1), ("constant", 1)):
        model = keras.models.load_model(place / "labels.keras")
        layer = model.get_layer("fc64")
        layer.set_weights([weights * 0 + value * (weights.ndim == 1) for weights in layer.get_weights()])
        model.save(tmp_path / f"{name}.keras")
        shutil.copy(place / "labels.txt", tmp_path / f"{name}.txt")
    same = "expected a source that it does not take for the target's class already"
    cases = [
        (flags(tmp_path, "linear"), [], "Say --outputs=binary if"),
        (flags(tmp_path, "regression"), [], "trained with mse: expected a classifier"),
        (flags(place, "labels"), ["--outputs=binary"], "which has 4 outputs: expected one output"),
        (flags(place, "labels"), ["--outputs=some"], "--outputs=some: expected one of auto, probabilities"),
        (flags(tmp_path, "dead"), [], "--tap=fc64, where all features are zero for the source and the target: expected a ReLU"),
        (
            flags(tmp_path, "constant"),
            ["--dataset=digits"],
            "all features are the same for the source and the target, and for 8",
        ),
        (["--outputs=logits"], [], "--outputs=logits with --model=mlp: expected auto"),
        (flags(place, "labels"), [f"--source={place}/6.png"], f'both "even + high + loop" to the network: {same}'),
    ]
    for given, more, words in cases:
        pair = [f"--source={place}/3.png", f"--target={place}/8.png"]
        assert cli.collide(["collide", *given, *pair, *more, f"--out={tmp_path}/out"]) == 2, words
        said = capsys.readouterr().err
        assert words in said and said.count("\n") == 1, said
    assert not (tmp_path / "out").exists()
    chosen = [*flags(tmp_path, "linear"), "--outputs=binary", f"--source={place}/3.png", f"--target={place}/7.png"]
    assert cli.collide(["collide", *chosen, "--solver=exact", f"--out={tmp_path}/out"]) == 0
