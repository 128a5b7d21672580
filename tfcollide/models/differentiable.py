"""Whether a descent can go through a network at all."""

import tensorflow as tf

from tfcollide.errors import RequestError
from tfcollide.models.classifier import Classifier, Tap

__all__ = ["check_differentiable"]


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
