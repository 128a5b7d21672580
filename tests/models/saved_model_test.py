"""A SavedModel is a program: it is loaded only where its graph can do nothing but compute."""

import numpy as np
import pytest
import tensorflow as tf

from tfcollide.errors import RequestError
from tfcollide.models.loading import load_classifier

from . import nets

SPEC = tf.TensorSpec([None, *nets.SHAPE], tf.float32)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    models = {make.__name__: make() for make in (nets.normalised, nets.branches)}
    for name, model in models.items():
        model.export(folder / name, verbose=False)
    return folder, models


@pytest.mark.parametrize("name", ["normalised", "branches"])
def test_a_keras_export_is_the_model(exported, name):
    folder, models = exported
    classifier = load_classifier(folder / name)
    images = tf.constant(nets.images(upper=9.0))
    np.testing.assert_allclose(classifier.judge(images.numpy()).probabilities, models[name](images), rtol=1e-4, atol=1e-6)
    original = load_classifier_of(models[name])
    assert len(classifier.tap_names) == len(original.tap_names)
    for tap_name in classifier.tap_names:
        tap = classifier.tap(tap_name)
        resumed = nets.resume(classifier, tap_name, tap(images).post_activation, images)
        np.testing.assert_array_equal(resumed, classifier.logits(images))
    own = {original.tap(n).unit_shape for n in original.tap_names}
    assert {classifier.tap(n).unit_shape for n in classifier.tap_names} == own
    assert len(classifier.sole_taps) == len(original.sole_taps)


def load_classifier_of(model):
    from tfcollide.models.loading import wrap

    return wrap(model, name="original")


def test_gradients_go_through(exported):
    folder, models = exported
    mine, original = load_classifier(folder / "normalised"), load_classifier_of(models["normalised"])
    images = tf.constant(nets.images())

    def gradient(tap):
        with tf.GradientTape() as tape:
            tape.watch(images)
            value = tf.reduce_sum(tf.square(tap.pre_activation(images)))
        return tape.gradient(value, images)

    pair = (mine.tap(mine.tap_names[0]), original.tap("bn_relu"))
    np.testing.assert_allclose(*(gradient(tap) for tap in pair), rtol=1e-3, atol=1e-4)


def save(folder, body):
    module = tf.Module()
    module.weights = tf.Variable(tf.ones([108, 3]))

    @tf.function(input_signature=[SPEC])
    def serve(images):
        body(images)
        return tf.nn.softmax(tf.nn.relu(tf.reshape(images, [-1, 108])) @ module.weights)

    tf.saved_model.save(module, folder, signatures={"serving_default": serve})
    return folder


@pytest.mark.parametrize(
    ("body", "operation"),
    [
        (lambda images: tf.io.write_file("/nonexistent/owned", "x"), "WriteFile"),
        (lambda images: tf.print(tf.io.read_file("/etc/hostname")), "ReadFile|PrintV2|StringFormat"),
        (lambda images: tf.py_function(lambda: 0, [], tf.int32), "EagerPyFunc"),
        (
            lambda images: tf.raw_ops.RestoreV2(prefix="x", tensor_names=["y"], shape_and_slices=[""], dtypes=[tf.float32]),
            "RestoreV2",
        ),
    ],
)
def test_operations_that_reach_out_are_refused(tmp_path, body, operation):
    with pytest.raises(RequestError, match=f"whose graph holds ({operation}).*--allow_custom_code"):
        load_classifier(save(tmp_path / "bad", body))


def test_tables_are_refused(tmp_path):
    """They are filled when the model is loaded, from files if need be."""
    module = tf.Module()
    module.table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["a"], [1]), 0)
    serve = tf.function(lambda images: tf.nn.relu(tf.reshape(images, [-1, 108])), input_signature=[SPEC])
    tf.saved_model.save(module, tmp_path / "table", signatures={"serving_default": serve})
    with pytest.raises(RequestError, match="which loads a|whose graph holds"):
        load_classifier(tmp_path / "table")


@pytest.mark.parametrize("content", [b"", b"nonsense"])
def test_damaged(tmp_path, content):
    (tmp_path / "saved_model.pb").write_bytes(content)
    with pytest.raises(RequestError, match="whose saved_model.pb cannot be read"):
        load_classifier(tmp_path)


def test_variables_that_are_missing(exported, tmp_path):
    folder, _ = exported
    (tmp_path / "saved_model.pb").write_bytes((folder / "normalised" / "saved_model.pb").read_bytes())
    with pytest.raises(RequestError, match="which TensorFlow .* cannot load"):
        load_classifier(tmp_path)
