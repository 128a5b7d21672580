"""A network as it is deployed: in bfloat16, and as a TFLite file, of ours or of the user's."""

import contextlib
import warnings
from collections.abc import Callable, Iterator
from typing import TypeAlias

import keras
import numpy as np
import tensorflow as tf

from tfcollide.errors import RequestError
from tfcollide.models.classifier import Classifier
from tfcollide.models.keras_private import layers_within
from tfcollide.models.loading import set_precision
from tfcollide.runtime.quiet import without_chatter

__all__ = ["LITE_KINDS", "Logits", "in_bfloat16", "lite_bytes", "lite_logits"]

Logits: TypeAlias = Callable[[np.ndarray], np.ndarray]
"""Images `[n, H, W, C]` float32 in the network's bounds -> `[n, L]` float32."""

LITE_KINDS = ("float16", "int8")
_EXAMPLES = 100


def in_bfloat16(network: Classifier) -> Logits:
    """The network whose layers compute in bfloat16; weights stay as they are until they are used.

    Raises:
        RequestError: the network is no Keras model.
    """
    if not isinstance(network.model, keras.Model):
        raise RequestError(f"{network.name}, which is no Keras model", "one whose layers can compute in another type")
    spec = tf.TensorSpec([None, *network.image_shape], tf.float32)
    compiled = tf.function(network.logits, autograph=False)
    with _policies_kept(network.model):
        set_precision(network.model, "mixed_bfloat16")
        traced = compiled.get_concrete_function(spec)
    return _batched(lambda images: tf.cast(traced(tf.constant(images)), tf.float32).numpy(), network.batch_size)


def lite_bytes(network: Classifier, kind: str, examples: np.ndarray) -> bytes:
    """The network as the content of a TFLite file that gives logits.

    Args:
        network: a network.
        kind: one of `LITE_KINDS`: weights in float16; or weights and values in int8, between floats.
        examples: `[n, H, W, C]` float32, by which the ranges of int8 are chosen.

    Raises:
        RequestError: TensorFlow cannot convert it.
    """
    spec = tf.TensorSpec([1, *network.image_shape], tf.float32)
    function = tf.function(network.logits, autograph=False).get_concrete_function(spec)
    root = tf.Module()  # the converter keeps the values of the variables that it finds here
    root.variables_kept, root.function = list(function.graph.variables), function
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], root)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if kind == "float16":
        converter.target_spec.supported_types = [tf.float16]
    else:
        converter.representative_dataset = lambda: ([image[None]] for image in examples[:_EXAMPLES])
    try:
        with without_chatter():
            return bytes(converter.convert())
    except Exception as error:  # its converter raises anything
        detail = " ".join(str(error).split())[:200]
        raise RequestError(f"{network.name} ({detail})", "a network that TensorFlow can convert to TFLite") from error


def lite_logits(content: bytes, network: Classifier, *, name: str) -> Logits:
    """Asks a TFLite file, image by image.

    Args:
        content: of the file. It takes images as the network does, or quantized, and gives a number per class, logits or
            probabilities.
        network: that it stands for.
        name: of the file, for messages.

    Raises:
        RequestError: it takes other images, or gives another number of classes.
    """
    with warnings.catch_warnings(action="ignore"), without_chatter():
        interpreter = tf.lite.Interpreter(model_content=content)
        interpreter.allocate_tensors()
    ends = interpreter.get_input_details(), interpreter.get_output_details()
    columns = len(network.logits(tf.zeros([1, *network.image_shape]))[0])
    shapes = [[tuple(int(n) for n in one["shape"][1:]) for one in end] for end in ends]
    if shapes[0] != [network.image_shape] or shapes[1] not in ([(columns,)], [(1,)]):
        expected = f"one that takes images {network.image_shape} and gives {columns} numbers"
        raise RequestError(f"{name}, which takes {shapes[0]} and gives {shapes[1]}", expected)
    (taken,), (given,) = ends

    def ask(image: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(taken["index"], _quantized(image[None], taken))
        interpreter.invoke()
        return _plain(interpreter.get_tensor(given["index"]), given)

    return lambda images: _as_logits(np.concatenate([ask(image) for image in images]), columns, network.reading.several)


def _as_logits(values: np.ndarray, columns: int, several: bool) -> np.ndarray:
    """Log odds where values are probabilities that stand one by one; of probabilities that sum to 1 the order is the same."""
    alone = several or values.shape[1] < columns
    if alone and ((values >= 0) & (values <= 1)).all():
        clipped = np.clip(values.astype(np.float64), 1e-12, 1 - 1e-12)
        values = np.log(clipped) - np.log1p(-clipped)
    if values.shape[1] < columns:  # one number tells two classes apart
        values = np.concatenate([np.zeros_like(values), values], axis=1)
    return values.astype(np.float32)


def _quantized(images: np.ndarray, taken: dict) -> np.ndarray:
    """Images as an input wants them: floats as they are, integers by its scale and zero point."""
    kind = np.dtype(taken["dtype"])
    if kind.kind == "f":
        return images.astype(kind)
    scale, zero = taken["quantization"]
    limits = np.iinfo(kind)
    return np.clip(np.rint(images / (scale or 1.0)) + zero, limits.min, limits.max).astype(kind)


def _plain(values: np.ndarray, given: dict) -> np.ndarray:
    """Numbers from an output, whose integers have a scale and a zero point."""
    scale, zero = given["quantization"]
    return values if values.dtype.kind == "f" else ((values.astype(np.float32) - zero) * (scale or 1.0)).astype(np.float32)


@contextlib.contextmanager
def _policies_kept(model: keras.Model) -> Iterator[None]:
    """Gives every layer back the type that it computes in."""
    kept = [(layer, layer.dtype_policy) for layer in layers_within(model, include_self=False)]
    try:
        yield
    finally:
        for layer, policy in kept:
            layer.dtype_policy = policy


def _batched(ask: Logits, size: int) -> Logits:
    return lambda images: np.concatenate([ask(images[i : i + size]) for i in range(0, len(images), size)])
