"""Small networks, one for each way in which a ReLU can stand in a graph."""

import keras
import numpy as np
import tensorflow as tf

SHAPE = (6, 6, 3)


def _flat_head(x):
    x = keras.layers.Dense(5, activation="relu", name="fc")(keras.layers.Flatten()(x))
    return keras.layers.Dense(4, activation="softmax", name="predictions")(x)


def fused():
    images = keras.Input(SHAPE)
    return keras.Model(images, _flat_head(keras.layers.Conv2D(4, 3, activation="relu", name="conv")(images)))


def sequential():
    layers = [keras.layers.Conv2D(4, 3, name="conv"), keras.layers.Activation("relu", name="relu"), keras.layers.Flatten()]
    return keras.Sequential([keras.Input(SHAPE), *layers, keras.layers.Dense(4, name="logits"), keras.layers.Softmax()])


def normalized():
    images = keras.Input(SHAPE)
    x = keras.layers.BatchNormalization(name="bn")(keras.layers.Conv2D(4, 3, use_bias=False)(images))
    model = keras.Model(images, _flat_head(keras.layers.ReLU(name="bn_relu")(x)))
    statistics = np.random.default_rng(1)
    layer = model.get_layer("bn")
    layer.set_weights([statistics.uniform(0.5, 1.5, weight.shape) for weight in layer.get_weights()])
    return model


def branches():
    images = keras.Input(SHAPE)
    left = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="left")(images)
    right = keras.layers.SeparableConv2D(4, 3, padding="same", activation="relu6", name="right")(images)
    x = keras.ops.relu(keras.layers.Add()([left, -right]))
    return keras.Model(images, _flat_head(keras.layers.Concatenate()([x, left])))


def nested():
    inner_images = keras.Input(SHAPE)
    inner = keras.Model(inner_images, keras.layers.ReLU(name="relu_1")(keras.layers.Conv2D(3, 3)(inner_images)), name="inner")
    core = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Conv2D(2, 3, activation="relu", name="conv")], name="core")
    images = keras.Input(SHAPE)
    return keras.Model(images, _flat_head(core(inner(images))))


def shared():
    images = keras.Input(SHAPE)
    twice = keras.layers.Conv2D(3, 3, padding="same", activation="relu", name="twice")
    return keras.Model(images, _flat_head(twice(twice(images))))


class Subclassed(keras.Model):
    """Has no graph of its own."""

    def __init__(self):
        super().__init__()
        self.conv = keras.layers.Conv2D(4, 3, activation="relu", name="conv")
        self.flatten = keras.layers.Flatten()
        self.logits = keras.layers.Dense(4, name="logits")

    def call(self, images):
        return self.logits(self.flatten(self.conv(images)))


def subclassed():
    model = Subclassed()
    model(np.zeros([1, *SHAPE], np.float32))
    return model


TAPS = {
    fused: ["conv", "fc"],
    sequential: ["relu"],
    normalized: ["bn_relu", "fc"],
    branches: ["right", "left", "relu", "fc"],
    nested: ["inner/relu_1", "core/conv", "fc"],
    shared: ["twice", "twice:2", "fc"],
    subclassed: ["conv"],
}


def check_taps(names, make):
    """That these are the taps of a network; Keras numbers operations through the whole process."""
    plain = ["relu" if name.startswith("relu_") and make is branches else name for name in names]
    assert sorted(plain) == sorted(TAPS[make])


def resume(classifier, tap_name, post_activation, images=None):
    """Logits from the far side of a tap on; `images` where other branches go round it."""
    place, graph = classifier._taps[tap_name], classifier._graph
    values = tf.reshape(post_activation, [-1, *classifier.tap(tap_name).unit_shape])
    known = {place.after: values} | ({} if images is None else {graph.source: images})
    return classifier._logits.finish(*graph.run(known, classifier._logits.value))


def images(shape=SHAPE, count=3, upper=1.0):
    return np.random.default_rng(0).uniform(0, upper, [count, *shape]).astype(np.float32)
