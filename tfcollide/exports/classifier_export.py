"""`--what=classifier`: a run's classifier as a SavedModel for TF Serving."""

import numpy as np
import tensorflow as tf

from tfcollide.exports.orientation import turned
from tfcollide.exports.parts import Parts, Subject
from tfcollide.exports.run_checks import RunChecks
from tfcollide.images import png_bytes, to_uint8
from tfcollide.shapes import Bounds, ImageShape

__all__ = ["FEATURE", "VARIANT", "classifier"]

FEATURE = "images"
"""The feature of a tf.Example that `classify` reads: H * W * C floats in row-major order."""


def classifier(subject: Subject) -> Parts:
    """Float images in `serving_default`, `logits`, `features` and `check`; `serving_uint8`, `serving_bytes`, `classify`."""
    root = tf.Module(name="classifier")
    root.verdict = verdict = RunChecks(subject)
    shape: ImageShape = subject.corners.shape[1:]
    bounds = subject.classifier.bounds
    floats = tf.TensorSpec([None, *shape], tf.float32, name="images")
    bytes_ = tf.TensorSpec([None], tf.string, name="image_bytes")

    def decode(image_bytes: tf.Tensor) -> tf.Tensor:
        one = lambda data: _decode(data, shape)  # noqa: E731
        return _from_uint8(tf.map_fn(one, image_bytes, fn_output_signature=tf.TensorSpec(shape, tf.uint8)), bounds)

    functions = {
        "serving_default": tf.function(verdict.probabilities, input_signature=[floats]),
        "logits": tf.function(verdict.logits, input_signature=[floats]),
        "features": tf.function(verdict.features, input_signature=[floats]),
        "check": tf.function(verdict.check, input_signature=[floats]),
        "serving_uint8": tf.function(
            lambda images: verdict.probabilities(_from_uint8(images, bounds)),
            input_signature=[tf.TensorSpec([None, *shape], tf.uint8, name="images")],
        ),
        "serving_bytes": tf.function(lambda image_bytes: verdict.probabilities(decode(image_bytes)), input_signature=[bytes_]),
        "classify": tf.function(
            lambda inputs: _classify(verdict, inputs, shape), input_signature=[tf.TensorSpec([None], tf.string, name="inputs")]
        ),
    }
    signatures = {name: function.get_concrete_function() for name, function in functions.items()}
    return Parts(root, signatures, _examples(subject), classify=("classify",))


def _from_uint8(images: tf.Tensor, bounds: Bounds) -> tf.Tensor:
    """As `images.from_uint8`, in float64 until the end."""
    return tf.cast(tf.cast(images, tf.float64) * (bounds.range / 255.0) + bounds.lower, tf.float32)


def _decode(data: tf.Tensor, shape: ImageShape) -> tf.Tensor:
    """A PNG or JPEG file that a viewer shows in exactly `shape`; the slow and exact transform, as in Pillow."""
    pixels = turned(tf.io.decode_jpeg(data, channels=shape[2], dct_method="INTEGER_ACCURATE"), data)  # reads PNG too
    message = f"The model reads images of {shape[1]}x{shape[0]} pixels (width x height)."
    with tf.control_dependencies([tf.debugging.assert_equal(tf.shape(pixels), shape, message)]):
        return tf.ensure_shape(pixels, shape)


def _classify(verdict: RunChecks, inputs: tf.Tensor, shape: ImageShape) -> dict[str, tf.Tensor]:
    """Classes and scores, `[n, L]` each, of serialized tf.Examples."""
    parsed = tf.io.parse_example(inputs, {FEATURE: tf.io.FixedLenFeature(shape, tf.float32)})
    scores = verdict.probabilities(parsed[FEATURE])["probabilities"]
    return {"classes": tf.broadcast_to(verdict.class_names, tf.shape(scores)), "scores": scores}


def _examples(subject: Subject) -> dict[str, dict[str, np.ndarray]]:
    """The corners in every form that a signature takes."""
    floats, pixels = subject.corners, to_uint8(subject.corners, subject.classifier.bounds)
    images = {"images": floats}
    return {
        **dict.fromkeys(("serving_default", "logits", "features", "check"), images),
        "serving_uint8": {"images": pixels},
        "serving_bytes": {"image_bytes": np.array([png_bytes(image) for image in pixels], object)},
        "classify": {"inputs": np.array([_example(image) for image in floats], object)},
    }


def _example(image: np.ndarray) -> bytes:
    values = tf.train.Feature(float_list=tf.train.FloatList(value=image.ravel()))
    return tf.train.Example(features=tf.train.Features(feature={FEATURE: values})).SerializeToString()


VARIANT = classifier
