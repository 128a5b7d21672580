"""Codes, margins and probabilities of one class and of labels, by hand."""

import numpy as np
import pytest
import tensorflow as tf

from tfcollide.models.reading import Reading

LOGITS = np.array([[1.0, -2.0, 0.5], [-1.0, 3.0, 2.0], [-1.0, -0.5, -3.0]], np.float32)
ONE, LABELS = Reading(3), Reading(3, several=True)
NAMES = ("cat", "dog", "fox")


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, np.float64)))


def test_one_class():
    assert ONE.predicted(LOGITS).tolist() == [0, 1, 1]
    assert ONE.signs(2).tolist() == [-1, -1, 1]
    assert ONE.margins(LOGITS, 0).tolist() == [0.5, -4.0, -0.5]
    assert [ONE.name(code, NAMES) for code in (0, 2)] == ["cat", "fox"] and ONE.code("fox", NAMES) == 2
    assert ONE.code("owl", NAMES) is None
    np.testing.assert_allclose(ONE.chances(tf.constant(LOGITS)).numpy().sum(axis=1), 1, rtol=1e-6)


def test_labels():
    """{0, 2}, {1, 2} and none."""
    codes = LABELS.predicted(LOGITS)
    assert codes.tolist() == [0b101, 0b110, 0] and (codes == 0b110).tolist() == [False, True, False]
    assert LABELS.signs(0b101).tolist() == [1, -1, 1]
    assert LABELS.margins(LOGITS, 0b101).tolist() == [0.5, -3.0, -3.0]
    chances = LABELS.chances(tf.constant(LOGITS)).numpy()
    np.testing.assert_allclose(LABELS.probability(chances, 0b101), sigmoid([0.5, -3.0, -3.0]), rtol=1e-6)
    np.testing.assert_array_equal(LABELS.predicted(chances, threshold=0.5), codes)
    names = [LABELS.name(code, NAMES) for code in codes]
    assert names == ["cat + fox", "dog + fox", "none"] and [LABELS.code(name, NAMES) for name in names] == codes.tolist()
    assert LABELS.code("cat + owl", NAMES) is None and LABELS.code("", NAMES) is None
    assert LABELS.one_class(np.array([0b100, 0b101, 0], object)).tolist() == [2, 3, 3]


def test_more_labels_than_an_integer_of_64_bits_has():
    reading = Reading(70, several=True)
    logits = np.full([1, 70], -1.0)
    logits[0, [3, 69]] = 1.0
    assert reading.predicted(logits).tolist() == [(1 << 69) + 8]
    assert np.flatnonzero(reading.signs((1 << 69) + 8) > 0).tolist() == [3, 69]


@pytest.mark.parametrize(("reading", "code"), [(ONE, 0), (ONE, 2), (LABELS, 0b101), (LABELS, 0), (LABELS, 0b111)])
def test_all_forms_of_the_margin_agree(reading, code):
    logits = np.random.default_rng(0).normal(size=[50, 3]).astype(np.float32)
    found, signs = reading.margins(logits, code), tf.constant(reading.signs(code))
    np.testing.assert_allclose(reading.margin(tf.constant(logits), signs), found, rtol=1e-6)
    np.testing.assert_allclose((logits.astype(np.float64) @ reading.margin_rows(code).T).min(axis=1), found)
    hits = reading.predicted(logits) == code
    np.testing.assert_array_equal(hits, found > 0)
    np.testing.assert_array_equal(reading.hits(tf.constant(logits), signs), hits)


def test_the_likelihood_of_labels():
    labels = np.array([2, 1, 0])
    expected = np.log(np.exp(LOGITS[range(3), labels]) / np.exp(LOGITS).sum(axis=1))
    np.testing.assert_allclose(ONE.log_likelihood(LOGITS, labels), expected, rtol=1e-6)
    each = np.where(np.eye(3)[labels] > 0, sigmoid(LOGITS), 1 - sigmoid(LOGITS))
    np.testing.assert_allclose(LABELS.log_likelihood(LOGITS, labels), np.log(each).sum(axis=1), rtol=1e-6)
