"""What outputs mean: by the last activation, by the loss that was saved, or as asked for."""

import keras
import numpy as np
import pytest

from tfcollide.errors import RequestError
from tfcollide.models.loading import load_classifier, wrap
from tfcollide.models.saved_loss import loss_in, saved_loss

IMAGES = np.random.default_rng(0).uniform(0, 1, [6, 4, 4, 1]).astype(np.float32)


def model(units, activation=None, loss=None):
    keras.utils.set_random_seed(0)
    hidden = keras.layers.Dense(5, activation="relu", name="fc")
    layers = [keras.layers.Flatten(), hidden, keras.layers.Dense(units, activation=activation, name="end")]
    made = keras.Sequential([keras.Input((4, 4, 1)), *layers])
    if loss is not None:
        made.compile("adam", loss)
    return made


def opened(*ends, outputs="auto"):
    return wrap(model(*ends), name="net", bounds=(0.0, 1.0), outputs=outputs)


OF_LOGITS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
BINARY_OF_LOGITS = keras.losses.BinaryCrossentropy(from_logits=True)


@pytest.mark.parametrize(
    ("ends", "outputs", "kind", "classes"),
    [
        ((3, "softmax"), "auto", "probabilities", 3),
        ((1, "sigmoid"), "auto", "binary", 2),
        ((3, "sigmoid"), "auto", "multilabel", 3),
        ((3, "sigmoid", "binary_crossentropy"), "auto", "multilabel", 3),
        ((3, "sigmoid", "categorical_crossentropy"), "auto", "probabilities", 3),
        ((3, "softmax", "mse"), "auto", "probabilities", 3),
        ((3, None, OF_LOGITS), "auto", "logits", 3),
        ((3, None, BINARY_OF_LOGITS), "auto", "multilabel", 3),
        ((1, None, BINARY_OF_LOGITS), "auto", "binary", 2),
        ((1, None, "hinge"), "auto", "binary", 2),
        ((3, None), "auto", "logits", 3),
        ((3, None, "mse"), "logits", "logits", 3),
        ((3, "sigmoid"), "probabilities", "probabilities", 3),
        ((3, None), "multilabel", "multilabel", 3),
        ((1, None), "binary", "binary", 2),
    ],
)
def test_kinds(ends, outputs, kind, classes, tmp_path):
    """Probabilities are those of the network, whatever its logits are made of."""
    found = opened(*ends, outputs=outputs)
    assert (found.outputs, found.num_classes, found.doubt) == (kind, classes, None)
    given, judged = np.asarray(found.model(IMAGES)), found.judge(IMAGES)
    if ends[1] == "softmax" or (ends[1] == "sigmoid" and kind == "multilabel"):
        np.testing.assert_allclose(judged.probabilities, given, rtol=1e-5)
    elif ends[1] == "sigmoid" and kind == "binary":
        np.testing.assert_allclose(judged.probabilities[:, 1:], given, rtol=1e-5)
    elif ends[1] == "sigmoid":
        np.testing.assert_allclose(judged.probabilities, given / given.sum(axis=1, keepdims=True), rtol=1e-5)
    else:
        np.testing.assert_allclose(judged.logits[:, -given.shape[1] :], given, rtol=1e-6)
    if len(ends) == 3:
        for suffix in (".keras", ".h5"):  # the loss is read back from either file
            found.model.save(tmp_path / f"net{suffix}")
            assert load_classifier(tmp_path / f"net{suffix}", outputs=outputs).outputs == kind
    plain = not (ends[1] == "sigmoid" and kind == "probabilities")
    assert hasattr(found.chain, "stages") == plain
    if plain:
        np.testing.assert_allclose(found.chain.logits(IMAGES), judged.logits, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("ends", "outputs", "words"),
    [
        ((1, None), "auto", "net with one linear output.* Say --outputs=binary if"),
        ((3, None, "mse"), "auto", "net with a linear output, trained with mse: expected a classifier"),
        ((1, None, keras.losses.Huber()), "auto", "trained with Huber: expected a classifier"),
        ((1, "softmax"), "auto", "which has one output: expected two or more"),
        ((1, "sigmoid"), "logits", "--outputs=logits with net, which has one output: expected two or more"),
        ((3, None), "binary", "--outputs=binary with net, which has 3 outputs: expected one output"),
        ((3, "softmax"), "multilabel", "--outputs=multilabel with net, which ends in a softmax: expected one output a label"),
        ((3, "softmax"), "logits", "which ends in a softmax: expected logits of classes"),
        ((3, None), "probabilities", "whose outputs are not all from 0 to 1: expected probabilities"),
    ],
)
def test_refusals(ends, outputs, words):
    with pytest.raises(RequestError, match=words):
        opened(*ends, outputs=outputs)


def test_a_loss_that_the_outputs_contradict():
    found = opened(3, None, "sparse_categorical_crossentropy")
    assert found.outputs == "logits" and "takes outputs for probabilities, yet some are not" in found.doubt


def test_probabilities_that_no_known_activation_makes():
    images = keras.Input((4, 4, 1))
    hidden = keras.layers.Dense(5, activation="relu")(keras.layers.Flatten()(images))
    odds = keras.layers.Dense(1)(hidden)
    made = keras.Model(images, 1.0 / (1.0 + keras.ops.exp(-odds)))
    made.compile("adam", "binary_crossentropy")
    found = wrap(made, name="net")
    assert found.outputs == "binary" and "not made of logits" in found.chain.reason
    np.testing.assert_allclose(found.judge(IMAGES).probabilities[:, 1:], made(IMAGES), rtol=1e-5)


def test_a_sigmoid_in_a_saved_model(tmp_path):
    made = model(3, "sigmoid")
    made.export(tmp_path / "saved", verbose=False)
    found = load_classifier(tmp_path / "saved")
    assert found.outputs == "multilabel"
    np.testing.assert_allclose(found.judge(IMAGES).probabilities, made(IMAGES), rtol=1e-5)


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("sparse_categorical_crossentropy", ("categorical", False)),
        ({"class_name": "BinaryCrossentropy", "config": {"from_logits": True}}, ("binary", True)),
        ({"class_name": "function", "config": "mean_squared_error", "module": "builtins"}, ("regression", False)),
        ([{"class_name": "CategoricalHinge", "config": {}}], ("categorical", True)),
        ({"out": "mae"}, ("regression", False)),
        ({"class_name": "function", "config": "my_own"}, None),
        ({"a": "mse", "b": "mse"}, None),
        (None, None),
        (7, None),
    ],
)
def test_losses_as_files_have_them(loss, expected):
    found = loss_in({"loss": loss})
    assert (found and found[1:]) == expected


def test_files_without_a_loss(tmp_path):
    (tmp_path / "net.keras").write_bytes(b"no archive")
    (tmp_path / "net.h5").write_bytes(b"no file of HDF5")
    for name in ("net.keras", "net.h5", "nowhere.keras", "."):
        assert saved_loss(tmp_path / name) is None
