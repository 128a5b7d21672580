"""A frozen Keras classifier, and its taps.

The model owns its bounds: images go in as they are optimised, checked and saved.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tfcollide.errors import RequestError
from tfcollide.shapes import Bounds

__all__ = ["Activations", "Classifier", "Judgement", "Tap"]


class Activations(NamedTuple):
    """Both sides of a ReLU.

    Attributes:
        pre_activation: `[N, U]`, W x + b.
        post_activation: `[N, U]`, max(pre_activation, 0).
    """

    pre_activation: tf.Tensor
    post_activation: tf.Tensor


class Judgement(NamedTuple):
    """What a classifier says of images.

    Attributes:
        logits: `[n, L]` float32.
        probabilities: `[n, L]` float32, their softmax.
        predicted: `[n]` int64, the class on top.
    """

    logits: np.ndarray
    probabilities: np.ndarray
    predicted: np.ndarray


class Tap(NamedTuple):
    """A ReLU layer of a frozen network, seen from both sides.

    Attributes:
        name: of the ReLU layer.
        pre_activation: images `[N, H, W, C]` -> `[N, U]`; differentiable in the images.
    """

    name: str
    pre_activation: Callable[[tf.Tensor], tf.Tensor]

    def __call__(self, images: tf.Tensor) -> Activations:
        """Both sides of the ReLU for `images` `[N, H, W, C]`."""
        pre_activation = self.pre_activation(images)
        return Activations(pre_activation, tf.nn.relu(pre_activation))


class Classifier:
    """A network whose weights do not change.

    Args:
        model: images `[N, H, W, C]` float32 -> logits `[N, L]`; frozen by this class.
        name: what tables call it.
        bounds: the pixel values it reads.
        class_names: one a logit.
    """

    def __init__(self, model: keras.Model, *, name: str, bounds: Bounds, class_names: tuple[str, ...]):
        model.trainable = False
        self.model = model
        self.name = name
        self.bounds = bounds
        self.class_names = class_names

    @property
    def tap_names(self) -> list[str]:
        """The ReLU layers, from the input on."""
        return [layer.name for layer in self.model.layers if isinstance(layer, keras.layers.ReLU)]

    def tap(self, name: str) -> Tap:
        """The tap at the ReLU layer `name`.

        Raises:
            RequestError: the network has no such ReLU.
        """
        if name not in self.tap_names:
            raise RequestError(f"--tap={name}", f"a ReLU of {self.name}: {', '.join(self.tap_names)}")
        below = keras.Model(self.model.inputs[0], self.model.get_layer(name).input)
        return Tap(name, lambda images: tf.reshape(below(images, training=False), [tf.shape(images)[0], -1]))

    def logits(self, images: tf.Tensor) -> tf.Tensor:
        """`[N, L]` for `images` `[N, H, W, C]`; differentiable."""
        return self.model(images, training=False)

    def judge(self, images: np.ndarray, *, batch_size: int = 500) -> Judgement:
        """Classifies `images` `[n, H, W, C]`, float32 in `bounds`, a batch at a time."""
        batches = [self._compiled(tf.constant(images[i : i + batch_size])) for i in range(0, len(images), batch_size)]
        logits = np.concatenate([batch.numpy() for batch in batches])
        return Judgement(logits, tf.nn.softmax(logits).numpy(), logits.argmax(axis=1))

    @functools.cached_property
    def _compiled(self) -> Callable[[tf.Tensor], tf.Tensor]:
        spec = tf.TensorSpec(self.model.input_shape, tf.float32)
        return tf.function(self.logits, input_signature=[spec], autograph=False)
