"""Pairs for an audit: balanced over ordered pairs of classes, images not repeated."""

import collections

import numpy as np
import pytest

from tfcollide.errors import RequestError
from tfcollide.measure.pairs import balanced_pairs

LABELS = np.repeat(np.arange(10), 26)


def counts(drawn, labels=LABELS):
    classes = [tuple(labels[pair]) for pair in drawn.images]
    return collections.Counter(classes), *(collections.Counter(pair[end] for pair in classes) for end in (0, 1))


@pytest.mark.parametrize("count", [1, 7, 20, 90, 100, 125])
def test_classes_are_balanced_and_no_image_is_used_twice(count):
    drawn = balanced_pairs(LABELS, count, seed=3)
    both, sources, targets = counts(drawn)
    assert drawn.images.shape == (count, 2) and drawn.repeated == 0 and len(np.unique(drawn.images)) == 2 * count
    assert all(a != b for a, b in both) and max(both.values()) == -(-count // 90)
    assert count < 90 or len(both) == 90
    for one in (sources, targets):
        assert sum(one.values()) == count and max(one.values()) - min(one[c] for c in range(10)) <= 1


def test_images_come_again_only_when_all_have_been_taken():
    labels = np.repeat([0, 1, 2], [4, 4, 4])
    drawn = balanced_pairs(labels, 12, seed=0)
    times = np.bincount(drawn.images.ravel(), minlength=12)
    assert times.tolist() == [2] * 12 and drawn.repeated == 12


def test_only_usable_images_of_some_class_are_drawn():
    labels = np.array([-1, 0, 0, 1, 1, 2])
    drawn = balanced_pairs(labels, 6, seed=1, usable=np.array([1, 0, 1, 1, 1, 0], bool))
    assert set(drawn.images.ravel()) <= {2, 3, 4}


def test_the_seed_decides():
    one, same, other = (balanced_pairs(LABELS, 30, seed=seed).images for seed in (5, 5, 6))
    assert np.array_equal(one, same) and not np.array_equal(one, other)


def test_one_class_makes_no_pair():
    with pytest.raises(RequestError, match=r"num_pairs=4 of 1 classes: expected two classes"):
        balanced_pairs(np.zeros(9, int), 4, seed=0)
