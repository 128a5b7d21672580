"""Reading patches: every window once, cut with its surround."""

import numpy as np
import pytest

from tfcollide.patches import store as store_module
from tfcollide.patches.grid import Grid
from tfcollide.patches.store import ImageStore


@pytest.fixture
def images():
    return np.random.default_rng(1).integers(0, 256, (5, 20, 20, 3), np.uint8)


@pytest.fixture
def store(images):
    return ImageStore(Grid(20, 20, 6, 2), [images[:3], images[3:]], [images[:3], images[3:]])


def test_patches_are_found_across_shards(store, images):
    found = store.patches(np.array([0, 63, 64 * 4 + 8 * 2 + 3]))
    np.testing.assert_array_equal(found[1].reshape(6, 6, 3), images[0, 14:, 14:])
    np.testing.assert_array_equal(found[2].reshape(6, 6, 3), images[4, 4:10, 6:12])
    assert store.patches(np.empty(0, np.int64)).shape == (0, 108)


@pytest.mark.parametrize("bytes_at_once", [1, 8 * 108 * 4 * 3, 8 * 8 * 108 * 4 * 2, 2**30])
def test_chunks_hold_every_window_once_and_in_order(store, bytes_at_once, monkeypatch):
    monkeypatch.setattr(store_module, "_CHUNK_BYTES", bytes_at_once)
    everything = store.patches(np.arange(store.num_patches)).astype(np.float32) - 128
    seen = 0
    for first, windows in store.chunks():
        assert first == seen
        np.testing.assert_array_equal(windows, everything[first : first + len(windows)])
        seen += len(windows)
    assert seen == store.num_patches


@pytest.mark.parametrize("surround", [0, 3, 20, 50])
def test_the_surround_is_mirrored_where_the_image_ends(store, images, surround):
    cut = store.cut(np.array([64 * 4 + 8 * 7 + 1, 5]), surround)
    padded = np.pad(images[4], ((surround, surround), (surround, surround), (0, 0)), "symmetric")
    size = 6 + 2 * surround
    assert cut.shape == (2, size, size, 3)
    np.testing.assert_array_equal(cut[0], padded[14 : 14 + size, 2 : 2 + size])


def test_patches_are_compared_small_and_cut_large(images):
    large = images.repeat(2, axis=1).repeat(2, axis=2)
    store = ImageStore(Grid(40, 20, 6, 2), [images], [large])
    cut = store.cut(np.array([64 + 8 * 2 + 5]))
    np.testing.assert_array_equal(cut[0], large[1, 8:20, 20:32])
    np.testing.assert_array_equal(cut[0, ::2, ::2], store.patches(np.array([64 + 8 * 2 + 5])).reshape(6, 6, 3))
