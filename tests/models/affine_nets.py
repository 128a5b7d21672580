"""Networks that are affine up to a ReLU called "tap", one for each way in which a graph can be put together.

Constants are powers of two, so that a network in float64 with the same weights is the same function.
"""

import functools

import keras
import numpy as np

layers, ops = keras.layers, keras.ops
SHAPE = (8, 7, 3)


def _end(x, name="tap", units=5):
    """A dense layer, the tap, and logits."""
    return layers.Dense(3)(layers.ReLU(name=name)(layers.Dense(units)(layers.Flatten()(x))))


def sequential():
    within = [layers.Rescaling(0.5, offset=-0.25), layers.Conv2D(4, 3, strides=2, padding="same"), layers.BatchNormalization()]
    rest = [layers.ReLU(name="tap"), layers.Flatten(), layers.Dense(3)]
    return keras.Sequential([keras.Input(SHAPE), *within, *rest]), "tap"


def first_convolution():
    images = keras.Input(SHAPE)
    x = layers.Conv2D(3, (3, 2), activation="relu", name="tap")(images)
    return keras.Model(images, layers.Dense(3)(layers.GlobalAveragePooling2D()(x))), "tap"


def pooled():
    images = keras.Input(SHAPE)
    x = layers.AveragePooling2D((3, 2), strides=2, padding="same")(layers.ZeroPadding2D(((1, 0), (2, 1)))(images))
    x = layers.DepthwiseConv2D(2, depth_multiplier=3, dilation_rate=2)(layers.Cropping2D(((0, 1), (0, 0)))(x))
    return keras.Model(images, _end(layers.Permute((3, 1, 2))(x))), "tap"


def grouped():
    images = keras.Input((7, 7, 3))
    x = layers.Conv2D(6, 3, groups=3, padding="same", dilation_rate=2)(images)
    return keras.Model(images, _end(layers.GlobalAveragePooling2D(keepdims=True)(x))), "tap"


def rows():
    """Along one axis."""
    images = keras.Input((12, 6))
    x = layers.Conv1D(4, 3, strides=2)(layers.BatchNormalization(axis=1)(images))
    return keras.Model(images, _end(layers.AveragePooling1D(2)(layers.Dense(5)(x)))), "tap"


def nested():
    first = keras.Input(SHAPE)
    inner = keras.Model(first, layers.ReLU(name="relu")(layers.Conv2D(3, 2, strides=2)(first)), name="inner")
    images = keras.Input(SHAPE)
    return keras.Model(images, layers.Dense(3)(layers.Flatten()(inner(layers.Rescaling(2.0)(images))))), "inner/relu"


def shared():
    """The first call of the ReLU is a branch beside the one tapped."""
    images, relu = keras.Input(SHAPE), layers.ReLU(name="relu")
    one = relu(layers.Dense(4)(layers.Flatten()(images)))
    other = relu(layers.Dense(4)(layers.Flatten()(images)))
    return keras.Model(images, layers.Dense(3)(layers.Add()([one, other]))), "relu:2"


def fused():
    images = keras.Input(SHAPE)
    x = layers.Dense(6, activation=keras.activations.relu, name="fc")(layers.Flatten()(images))
    return keras.Model(images, layers.Dense(3, activation="softmax")(x)), "fc"


def functions():
    images = keras.Input(SHAPE)
    x = ops.reshape((images - 0.5) * 0.25 + np.array([0.5, -2.0, 0.25], np.float32), (-1, 7, 24))
    x = layers.Dense(4)(ops.transpose(1.0 - x / 4.0, (0, 2, 1)))
    x = ops.relu(-ops.concatenate([x[:, 1:3], ops.flip(x, axis=1)], axis=1))
    return keras.Model(images, layers.Dense(3)(layers.Flatten()(x))), None


def skip():
    """A connection round two layers, without a ReLU between."""
    images = keras.Input(SHAPE)
    x = layers.Conv2D(3, 3, padding="same")(layers.Conv2D(4, 3, padding="same")(images))
    x = layers.Subtract()([layers.Add()([x, images, images]), layers.BatchNormalization()(images)])
    return keras.Model(images, _end(x)), "tap"


class Subclass(keras.Model):
    def __init__(self):
        super().__init__()
        self.convolution = layers.Conv2D(3, 3, activation="relu", name="conv")
        self.flatten, self.head = layers.Flatten(), layers.Dense(3)

    def call(self, images):
        return self.head(self.flatten(self.convolution(images / 2.0)))


def subclassed():
    model = Subclass()
    model(np.zeros([1, *SHAPE], np.float32))
    return model, "conv"


def random_graph(seed):
    """Six random steps, each from any value before it, and all that nothing reads joined at the end."""
    rng = np.random.default_rng(seed)
    steps = [
        lambda x: layers.Conv2D(3, 3, padding="same", dilation_rate=2)(x),
        lambda x: layers.DepthwiseConv2D(2, padding="same")(x),
        lambda x: layers.AveragePooling2D(3, strides=1, padding="same")(x),
        lambda x: layers.BatchNormalization(axis=2)(x),
        lambda x: layers.Dense(3)(x),
        lambda x: layers.ZeroPadding2D(((2, 0), (0, 1)))(x[:, :-2, 1:]),
        lambda x: ops.flip(0.5 - x, axis=1),
        lambda x: keras.Sequential([keras.Input(SHAPE), layers.Conv2D(3, 1), layers.Dropout(0.5), layers.Identity()])(x),
    ]
    images = keras.Input(SHAPE)
    values, unread = [images], set()
    for step in rng.choice(len(steps), 6):
        chosen = [int(i) for i in rng.choice(len(values), min(len(values), int(rng.integers(1, 3))), replace=False)]
        given = [values[i] for i in chosen]
        x = given[0] if len(given) == 1 else rng.choice([layers.Add, layers.Subtract])()(given)
        unread = (unread - set(chosen)) | {len(values)}
        values.append(steps[step](x))
    return keras.Model(images, _end(layers.Concatenate()([images, *(values[i] for i in sorted(unread))]))), "tap"


RANDOM = [functools.partial(random_graph, seed) for seed in range(6)]
NETS = [sequential, first_convolution, pooled, grouped, rows, nested, shared, fused, functions, skip, subclassed, *RANDOM]


def name_of(make):
    return f"random_{make.args[0]}" if isinstance(make, functools.partial) else make.__name__


def randomized(model, seed=0):
    """`model` with other weights."""
    rng = np.random.default_rng(seed)
    for variable in model.weights:
        values = rng.normal(size=variable.shape)
        variable.assign(np.abs(values) + 0.1 if "variance" in variable.path else values)
    return model


def twins(make, seed=0):
    """The network with random weights in float32, the same function in float64, and the tap's name in each; None: the first."""
    found = []
    policy = keras.config.dtype_policy()
    for precision in ("float32", "float64"):
        keras.config.set_floatx(precision)
        keras.config.set_dtype_policy(precision)
        try:
            found.append(make())
        finally:
            keras.config.set_floatx("float32")
            keras.config.set_dtype_policy(policy)
    (model, tap), (twin, other) = found
    randomized(model, seed)
    for one, same in zip(model.weights, twin.weights, strict=True):
        same.assign(np.asarray(one, np.float64))
    return model, twin, tap, other
