"""Files that carry code, or name what is no part of a network, are refused before they are loaded."""

import json
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcollide.errors import RequestError
from tfcollide.models.loading import load_classifier
from tfcollide.models.model_file import inspect, kind_of

from . import nets


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "good.keras"
    model = nets.normalized()
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    model.save(path)
    return path


def with_lambda():
    images = keras.Input(nets.SHAPE)
    x = keras.layers.Lambda(lambda x: x + 1, name="trojan", output_shape=nets.SHAPE)(images)
    return keras.Model(images, keras.layers.Dense(2)(keras.layers.Flatten()(keras.layers.ReLU()(x))))


@keras.saving.register_keras_serializable(package="elsewhere")
class Custom(keras.layers.Layer):
    def call(self, values):
        return values


def with_custom():
    images = keras.Input(nets.SHAPE)
    x = keras.layers.Flatten()(keras.layers.ReLU()(Custom()(images)))
    return keras.Model(images, keras.layers.Dense(2)(x))


def rewritten(good, path, change):
    """The file with its configuration changed."""
    with zipfile.ZipFile(good) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "config.json":
                config = json.loads(content)
                change(config)
                content = json.dumps(config)
            new.writestr(name, content)
    return path


def refused(path, *named):
    with pytest.raises(RequestError) as caught:
        inspect(path)
    line = str(caught.value)
    assert "\n" not in line
    for word in (str(path), *named):
        assert word in line
    with pytest.raises(RequestError):
        load_classifier(path)


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_networks_of_keras_layers_pass(good, tmp_path, suffix):
    path = tmp_path / f"net.{suffix}"
    for make in (nets.fused, nets.sequential, nets.branches, nets.nested, nets.shared):
        if suffix == "h5" and make is nets.branches:
            continue  # Keras's own h5 has no name for operations
        make().save(path)
        assert inspect(path).kind == suffix
        classifier = load_classifier(path)
        nets.check_taps(classifier.tap_names, make)
        np.testing.assert_allclose(
            classifier.judge(nets.images()).probabilities,
            tf.nn.softmax(classifier.logits(tf.constant(nets.images()))),
            rtol=1e-4,
        )
    assert inspect(good).kind == "keras"


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_a_lambda_is_refused_and_let_through_when_asked(tmp_path, suffix):
    path = tmp_path / f"lambda.{suffix}"
    with_lambda().save(path)
    refused(path, "Lambda", "'trojan'", "--allow_custom_code")
    assert load_classifier(path, allow_custom_code=True).num_classes == 2


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_a_lambda_inside_a_nested_model_is_refused(tmp_path, suffix):
    path = tmp_path / f"nested.{suffix}"
    images = keras.Input(nets.SHAPE)
    keras.Model(images, with_lambda()(images)).save(path)
    refused(path, "Lambda")


def test_custom_classes_are_refused_and_let_through_when_asked(tmp_path):
    path = tmp_path / "custom.keras"
    with_custom().save(path)
    refused(path, "elsewhere>Custom", "not part of Keras")
    assert load_classifier(path, allow_custom_code=True).num_classes == 2


def dense_of(config):
    return next(layer for layer in config["config"]["layers"] if layer["class_name"] == "Dense")


@pytest.mark.parametrize(
    ("module", "name", "named"),
    [
        ("os", "system", "os.system"),
        ("builtins", "eval", "builtins.eval"),
        ("subprocess", "Popen", "subprocess.Popen"),
        ("keras.utils", "get_file", "keras.utils.get_file"),
        ("keras.src.utils.file_utils", "get_file", "file_utils.get_file"),
        ("keras.saving", "load_model", "keras.saving.load_model"),
        ("keras", "Lambda", "Lambda"),
        ("keras.layers", "TFSMLayer", "TFSMLayer"),
        ("keras.layers", "TorchModuleWrapper", "TorchModuleWrapper"),
        ("keras.layersx", "Dense", "keras.layersx.Dense"),
        (None, "Dense", "not part of Keras"),
        (7, "Dense", "7.Dense"),
    ],
)
def test_whatever_else_a_configuration_names_is_refused(good, tmp_path, module, name, named):
    def change(config):
        dense_of(config).update(module=module, class_name=name)

    refused(rewritten(good, tmp_path / "injected.keras", change), named)


