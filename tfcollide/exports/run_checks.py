"""The classifier and the target inside a SavedModel: what `check` signatures answer."""

import numpy as np
import tensorflow as tf

from tfcollide.exports.parts import Subject
from tfcollide.objectives.terms import active_match, feature_distance, make_goal

__all__ = ["RunChecks"]


class RunChecks(tf.Module):
    """Judges images against the target of a run.

    The thresholds are variables of the SavedModel, so that whoever loads it can read
    them: `target_class` (of a network of labels `target_labels`), `stop_loss`,
    `target_post_activation` and `active`.

    Args:
        subject: the run.
    """

    def __init__(self, subject: Subject):
        super().__init__(name="verdict")
        self._classifier = subject.classifier
        self._tap = subject.tap
        # Variables alone, not Keras objects: a plain TensorFlow process restores them.
        variables = getattr(subject.classifier.model, "variables", ())  # a SavedModel that was brought has constants
        self.weights = [variable.value for variable in variables]
        target = tf.constant(subject.target[None])
        goal = make_goal(subject.tap.pre_activation(target)[0].numpy(), ((),), ceiling=subject.tap.rectifier.ceiling)
        self._reading = reading = subject.classifier.reading
        code = int(subject.classifier.judge(subject.target[None]).predicted[0])
        if reading.several:
            self.target_labels = _constant(reading.signs(code) > 0, "target_labels")
        else:
            self.target_class = _constant(np.int64(code), "target_class")
        self.stop_loss = _constant(np.float32(subject.stop_loss), "stop_loss")
        self.target_post_activation = _constant(goal.post_activation.numpy(), "target_post_activation")
        self.active = _constant(goal.active.numpy(), "active")
        self._ceiling = goal.ceiling
        self.class_names = _constant(np.array(subject.classifier.class_names, object), "class_names")

    def probabilities(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """`probabilities` `[n, L]` and `class_ids` `[n]`, or `labels` `[n, L]` bool, of `images` `[n, H, W, C]`."""
        return self._probabilities(self._classifier.logits(images))

    def logits(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """`logits` `[n, L]`."""
        return {"logits": self._classifier.logits(images)}

    def features(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Both sides of the tap, `[n, U]`."""
        return self._tap(images)._asdict()

    def check(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """`probabilities`, and `collides` `[n]`: they are read as the target is, and `active_match` is below `stop_loss`."""
        logits, pre_activation = self._classifier.both(self._tap.name)(images)
        answers = self._probabilities(logits)
        goal = self.target_post_activation
        match = active_match(pre_activation, goal, self.active, self._ceiling)
        distance = feature_distance(pre_activation, goal, self._ceiling)
        collides = tf.logical_and(self._reading.hits(logits, self._signs()), match < self.stop_loss)
        return answers | {"active_match": match, "feature_distance": distance, "collides": collides}

    def _signs(self) -> tf.Tensor:
        """As `Reading.signs`, from what is saved."""
        several = self._reading.several
        ours = self.target_labels if several else tf.equal(tf.range(self._reading.classes, dtype=tf.int64), self.target_class)
        return tf.where(ours, 1.0, -1.0)

    def _probabilities(self, logits: tf.Tensor) -> dict[str, tf.Tensor]:
        read = {"labels": logits > 0} if self._reading.several else {"class_ids": tf.argmax(logits, axis=-1)}
        return {"probabilities": self._reading.chances(logits), **read}


def _constant(value: np.ndarray | np.generic, name: str) -> tf.Variable:
    return tf.Variable(value, trainable=False, name=name)
