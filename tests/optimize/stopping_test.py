import pytest
import tensorflow as tf

from tfcollide.optimize.stopping import all_below, each_below


def test_each_corner_by_itself():
    rule = each_below("match")
    assert rule({"match": tf.constant([1.0, 3.0])}, tf.constant([2.0, 3.0])).numpy().tolist() == [True, False]


@pytest.mark.parametrize(
    ("match", "hull", "crowding", "done"),
    [(1.0, 1.0, 0.0, True), (3.0, 1.0, 0.0, False), (1.0, 3.0, 0.0, False), (1.0, 1.0, 0.5, False)],
)
def test_all_corners_and_what_lies_between_them(match, hull, crowding, done):
    terms = {"match": tf.constant([1.0, match]), "hull_match": tf.fill([2], hull), "crowding": tf.fill([2], crowding)}
    assert all_below("match", 2)(terms, tf.constant([2.0, 2.0])).numpy().tolist() == [done, done]


def test_pairs_stop_one_by_one():
    terms = {"match": tf.constant([1.0, 1.0, 1.0, 3.0]), "hull_match": tf.zeros([4]), "crowding": tf.zeros([4])}
    assert all_below("match", 2)(terms, tf.fill([4], 2.0)).numpy().tolist() == [True, True, False, False]
