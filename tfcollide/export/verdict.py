"""The classifier and the target inside a SavedModel: what `check` signatures answer."""

import numpy as np
import tensorflow as tf

from tfcollide.export.parts import Subject
from tfcollide.objectives import terms

__all__ = ["Verdict"]


class Verdict(tf.Module):
    """Judges images against the target of a run.

    The thresholds are variables of the SavedModel, so that whoever loads it can read
    them: `target_class`, `stop_loss`, `target_post_activation` and `active`.

    Args:
        subject: the run.
    """

    def __init__(self, subject: Subject):
        super().__init__(name="verdict")
        self._classifier = subject.classifier
        self._tap = subject.tap
        # Variables alone, not Keras objects: a plain TensorFlow process restores them.
        self.weights = [variable.value for variable in subject.classifier.model.variables]
        seen = subject.tap(tf.constant(subject.target[None]))
        target_class = subject.classifier.judge(subject.target[None]).predicted[0]
        self.target_class = _constant(np.int64(target_class), "target_class")
        self.stop_loss = _constant(np.float32(subject.stop_loss), "stop_loss")
        self.target_post_activation = _constant(seen.post_activation[0].numpy(), "target_post_activation")
        self.active = _constant((seen.pre_activation[0].numpy() >= 0).astype(np.float32), "active")
        self.class_names = _constant(np.array(subject.classifier.class_names, object), "class_names")

    def probabilities(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """`probabilities` `[n, L]` and `class_ids` `[n]` of `images` `[n, H, W, C]`."""
        logits = self._classifier.logits(images)
        return {"probabilities": tf.nn.softmax(logits), "class_ids": tf.argmax(logits, axis=-1)}

    def logits(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """`logits` `[n, L]`."""
        return {"logits": self._classifier.logits(images)}

    def features(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Both sides of the tap, `[n, U]`."""
        return self._tap(images)._asdict()

    def check(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """`probabilities`, and `collides` `[n]`: the target's class is on top and `active_match` below `stop_loss`."""
        answers = self.probabilities(images)
        pre_activation = self._tap.pre_activation(images)
        match = terms.active_match(pre_activation, self.target_post_activation, self.active)
        distance = terms.feature_distance(pre_activation, self.target_post_activation)
        collides = tf.logical_and(tf.equal(answers["class_ids"], self.target_class), match < self.stop_loss)
        return answers | {"active_match": match, "feature_distance": distance, "collides": collides}


def _constant(value: np.ndarray | np.generic, name: str) -> tf.Variable:
    return tf.Variable(value, trainable=False, name=name)
