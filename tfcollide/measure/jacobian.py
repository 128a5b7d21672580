"""The Jacobian of a ReLU's active pre-activations with respect to the image: dense, or as products with it."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfcollide.models.classifier import Tap
from tfcollide.runtime.compiled import compiled
from tfcollide.shapes import ImageShape

__all__ = ["ImageJacobian"]


class ImageJacobian:
    """Derivatives at one tap, compiled once for any image.

    Args:
        tap: the ReLU.
        image_shape: `(H, W, C)`.
        batch: how many rows or columns are computed at once.
    """

    def __init__(self, tap: Tap, image_shape: ImageShape, *, batch: int = 64):
        self._look, self._ceiling = tap.pre_activation, tap.rectifier.ceiling
        self._shape, self._batch = image_shape, batch
        given = [tf.TensorSpec(image_shape, tf.float32), tf.TensorSpec([None, None], tf.float32)]
        self._pull = compiled(self._backward, input_signature=given)
        self._push = compiled(self._forward, input_signature=given)

    def active(self, image: np.ndarray) -> np.ndarray:
        """`[U]` bool, units from zero on up to where the ReLU is flat again."""
        values = self._look(tf.constant(image[None]))[0].numpy()
        return (values >= 0) & (values < self._ceiling)

    def dense(self, image: np.ndarray, active: np.ndarray) -> np.ndarray:
        """`[A, D]` float64, by rows (backward) or by columns (forward), whichever are fewer.

        Args:
            image: `[H, W, C]`.
            active: `[U]` bool, A of them.
        """
        units, size = np.flatnonzero(active), int(np.prod(self._shape))
        if len(units) <= size:
            return self._in_batches(lambda part: self._pull(image, _unit_rows(units[part], len(active))), len(units), size)
        columns = self._in_batches(lambda part: self._push(image, _unit_rows(part, size)).numpy()[:, active], size, len(units))
        return columns.T

    def gram(self, image: np.ndarray, active: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        """The map from rows v to J^T J v, both `[k, D]`, with J the Jacobian of the active units."""
        mask = active.astype(np.float32)

        def product(vectors: np.ndarray) -> np.ndarray:
            parts = [vectors[i : i + self._batch].astype(np.float32) for i in range(0, len(vectors), self._batch)]
            found = [self._pull(image, self._push(image, part) * mask).numpy() for part in parts]
            return np.concatenate(found).astype(np.float64)

        return product

    def _in_batches(self, work: Callable[[np.ndarray], tf.Tensor], count: int, width: int) -> np.ndarray:
        found = np.empty([count, width])
        for start in range(0, count, self._batch):
            part = np.arange(start, min(start + self._batch, count))
            found[part] = np.asarray(work(part))
        return found

    def _tiled(self, image: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
        return tf.repeat(image[None], tf.shape(rows)[0], axis=0)

    def _backward(self, image: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
        """`[k, D]`, rows `[k, U]` times the Jacobian of all units."""
        images = self._tiled(image, rows)
        with tf.GradientTape() as tape:
            tape.watch(images)
            features = self._look(images)
        return tf.reshape(tape.gradient(features, images, output_gradients=rows), [-1, int(np.prod(self._shape))])

    def _forward(self, image: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
        """`[k, U]`, the Jacobian of all units times each of the rows `[k, D]`."""
        images = self._tiled(image, rows)
        with tf.autodiff.ForwardAccumulator(images, tf.reshape(rows, [-1, *self._shape])) as accumulator:
            features = self._look(images)
        return accumulator.jvp(features)


def _unit_rows(places: np.ndarray, width: int) -> np.ndarray:
    rows = np.zeros([len(places), width], np.float32)
    rows[np.arange(len(places)), places] = 1.0
    return rows
