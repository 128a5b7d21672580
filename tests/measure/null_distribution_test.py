import itertools

import numpy as np
import pytest
import tensorflow as tf

from tfcollide.data.labeled import Split
from tfcollide.images import from_uint8
from tfcollide.measure import null_distribution as module
from tfcollide.measure.null_distribution import NullDistribution, null_distribution
from tfcollide.models.rectifier import Rectifier
from tfcollide.shapes import Bounds

BYTES, UNIT = Bounds(0.0, 255.0), Bounds(0.0, 1.0)
PLAIN = Rectifier()
DRAW = np.random.default_rng(0)
KERNEL = DRAW.standard_normal([12, 7]).astype(np.float32) / 50


def pre_activation(images):
    return tf.matmul(tf.reshape(images, [-1, 12]), KERNEL)


def split(*labels):
    return Split(DRAW.integers(0, 256, [len(labels), 2, 2, 3]).astype(np.uint8), np.array(labels, np.int64))


def features(images, ceiling=np.inf):
    return np.clip(pre_activation(from_uint8(images, BYTES)).numpy(), 0, ceiling).astype(np.float64)


def brute_force(images, labels, ceiling=np.inf):
    values = features(images, ceiling)
    found = {True: [], False: []}
    for a, b in itertools.combinations(range(len(values)), 2):
        found[bool(labels[a] == labels[b])].append(((values[a] - values[b]) ** 2).sum())
    return np.sort(found[True]), np.sort(found[False])


def measure(*splits, rectifier=PLAIN, batch_size=4, **options):
    return null_distribution(pre_activation, rectifier, splits, BYTES, batch_size=batch_size, **options)


@pytest.mark.parametrize("rectifier", [Rectifier(), Rectifier(0.5)])
def test_all_pairs_of_a_small_data_set(rectifier):
    data = split(*[0] * 5, *[1] * 7, *[2] * 6)
    found = measure(data, rectifier=rectifier)
    same, different = brute_force(data.images, data.labels, rectifier.ceiling)
    np.testing.assert_allclose(found.same, same, rtol=1e-5)
    np.testing.assert_allclose(found.different, different, rtol=1e-5)
    assert found.same.dtype == np.float64 and found.images == 18
    assert found.note == "46 pairs of one class and 107 of two were compared, where 10,000 of each were asked for"


def test_quantiles_are_shares_of_pairs():
    found = NullDistribution(np.array([1.0, 2.0, 2.0, 4.0]), np.array([3.0, 5.0]), 5)
    assert [found.quantile(x) for x in (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 9.0)] == [0.0, 0.25, 0.25, 0.75, 0.75, 1.0, 1.0]
    assert [found.quantile_different(x) for x in (2.9, 3.0, 6.0)] == [0.0, 0.5, 1.0]
    assert [found.distance_at(q) for q in (0.0, 0.3, 0.5, 1.0)] == [1.0, 1.0, 2.0, 4.0]
    assert NullDistribution(np.ones(1), np.zeros(0), 2).quantile_different(1.0) == 0.0


def test_as_many_pairs_as_asked_and_as_many_of_each_class():
    data = split(*np.repeat([0, 1, 2], 40))
    found = measure(data, pairs=301)
    assert len(found.same) == len(found.different) == 301 and found.note is None
    assert found.images == 3 * 15  # 105 pairs each, of which 100 or 101 are drawn
    everything = [set(values) for values in brute_force(data.images, data.labels)]
    assert len(set(found.same)) == 301  # none twice
    for value, known in ((found.same, everything[0]), (found.different, everything[1])):
        known = np.sort(list(known))
        nearest = known[np.clip(np.searchsorted(known, value), 1, len(known) - 1)]
        below = known[np.clip(np.searchsorted(known, value), 1, len(known) - 1) - 1]
        assert (np.minimum(abs(nearest - value), abs(below - value)) < 1e-4 * value).all()


def test_the_draw_repeats_with_its_seed():
    data = split(*np.repeat([0, 1], 30))
    first, again, other = (measure(data, pairs=50, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.same, again.same)
    np.testing.assert_array_equal(first.different, again.different)
    assert (first.same != other.same).any()


def test_a_small_class_gives_what_it_has_and_others_make_up_for_it():
    found = measure(split(*[0] * 3, *[1] * 40, *[2] * 40, 3), pairs=203)
    assert len(found.same) == 203 and found.images == 3 + 15 + 15 and found.note is None
    assert module._even_shares([3, 780, 0, 780], 204) == [3, 100, 0, 101]
    assert module._even_shares([2, 2], 10) == [2, 2]
    assert sum(module._even_shares([7, 9, 8, 30], 33)) == 33


def test_training_images_are_read_only_where_test_images_are_too_few():
    test, train = split(*[0] * 4, *[1] * 4), split(*[0] * 9, *[1] * 9)
    read = []

    def splits():
        for name, part in (("test", test), ("train", train)):
            read.append(name)
            yield part

    def look(pairs):
        read.clear()
        return null_distribution(pre_activation, Rectifier(), splits(), BYTES, pairs=pairs, batch_size=4)

    assert look(12).images == 8 and read == ["test"]
    assert look(13).note is None and read == ["test", "train"]
    whole = look(156)
    expected, _ = brute_force(np.concatenate([test.images, train.images]), np.concatenate([test.labels, train.labels]))
    np.testing.assert_allclose(whole.same, expected, rtol=1e-5)


def test_features_are_kept_a_block_at_a_time(monkeypatch):
    data = split(*np.repeat([0, 1], 11))
    whole = measure(data, pairs=60)
    monkeypatch.setattr(module, "_BLOCK_VALUES", 3 * 7)
    monkeypatch.setattr(module, "_PAIR_VALUES", 2 * 7)
    sizes = []

    def watched(images):
        sizes.append(len(images))
        return pre_activation(images)

    blocks = null_distribution(watched, Rectifier(), [data], BYTES, pairs=60, batch_size=100)
    np.testing.assert_allclose(blocks.same, whole.same, rtol=1e-6)
    np.testing.assert_allclose(blocks.different, whole.different, rtol=1e-6)
    assert max(sizes) == 3


def test_many_classes_are_sampled():
    found = measure(split(*np.repeat(range(60), 3)), pairs=60, most_classes=20)
    assert found.images == 20 * 3 and len(found.same) == 60


def test_no_yardstick_is_none():
    assert measure(split(0, 1, 2, -1, -1)) is None
    assert measure(Split(np.zeros([0, 2, 2, 3], np.uint8), np.zeros([0], np.int64))) is None
    dead = null_distribution(
        lambda images: -1 - tf.reshape(images, [-1, 12]), Rectifier(), [split(0, 0, 1, 1)], BYTES, batch_size=9
    )
    assert dead is None


def test_one_class_has_no_pairs_of_two():
    found = measure(split(0, 0, 0))
    assert len(found.same) == 3 and len(found.different) == 0


def test_a_tap_of_the_digits(digits, digits_classifier):
    tap = digits_classifier.tap("hidden_1")
    found = null_distribution(
        tap.pre_activation, tap.rectifier, (digits.test, digits.train), UNIT, batch_size=digits_classifier.batch_size
    )
    assert len(found.same) == len(found.different) == 10_000 and found.note is None
    assert np.median(found.same) < np.median(found.different)
    assert found.quantile(found.distance_at(0.01)) == pytest.approx(0.01, abs=1e-3)
