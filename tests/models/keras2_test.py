"""Files of Keras 2: converted where tf_keras is installed, and else a line that says what to do, which works."""

import importlib.util
import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from tfcollide.errors import RequestError
from tfcollide.models.loading import load_classifier
from tfcollide.models.model_file import inspect

from . import nets

# What a user of Keras 2 does; the last line is the way out that a refusal names.
PROGRAM = """
import sys
import numpy as np
import tf_keras

folder, layers = sys.argv[1], tf_keras.layers
tf_keras.utils.set_random_seed(0)
model = tf_keras.Sequential([
    layers.Input((6, 6, 3)), layers.SeparableConv2D(4, 3, activation="relu"), layers.BatchNormalization(), layers.Flatten(),
    layers.Dense(5, activation="relu", name="fc"), layers.Dense(4, activation="softmax"),
])
model.compile("adam", "categorical_crossentropy")
np.save(folder + "/expected.npy", model.predict(np.load(folder + "/images.npy"), verbose=0))
model.save(folder + "/old.h5")
model.save(folder + "/old.keras")
images = tf_keras.Input((6, 6, 3))
tf_keras.Model(images, layers.Dense(3)(layers.Flatten()(layers.Lambda(lambda x: x + 1)(images)))).save(folder + "/code.h5")
tf_keras.models.load_model(folder + "/old.h5").export(folder + "/exported")
"""


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    """A folder with a network of Keras 2 in three forms, and what it predicts."""
    if importlib.util.find_spec("tf_keras") is None:
        pytest.skip("the package tf_keras is missing")
    folder = tmp_path_factory.mktemp("keras2")
    np.save(folder / "images.npy", nets.images())
    subprocess.run([sys.executable, "-c", PROGRAM, str(folder)], check=True, capture_output=True)
    return folder


@pytest.mark.parametrize("name", ["old.h5", "old.keras", "exported"])
def test_a_network_of_keras_2_is_what_it_was(old, name):
    classifier = load_classifier(old / name)
    found = classifier.judge(np.load(old / "images.npy")).probabilities
    np.testing.assert_allclose(found, np.load(old / "expected.npy"), rtol=1e-4, atol=1e-6)
    assert classifier.name == name.partition(".")[0] and "fc" in classifier.tap_names and classifier.default_tap == "fc"


@pytest.mark.parametrize("name", ["old.h5", "old.keras"])
def test_without_tf_keras_both_ways_out_are_named(old, monkeypatch, name):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "tf_keras" else found(name))
    with pytest.raises(RequestError) as caught:
        load_classifier(old / name)
    line = str(caught.value)
    for words in ("Keras 2.", 'pip install "tfcollide[keras2]"', f'tf_keras.models.load_model("{name}").export(FOLDER)'):
        assert words in line
    assert "\n" not in line


def test_code_in_an_old_file_is_refused(old):
    with pytest.raises(RequestError, match=r"carries code .*\(Lambda 'lambda'\).*--allow_custom_code"):
        inspect(old / "code.h5")


def changed(old, path, change):
    """The `.keras` file with its configuration changed."""
    with zipfile.ZipFile(old / "old.keras") as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "config.json":
                config = json.loads(content)
                change(config["config"]["layers"][-1])
                content = json.dumps(config)
            target.writestr(name, content)
    return path


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"module": "os", "class_name": "system"}, "names os.system"),
        ({"module": "keras.src.layers.core", "class_name": "lambda_layer.Lambda"}, "not part of Keras"),
        ({"module": "keras.layers", "class_name": "x", "registered_name": "Lambda"}, r"carries code .*\(Lambda"),
        ({"compile_config": {"loss": {"module": "os", "class_name": "x", "config": {}}}}, "names os.x"),
    ],
)
def test_whatever_tf_keras_would_run_is_refused(old, tmp_path, change, said):
    with pytest.raises(RequestError, match=said):
        inspect(changed(old, tmp_path / "bad.keras", lambda layer: layer.update(change)))


def test_a_damaged_old_file(old, tmp_path):
    path = changed(old, tmp_path / "bad.keras", lambda layer: layer["config"].update(units=17))
    with pytest.raises(RequestError, match="which Keras 2.* saved and tf_keras cannot load") as caught:
        load_classifier(path)
    assert "\n" not in str(caught.value)
