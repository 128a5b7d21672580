"""A network split at a ReLU and resumed from there is the network."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcollide.errors import RequestError
from tfcollide.models.classifier import Classifier
from tfcollide.models.graph import Graph
from tfcollide.models.loading import load_classifier
from tfcollide.models.taps import find_taps
from tfcollide.shapes import Bounds

from . import nets


def check_every_split(model, images):
    """Resumed from each ReLU's far side, what the network gives is the same to the bit."""
    graph = Graph(model, images.shape[1:])
    taps, expected = find_taps(graph), model(images, training=False)
    np.testing.assert_array_equal(graph.run({graph.source: images}, graph.result)[0], expected)
    for name, place in taps.items():
        (before,) = graph.run({graph.source: images}, place.before)
        np.testing.assert_array_equal(place.rectifier(before), graph.run({graph.source: images}, place.after)[0], err_msg=name)
        known = {graph.source: images, place.after: place.rectifier(before)}
        np.testing.assert_array_equal(graph.run(known, graph.result)[0], expected, err_msg=name)
        assert before.shape[1:] == place.shape
    return taps


def check_all_at_once(model, images):
    """The network cut at every ReLU, each part fed by those before it; and resumed at three ReLUs alone."""
    graph = Graph(model)
    taps, expected = find_taps(graph), model(images, training=False)
    values = {graph.source: images}
    for place in taps.values():
        values[place.after] = place.rectifier(graph.run(values, place.before)[0])
    np.testing.assert_array_equal(graph.run(values, graph.result)[0], expected)
    for name in list(taps)[:: -(-len(taps) // 3)]:
        known = {graph.source: images, taps[name].after: values[taps[name].after]}
        np.testing.assert_array_equal(graph.run(known, graph.result)[0], expected, err_msg=name)
    return taps


@pytest.mark.parametrize("make", nets.TAPS, ids=lambda make: make.__name__)
def test_every_relu_of_small_networks(make):
    keras.utils.clear_session()  # layers are numbered through a process
    keras.utils.set_random_seed(0)
    model = make()
    before = [weight.copy() for weight in model.get_weights()]
    activations = [getattr(layer, "activation", None) for layer in model.layers]
    nets.check_taps(check_every_split(model, tf.constant(nets.images())), make)
    assert [getattr(layer, "activation", None) for layer in model.layers] == activations  # the model is as it was
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize(
    ("name", "count", "first", "last"),
    [
        ("vgg16_tiny_imagenet20", 15, "block1_conv1", "fc2"),
        ("squeezenet_imagenet", 26, "relu_conv1", "relu_conv_final"),
    ],
)
def test_every_relu_of_a_file(shared_path, name, count, first, last):
    classifier = load_classifier(shared_path(f"models/{name}.keras"))
    taps = list(check_all_at_once(classifier.model, tf.constant(nets.images(classifier.image_shape, 1, 255))))
    assert (len(taps), taps[0], taps[-1]) == (count, first, last)


@pytest.mark.parametrize(
    ("function", "size", "relus", "ceiling"),
    [
        (keras.applications.VGG16, 32, 15, np.inf),
        (keras.applications.ResNet50, 32, 49, np.inf),
        (keras.applications.MobileNet, 32, 27, 6.0),
        (keras.applications.DenseNet121, 32, 121, np.inf),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_every_relu_of_an_application(function, size, relus, ceiling):
    keras.utils.set_random_seed(0)
    model = function(weights=None, input_shape=(size, size, 3), classes=3)
    taps = check_all_at_once(model, tf.constant(nets.images((size, size, 3), 1, 255)))
    assert len(taps) == relus and {place.rectifier.ceiling for place in taps.values()} == {ceiling}


def test_only_the_layers_below_a_tap_are_called():
    calls = []

    class Spy(keras.layers.Layer):
        def call(self, values):
            calls.append(self.name)
            return values

    images = keras.Input((2, 2, 1))
    x = keras.layers.ReLU(name="tap")(Spy(name="below")(images))
    outputs = keras.layers.Dense(3)(keras.layers.Flatten()(Spy(name="above")(x)))
    classifier = Classifier(keras.Model(images, outputs), name="spied", bounds=Bounds(0.0, 1.0))
    calls.clear()
    tap = classifier.tap("tap")
    tap(tf.zeros([1, 2, 2, 1]))
    assert calls == ["below"]
    calls.clear()
    nets.resume(classifier, "tap", tf.zeros([1, 4]))
    assert calls == ["above"]


def test_a_layer_that_is_random_in_training_is_not_here():
    images = keras.Input((4,))
    model = keras.Model(images, keras.layers.Dropout(0.9)(images))
    graph = Graph(model)
    np.testing.assert_array_equal(graph.run({0: tf.ones([2, 4])}, graph.result)[0], np.ones([2, 4]))


def test_several_inputs_are_refused():
    one, two = keras.Input((2,)), keras.Input((2,))
    with pytest.raises(RequestError, match="2 inputs and 1 outputs: expected one of each"):
        Graph(keras.Model([one, two], keras.layers.Add()([one, two])))


def test_a_model_that_cannot_be_followed_is_refused():
    class Opaque(keras.Model):
        def call(self, images):
            return tf.constant(np.asarray(images).sum(axis=(1, 2)))

    model = Opaque(name="opaque")
    model(np.zeros([1, 2, 2, 3], np.float32))
    with pytest.raises(RequestError, match="opaque of class Opaque, whose layers cannot be followed"):
        Graph(model, (2, 2, 3))
