"""Networks of which the answer is known: shared by the tests and by benchmarks/planted.py and benchmarks/ladder.py.

`blind` throws three quarters of the pixels away, every second row and every second column, before anything looks: an
image may change there as it will. `injective` loses nothing up to its tap: its filters are an orthonormal basis of the
blocks, and each comes as w and as -w, so that the ReLU passes one or the other. `dense` is an ordinary network between the two.
"""

from collections.abc import Callable

import keras
import numpy as np

__all__ = ["NETWORKS", "blind", "dense", "fitted", "injective", "reconstruct", "trained"]

_BLOCK, _SEED = 4, 0


def basis() -> np.ndarray:
    """`[16, 16]`, orthonormal columns, one a filter."""
    return np.linalg.qr(np.random.default_rng(_SEED).normal(size=[_BLOCK**2, _BLOCK**2]))[0].astype(np.float32)


def blind(shape: tuple[int, int, int], classes: int, units: int = 128) -> keras.Model:
    """Every second row and column, then a dense ReLU, the tap "seen", then logits."""
    image = keras.Input(shape)
    kept = keras.layers.Conv2D(shape[2], 1, strides=2, use_bias=False, trainable=False, name="keep")
    x = keras.layers.Dense(units, activation="relu", name="seen")(keras.layers.Flatten()(kept(image)))
    model = keras.Model(image, keras.layers.Dense(classes)(x), name="blind")
    kept.set_weights([np.eye(shape[2], dtype=np.float32)[None, None]])
    return model


def injective(shape: tuple[int, int, int], classes: int) -> keras.Model:
    """Blocks of 4x4 in an orthonormal basis, each filter as w and as -w, the ReLU "seen", then logits."""
    image = keras.Input(shape)
    both = keras.layers.Conv2D(2 * _BLOCK**2, _BLOCK, strides=_BLOCK, use_bias=False, trainable=False, name="basis")
    x = keras.layers.ReLU(name="seen")(both(image))
    model = keras.Model(image, keras.layers.Dense(classes)(keras.layers.Flatten()(x)), name="injective")
    one = basis().reshape(_BLOCK, _BLOCK, 1, _BLOCK**2)
    both.set_weights([np.concatenate([one, -one], axis=-1)])
    return model


def dense(shape: tuple[int, int, int], classes: int, units: int = 128) -> keras.Model:
    """A dense ReLU of all pixels, the tap "seen", then logits."""
    image = keras.Input(shape)
    x = keras.layers.Dense(units, activation="relu", name="seen")(keras.layers.Flatten()(image))
    return keras.Model(image, keras.layers.Dense(classes)(x), name=f"dense_{units}")


def reconstruct(features: np.ndarray) -> np.ndarray:
    """The images `[n, H, W, 1]` of which `injective` has these features `[n, H / 4, W / 4, 32]` after its ReLU."""
    ways = features[..., : _BLOCK**2] - features[..., _BLOCK**2 :]
    blocks = (ways @ basis().T).reshape(*ways.shape[:3], _BLOCK, _BLOCK)
    count, down, across = blocks.shape[:3]
    return blocks.transpose(0, 1, 3, 2, 4).reshape(count, down * _BLOCK, across * _BLOCK, 1)


NETWORKS = {"blind": blind, "injective": injective}


def trained(name: str, data, epochs: int = 10) -> keras.Model:
    """One of them, trained on a data set; it reads pixels from 0 to 1."""
    return fitted(NETWORKS[name], data, epochs)


def fitted(network: Callable[[tuple[int, int, int], int], keras.Model], data, epochs: int = 10) -> keras.Model:
    """What `network` makes of a shape and a number of classes, trained on a data set."""
    keras.utils.set_random_seed(_SEED)
    model = network(data.shape, len(data.class_names))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3), loss, metrics=["accuracy"])
    model.fit(data.train.images.astype("float32") / 255.0, data.train.labels, batch_size=100, epochs=epochs, verbose=0)
    return model