@pytest.mark.parametrize(
    ("module", "function"), [("os", "system"), ("keras.utils", "get_file"), ("keras.src.saving.saving_lib", "load_model")]
)
def test_functions_from_elsewhere_are_refused(good, tmp_path, module, function):
    def change(config):
        called = {"class_name": "function", "module": module, "config": function, "registered_name": function}
        dense_of(config)["config"]["activation"] = called

    refused(rewritten(good, tmp_path / "function.keras", change), f"{module}.{function}")


def test_what_a_pickled_lambda_looks_like_is_refused(good, tmp_path):
    def change(config):
        dense_of(config)["config"]["activation"] = {"class_name": "__lambda__", "config": {"value": "4wE="}}

    refused(rewritten(good, tmp_path / "pickled.keras", change), "__lambda__")


@pytest.mark.parametrize("kept", [0, 10, 400, 0.5, -200])
@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_damaged_files(good, tmp_path, suffix, kept):
    path = tmp_path / f"damaged.{suffix}"
    whole = good.read_bytes() if suffix == "keras" else b""
    if suffix == "h5":
        nets.fused().save(tmp_path / "whole.h5")
        whole = (tmp_path / "whole.h5").read_bytes()
    path.write_bytes(whole[: int(kept * len(whole)) if isinstance(kept, float) else kept])
    with pytest.raises(RequestError, match=f"damaged.{suffix}.*: expected a whole model"):
        load_classifier(path)


def test_weights_that_do_not_fit_their_model(good, tmp_path):
    def change(config):
        dense_of(config)["config"]["units"] = 17

    path = rewritten(good, tmp_path / "misfit.keras", change)
    assert inspect(path).kind == "keras"
    with pytest.raises(RequestError, match="misfit.keras, which Keras .* cannot load"):
        load_classifier(path)


def test_weights_alone_are_no_model(tmp_path):
    path = tmp_path / "alone.weights.h5"
    nets.fused().save_weights(path)
    with pytest.raises(RequestError, match="holds weights but no model"):
        inspect(path)


@pytest.mark.parametrize("name", ["missing.keras", "model.pkl", "folder"])
def test_what_is_no_model_file(tmp_path, name):
    (tmp_path / "model.pkl").write_bytes(b"\x80\x04")
    (tmp_path / "folder").mkdir()
    with pytest.raises(RequestError, match=name):
        inspect(tmp_path / name)


def test_names_go_before_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("mlp", "vgg16", "mine"):
        (tmp_path / name).mkdir()
    assert [kind_of(name) for name in ("mlp", "vgg16", "mine", "./mlp", "x.keras")] == [
        "trained",
        "application",
        "file",
        "file",
        "file",
    ]
    with pytest.raises(RequestError, match="--model=vgg: expected one of mlp, vgg16"):
        kind_of("vgg")


def test_open_sizes_and_wrong_inputs(tmp_path):
    images = keras.Input((None, None, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(2, 3, activation="relu")(images))
    keras.Model(images, keras.layers.Dense(2)(x)).save(tmp_path / "open.keras")
    assert load_classifier(tmp_path / "open.keras", image_size=20).image_shape == (20, 20, 3)
    assert load_classifier(tmp_path / "open.keras").image_shape == (224, 224, 3)
    vector = keras.Input((5,))
    keras.Model(vector, keras.layers.Dense(2)(vector)).save(tmp_path / "vector.keras")
    with pytest.raises(RequestError, match="expected images"):
        load_classifier(tmp_path / "vector.keras")
    nets.fused().save(tmp_path / "fixed.keras")
    with pytest.raises(RequestError, match="--image_size=20: expected 6"):
        load_classifier(tmp_path / "fixed.keras", image_size=20)
