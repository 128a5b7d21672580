"""Trains the small networks that other benchmarks judge: ordinary ones, of the kinds that people have.

    python benchmarks/train_networks.py --data_dir=FOLDER --out=networks [--only=convnet,residual] [--dataset=mnist]

Each is written as OUT/NAME.keras and reads pixels of 0..1; a file that is there already is kept.
"""

import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from absl import flags

from tfcollide.runtime.quiet import import_tensorflow

_KNOWN = flags.FlagValues()
flags.DEFINE_string("data_dir", None, "As of bin/collide.", flag_values=_KNOWN)
flags.DEFINE_string("dataset", "mnist", "As of bin/collide.", flag_values=_KNOWN)
flags.DEFINE_string("out", None, "Folder of the networks.", flag_values=_KNOWN)
flags.DEFINE_list("only", None, "Names of networks; all by default.", flag_values=_KNOWN)
flags.DEFINE_integer("epochs", 4, "Passes over the training images.", flag_values=_KNOWN)
flags.DEFINE_integer("seed", 0, "Of the weights and of the order of the images.", flag_values=_KNOWN)


def convnet(x, layers, classes):
    """Keras's own example for MNIST: two convolutions, two max-pools, dropout."""
    x = layers.Conv2D(32, 3, activation="relu", name="conv2d")(x)
    x = layers.MaxPooling2D()(x)
    x = layers.Conv2D(64, 3, activation="relu", name="conv2d_1")(x)
    x = layers.MaxPooling2D()(x)
    x = layers.Dropout(0.5)(layers.Flatten()(x))
    return layers.Dense(classes, activation="softmax", name="predictions")(x)


def convnet_dense(x, layers, classes):
    """The same with a dense ReLU of 128 before the logits."""
    x = layers.MaxPooling2D()(layers.Conv2D(32, 3, activation="relu")(x))
    x = layers.MaxPooling2D()(layers.Conv2D(64, 3, activation="relu")(x))
    x = layers.Dense(128, activation="relu", name="dense")(layers.Flatten()(x))
    return layers.Dense(classes, activation="softmax", name="predictions")(x)


def four_convolutions(x, layers, classes):
    """Four convolutions, two max-pools and a dense layer of 128."""
    for width in (16, 32):
        x = layers.Conv2D(width, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D()(layers.Conv2D(width, 3, activation="relu")(x))
    x = layers.Dense(128, activation="relu", name="dense")(layers.Flatten()(x))
    return layers.Dense(classes, activation="softmax", name="predictions")(x)


def normalized(x, layers, classes):
    """Depthwise convolutions, batch normalization and ReLU6, as in MobileNet."""
    x = layers.ReLU(6.0)(layers.BatchNormalization()(layers.Conv2D(16, 3, strides=2, use_bias=False)(x)))
    for width, strides in ((32, 2), (64, 1)):
        x = layers.DepthwiseConv2D(3, strides=strides, padding="same", use_bias=False)(x)
        x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
        x = layers.ReLU(6.0)(layers.BatchNormalization()(layers.Conv2D(width, 1, use_bias=False)(x)))
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.ReLU(6.0, name="top_relu")(layers.BatchNormalization()(layers.Dense(128)(x)))
    return layers.Dense(classes, activation="softmax", name="predictions")(x)


def two_branches(x, layers, classes):
    """Two branches of different kernels, joined before a dense layer."""
    one = layers.MaxPooling2D(4)(layers.Conv2D(16, 3, activation="relu")(x))
    other = layers.MaxPooling2D(4)(layers.Conv2D(16, 5, padding="same", activation="relu")(x))
    x = layers.Concatenate()([layers.Flatten()(one), layers.Flatten()(other)])
    x = layers.Dense(128, activation="relu", name="dense")(x)
    return layers.Dense(classes, activation="softmax", name="predictions")(x)


def residual(x, layers, classes):
    """A residual block with batch normalization between two convolutions."""
    x = layers.MaxPooling2D()(layers.Conv2D(16, 3, activation="relu")(x))
    inner = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(16, 3, padding="same")(x)))
    inner = layers.BatchNormalization()(layers.Conv2D(16, 3, padding="same")(inner))
    x = layers.ReLU()(layers.Add()([x, inner]))
    x = layers.Dense(128, activation="relu", name="dense")(layers.Flatten()(layers.MaxPooling2D()(x)))
    return layers.Dense(classes, activation="softmax", name="predictions")(x)


NETWORKS: dict[str, Callable] = {
    one.__name__: one for one in (convnet, convnet_dense, four_convolutions, normalized, two_branches, residual)
}


def main() -> int:
    _KNOWN(sys.argv)
    import_tensorflow()
    import keras

    from tfcollide.data.load_dataset import load_dataset
    from tfcollide.files.atomic import write_bytes
    from tfcollide.models.training import make_deterministic

    data = load_dataset(_KNOWN.dataset, data_dir=_KNOWN.data_dir)
    out = Path(_KNOWN.out)
    out.mkdir(parents=True, exist_ok=True)
    for name in _KNOWN.only or NETWORKS:
        path = out / f"{name}.keras"
        if path.exists():
            continue
        make_deterministic()
        keras.utils.set_random_seed(_KNOWN.seed)
        image = keras.Input(data.shape)
        model = keras.Model(image, NETWORKS[name](image, keras.layers, len(data.class_names)), name=name)
        steps = -(-len(data.train.labels) // 250) * _KNOWN.epochs
        rate = keras.optimizers.schedules.CosineDecay(3e-3, steps)
        model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(
            data.train.images.astype("float32") / 255.0, data.train.labels, batch_size=250, epochs=_KNOWN.epochs, verbose=0
        )
        _, accuracy = model.evaluate(data.test.images.astype("float32") / 255.0, data.test.labels, batch_size=500, verbose=0)
        model.save(out / f".{name}.keras")
        write_bytes(path, (out / f".{name}.keras").read_bytes())
        (out / f".{name}.keras").unlink()
        print(f"{path}: {100 * accuracy:.2f} % of the test images", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
