"""Whether a descent can go through a network at all."""

import tensorflow as tf

from tfcollide.errors import RequestError
from tfcollide.models.classifier import Classifier, Tap

__all__ = ["check_compiles", "check_differentiable"]


def check_differentiable(classifier: Classifier, tap: Tap) -> None:
    """Refuses a network that gives no gradient at a tap; nothing is computed for it.

    Raises:
        RequestError: an operation cuts the gradient off, or has none.
    """
    mend = "Bring a network that reads floats and cuts nothing off."
    graph, top, before = classifier.graph, classifier.logits_read, classifier.place(tap.name).before

    def slopes(images: tf.Tensor) -> list[tf.Tensor | None]:  # not by `both`: the gradient of a function takes thrice as long
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(images)
            logits, values = graph.run({graph.source: images}, top.value, before)
            logits = top.finish(logits)
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


def check_compiles(classifier: Classifier, tap: Tap) -> None:
    """Refuses a network that XLA cannot compile with its gradient, as a descent has it; computed for one image.

    Raises:
        RequestError: XLA lacks an operation, or cannot hand something from the network to its gradient.
    """
    features = tf.function(classifier.both(tap.name), jit_compile=True, autograph=False)

    @tf.function(autograph=False)
    def slope(images: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(images)
            values = features(images)[1]
        return tape.gradient(values, images)

    try:
        slope(tf.fill([1, *classifier.image_shape], classifier.bounds.lower))
    except (tf.errors.OpError, ValueError) as error:
        said = [line.strip() for line in str(error).splitlines() if "XLA" in line] or [type(error).__name__]
        raise RequestError(
            f"--xla with {classifier.name}, which XLA cannot compile ({said[-1][:200]})",
            "a network whose operations XLA has",
            "Leave --xla out.",
        ) from error
