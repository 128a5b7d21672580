"""How outputs are read: as one class of several, or as a set of labels.

    one class    predicted = argmax_j z_j           margin = z_t - max_{j != t} z_j    probability = softmax(z)_t
    labels       predicted = {j : z_j > 0}          margin = min_j s_j z_j             probability = min_j sigmoid(s_j z_j)

with z the logits and s_j = 1 where the target has label j, else -1. Either way the
margin is positive where an image is read as the target, and it is the smallest of some
linear functions of the logits, which is what a proof needs.

What is predicted is a *code*, an integer: the number of the class, or a bit for each label.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

__all__ = ["Reading"]

_NO_LABEL, _AND = "none", " + "


class Reading(NamedTuple):
    """How the logits of a network are read.

    Attributes:
        classes: L.
        several: whether each logit speaks of a label of its own, so that an image may have any number of labels.
    """

    classes: int
    several: bool = False

    def predicted(self, logits: np.ndarray, threshold: float = 0.0) -> np.ndarray:
        """The codes `[n]` of logits `[n, L]`; or of probabilities, whose labels start at the `threshold` 0.5."""
        return _codes(logits > threshold) if self.several else logits.argmax(axis=1)

    def codes(self, labels: np.ndarray) -> np.ndarray:
        """The codes `[n]` of images of one class each, `labels` `[n]`."""
        return _codes(np.eye(self.classes, dtype=bool)[labels]) if self.several else labels

    def one_class(self, codes: np.ndarray) -> np.ndarray:
        """The classes `[n]` of `codes`; L where a code is not exactly one label."""
        if not self.several:
            return codes
        known = {1 << label: label for label in range(self.classes)}
        return np.array([known.get(code, self.classes) for code in codes], np.int64)

    def signs(self, code: int) -> np.ndarray:
        """`[L]` float32, the code as a vector: 1 at the class, or at each of the labels, else -1."""
        if self.several:
            return np.array([1 if code >> label & 1 else -1 for label in range(self.classes)], np.float32)
        return np.where(np.arange(self.classes) == code, 1, -1).astype(np.float32)

    def margin_rows(self, code: int) -> np.ndarray:
        """`[R, L]`: the margin is the smallest of these combinations of logits."""
        rows = np.diag(self.signs(code).astype(np.float64))
        if self.several:
            return rows
        rows = np.delete(rows, code, axis=0)
        rows[:, code] = 1.0
        return rows

    def margins(self, logits: np.ndarray, code: int) -> np.ndarray:
        """`[n]` float64, how far the code is ahead in logits `[n, L]`."""
        logits = logits.astype(np.float64)
        if self.several:
            return (logits * self.signs(code)).min(axis=1)
        return logits[:, code] - np.delete(logits, code, axis=1).max(axis=1)

    def margin(self, logits: tf.Tensor, signs: tf.Tensor) -> tf.Tensor:
        """The same in a compiled function: `[n]` of logits `[n, L]` and `signs` `[L]`."""
        if self.several:
            return tf.reduce_min(logits * signs, axis=1)
        others = tf.where(signs > 0, tf.constant(-np.inf, logits.dtype), logits)
        return tf.reduce_sum(tf.where(signs > 0, logits, 0), axis=1) - tf.reduce_max(others, axis=1)

    def hits(self, logits: tf.Tensor, signs: tf.Tensor) -> tf.Tensor:
        """`[n]` bool, whether logits `[n, L]` are read as the code with these `signs` `[L]`, in a compiled function."""
        if self.several:
            return tf.reduce_all(tf.equal(logits > 0, signs > 0), axis=1)
        return tf.equal(tf.argmax(logits, axis=1), tf.argmax(signs))

    def chances(self, logits: tf.Tensor) -> tf.Tensor:
        """`[n, L]`, the probability of each class or label."""
        return tf.nn.sigmoid(logits) if self.several else tf.nn.softmax(logits)

    def probability(self, chances: np.ndarray, code: int) -> np.ndarray:
        """`[n]` float64 of chances `[n, L]`: that of the class, or the smallest of a label being as in the code."""
        chances = chances.astype(np.float64)
        if self.several:
            return np.where(self.signs(code) > 0, chances, 1.0 - chances).min(axis=1)
        return chances[:, code]

    def log_likelihood(self, logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """`[n]` float64, of images of one class each, `labels` `[n]`; of labels that of all of them."""
        logits = logits.astype(np.float64)
        if self.several:
            signs = np.where(np.eye(self.classes, dtype=bool)[labels], 1.0, -1.0)
            return -np.logaddexp(0.0, -signs * logits).sum(axis=1)
        return logits[np.arange(len(labels)), labels] - np.logaddexp.reduce(logits, axis=1)

    def name(self, code: int, class_names: Sequence[str]) -> str:
        """What a code is called: the class, or the labels ("cat + dog"; "none")."""
        if not self.several:
            return class_names[code]
        return _AND.join(name for label, name in enumerate(class_names) if code >> label & 1) or _NO_LABEL

    def code(self, name: str, class_names: Sequence[str]) -> int | None:
        """The code that is called `name`; None where none is."""
        if not self.several:
            return class_names.index(name) if name in class_names else None
        rest, code = (_AND + name if name != _NO_LABEL else ""), 0
        for label, one in enumerate(class_names):
            if rest == _AND + one or rest.startswith(_AND + one + _AND):
                rest, code = rest[len(_AND + one) :], code | 1 << label
        return None if rest else code


def _codes(has: np.ndarray) -> np.ndarray:
    """`[n]` Python integers, a bit a label, of `has` `[n, L]`: there may be more labels than an int64 has bits."""
    found = np.empty(len(has), object)
    found[:] = [int.from_bytes(row.tobytes(), "little") for row in np.packbits(has, axis=1, bitorder="little")]
    return found
