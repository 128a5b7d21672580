"""A SavedModel is a program: it is loaded only where its graph can do nothing but compute."""

import keras
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
    models = {make.__name__: make() for make in (nets.normalized, nets.branches)}
    for name, model in models.items():
        model.export(folder / name, verbose=False)
    return folder, models


@pytest.mark.parametrize("name", ["normalized", "branches"])
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
    mine, original = load_classifier(folder / "normalized"), load_classifier_of(models["normalized"])
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


def trained_with(folder, *layers):
    """A network with such layers, saved as TensorFlow saves Keras models with their training: traces of both are in it."""
    module = tf.Module()
    module.model = keras.Sequential([keras.Input(nets.SHAPE), *layers, keras.layers.Flatten(), keras.layers.Dense(3)])
    drawn = tf.function(lambda shape: tf.random.uniform(shape, seed=1))
    noise = tf.function(lambda images: module.model(images + drawn(tf.shape(images))), input_signature=[SPEC])
    module.train = noise
    serve = tf.function(lambda images: tf.nn.relu(module.model(images, training=False)), input_signature=[SPEC])
    tf.saved_model.save(module, folder, signatures={"serving_default": serve})
    return module.model


@pytest.mark.parametrize("name", ["dropout", "transposed", "resized", "padded"])
def test_what_only_computes_is_let_through(tmp_path, name):
    layers = {
        "dropout": [keras.layers.Dropout(0.5), keras.layers.GaussianNoise(0.1)],
        "transposed": [keras.layers.Conv2DTranspose(2, 3), keras.layers.DepthwiseConv2D(2)],
        "resized": [keras.layers.Resizing(9, 9), keras.layers.CenterCrop(4, 4)],
        "padded": [keras.layers.ZeroPadding2D(1), keras.layers.UpSampling2D(2), keras.layers.UnitNormalization()],
    }[name]
    model = trained_with(tmp_path / name, *layers)
    expected = tf.nn.relu(model(nets.images(), training=False))
    np.testing.assert_allclose(load_classifier(tmp_path / name).judge(nets.images()).logits, expected, rtol=1e-4, atol=1e-5)


def test_a_network_that_draws_without_a_seed_is_refused(tmp_path):
    """Its answers would differ from time to time; the file is made by a process that does not ask for the same."""

    def drawing(images):
        return tf.nn.relu(tf.reshape(images, [-1, 108]) + tf.raw_ops.RandomUniform(shape=[108], dtype=tf.float32))

    module = tf.Module()
    module.serve = tf.function(drawing, input_signature=[SPEC])
    tf.saved_model.save(module, tmp_path / "net", signatures={"serving_default": module.serve})
    with pytest.raises(RequestError, match="model net, which cannot compute .*seed"):
        load_classifier(tmp_path / "net")


def altered(folder, change):
    """A SavedModel with its program changed, its variables as they were."""
    from tensorflow.core.protobuf import saved_model_pb2

    path = folder / "saved_model.pb"
    model = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    change(model)
    path.write_bytes(model.SerializeToString())
    return folder


def writing(folder):
    """A SavedModel with a function that writes a file, which the signature does not reach; and that function's name."""
    module = tf.Module()

    @tf.function(input_signature=[])
    def other():
        tf.io.write_file("/nonexistent/owned", "x")

    module.other = other
    serve = tf.function(lambda images: tf.nn.relu(tf.reshape(images, [-1, 108])), input_signature=[SPEC])
    tf.saved_model.save(module, folder, signatures={"serving_default": serve})
    return folder


def writer_of(model):
    library = model.meta_graphs[0].graph_def.library
    return next(each for each in library.function if any(node.op == "WriteFile" for node in each.node_def))


def as_gradient(model):
    library = model.meta_graphs[0].graph_def.library
    library.registered_gradients.add(gradient_func=writer_of(model).signature.name, registered_op_type="CustomGradient-1")


def as_another_implementation(model):
    writer_of(model).attr["api_implements"].s = b"lstm"


def as_signature(model):
    for entry in model.meta_graphs[0].object_graph_def.nodes:
        if "signature_wrapper" in entry.bare_concrete_function.concrete_function_name:
            entry.bare_concrete_function.concrete_function_name = writer_of(model).signature.name


def as_argument(model):
    """A call by way of a list of functions, as `Case` has."""
    for function in model.meta_graphs[0].graph_def.library.function:
        if "signature_wrapper" in function.signature.name:
            function.node_def[0].attr["branches"].list.func.add(name=writer_of(model).signature.name)


def test_what_the_signature_does_not_reach_is_not_looked_at(tmp_path):
    assert load_classifier(writing(tmp_path / "net")).num_classes == 108


@pytest.mark.parametrize("change", [as_gradient, as_another_implementation, as_signature, as_argument])
def test_what_may_be_run_is_looked_at_however_it_is_reached(tmp_path, change):
    with pytest.raises(RequestError, match="whose graph holds WriteFile"):
        load_classifier(altered(writing(tmp_path / "net"), change))


@pytest.mark.parametrize(
    "change",
    [lambda model: model.meta_graphs[0].ClearField("object_graph_def"), lambda model: model.meta_graphs.add()],
    ids=["no objects", "two graphs"],
)
def test_what_is_loaded_as_tensorflow_1_does_is_refused(tmp_path, change):
    with pytest.raises(RequestError, match="a SavedModel of TensorFlow 1: expected .*--allow_custom_code"):
        load_classifier(altered(writing(tmp_path / "net"), change))


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
    (tmp_path / "saved_model.pb").write_bytes((folder / "normalized" / "saved_model.pb").read_bytes())
    with pytest.raises(RequestError, match="which TensorFlow .* cannot load"):
        load_classifier(tmp_path)
