"""Whether a descent can go through a network at all."""

import re

import tensorflow as tf

from tfcollide.errors import RequestError
from tfcollide.models.classifier import Classifier, Tap

__all__ = ["check_compilable", "check_differentiable"]


def check_differentiable(classifier: Classifier, tap: Tap) -> None:
    """Refuses a network that gives no gradient at a tap; nothing is computed for it.

    Raises:
        RequestError: an operation cuts the gradient off, or has none.
    """
    mend = "Bring a network that reads floats and cuts nothing off."

    def slopes(images: tf.Tensor) -> list[tf.Tensor | None]:
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(images)
            logits, values = classifier.both(tap.name)(images)
        return [tape.gradient(of, images) for of in (values, logits)]

    try:
        traced = tf.function(slopes, autograph=False)
        found = traced.get_concrete_function(tf.TensorSpec([1, *classifier.image_shape], tf.float32)).structured_outputs
    except LookupError as error:
        what = f"model {classifier.name}, one of whose operations has no gradient ({error})"
        raise RequestError(what, "a network with a gradient throughout", mend) from error
    if found[0] is None:
        why = f" (it reads {classifier.whole_numbers})" if classifier.whole_numbers else ""
        what = f"model {classifier.name}, in which no gradient reaches the image from {tap.name}{why}"
        raise RequestError(what, "a network with a gradient throughout", mend)


def check_compilable(classifier: Classifier, tap: Tap) -> None:
    """Refuses what XLA cannot compile, or not so that it repeats bit for bit: the gradient of a max-pool, say.

    Raises:
        RequestError: the gradient of the features of one image is such.
    """

    @tf.function(jit_compile=True, autograph=False)
    def slope(images: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(images)
            size = tf.reduce_sum(tf.square(tap.pre_activation(images)))
        return tape.gradient(size, images)

    try:
        slope(tf.zeros([1, *classifier.image_shape]))
    except (tf.errors.UnimplementedError, tf.errors.InvalidArgumentError) as error:
        reason = re.search(r"No registered '\w+'|\S[^\n]* not [^\n]*implementation", error.message)
        why = reason[0] if reason else error.message.splitlines()[0]
        what = f"--xla with {classifier.name}, which XLA does not compile here ({why})"
        raise RequestError(
            what, "a network that it compiles, in a form that repeats bit for bit", "Leave --xla out."
        ) from error
