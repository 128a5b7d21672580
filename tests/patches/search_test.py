"""Every search against brute force in whole numbers."""

import shutil

import numpy as np
import pytest
from PIL import Image

from tfcollide.errors import RequestError
from tfcollide.patches.backends.annoy import AnnoySearch
from tfcollide.patches.backends.exact import ExactSearch
from tfcollide.patches.collection import open_collection
from tfcollide.patches.neighbors import Query, closest, squared_distances
from tfcollide.patches.recall import compare, draw_queries, windows_of_image
from tfcollide.recipes.patches.config import IndexConfig
from tfcollide.recipes.patches.index import run
from tfcollide.registry import BACKENDS

from .conftest import SMALL

SEARCHES = ["annoy", "exact", "projected"]


@pytest.fixture(scope="module")
def queries(collection):
    return draw_queries(collection, 40, seed=3)


def brute_force(collection, windows, count, skip=None, min_distance=0.0):
    store = collection.store
    everything = store.patches(np.arange(store.num_patches)).astype(np.int64)
    results = []
    for q, window in enumerate(windows):
        squared = ((everything - window) ** 2).sum(axis=1).astype(float)
        if skip is not None:
            squared[np.arange(len(squared)) // store.grid.per_image == skip[q]] = np.inf
        squared[squared < min_distance**2] = np.inf
        results.append(np.argsort(squared, kind="stable")[:count])
    return np.array(results)


def test_the_back_ends_are_found_by_name():
    assert BACKENDS.names() == SEARCHES
    assert BACKENDS.load("exact") is ExactSearch


@pytest.mark.parametrize("name", SEARCHES)
@pytest.mark.parametrize("count", [1, 7])
def test_finds_the_true_neighbors(searched, collection, queries, name, count):
    found = BACKENDS.load(name)(searched[name]).search(Query(queries, count))
    np.testing.assert_array_equal(found.ids, brute_force(collection, queries, count))
    change = collection.store.patches(found.ids[:, 0]).astype(float) - queries
    np.testing.assert_allclose(found.distances[:, 0], np.linalg.norm(change, axis=1), rtol=1e-12)
    np.testing.assert_array_equal(found.images, found.ids // 100)
    np.testing.assert_array_equal(found.rows, found.ids % 100 // 10)
    np.testing.assert_array_equal(found.columns, found.ids % 10)


@pytest.mark.parametrize("name", SEARCHES)
def test_leaves_out_the_same_image_and_what_is_too_close(searched, collection, name):
    windows = collection.store.patches(np.arange(0, 1200, 50))
    skip = np.arange(0, 1200, 50) // 100
    found = BACKENDS.load(name)(searched[name]).search(Query(windows, 3))
    assert (found.distances[:, 0] == 0).all()
    found = BACKENDS.load(name)(searched[name]).search(Query(windows, 3, skip_images=skip))
    np.testing.assert_array_equal(found.ids, brute_force(collection, windows, 3, skip))
    found = BACKENDS.load(name)(searched[name]).search(Query(windows, 3, min_distance=900.0))
    assert (found.distances >= 900).all()
    np.testing.assert_array_equal(found.ids, brute_force(collection, windows, 3, min_distance=900.0))


@pytest.mark.parametrize("name", ["annoy", "projected"])
def test_nothing_is_missed_where_what_is_too_close_fills_the_candidates(searched, collection, name):
    """Of 1,200 patches 16 and 4 more are looked at first; hundreds are closer than asked."""
    windows = collection.store.patches(np.arange(7, 1200, 150))
    backend = BACKENDS.load(name)(searched[name], candidates=4)
    for distance in (500.0, 1500.0):
        found = backend.search(Query(windows, 1, min_distance=distance))
        np.testing.assert_array_equal(found.ids, brute_force(collection, windows, 1, min_distance=distance))


@pytest.mark.parametrize("shard_patches", [400, 2000])
def test_windows_that_are_all_alike_take_no_longer(folder, tmp_path, monkeypatch, shard_patches):
    """A blank photograph fills the candidates of its own windows, which are left out, up and over."""
    shutil.copytree(folder, tmp_path / "photographs")
    Image.fromarray(np.full((48, 48, 3), 90, np.uint8)).save(tmp_path / "photographs" / "blank.png")
    run(IndexConfig(images=str(tmp_path / "photographs"), **SMALL | {"shard_patches": shard_patches}), tmp_path / "patches")
    collection = open_collection(tmp_path / "patches")
    blank = collection.photographs().index("blank.png")
    windows, skip = windows_of_image(collection.store.image(blank), collection.manifest.grid), np.full(100, blank)
    backend, proposals = AnnoySearch(collection, candidates=40), []
    propose = backend._propose
    monkeypatch.setattr(backend, "_propose", lambda *given: proposals.append(given) or propose(*given))
    monkeypatch.setattr("tfcollide.patches.backends.annoy.scan", None)
    found = backend.search(Query(windows, 2, skip_images=skip))
    assert len(proposals) == 100
    np.testing.assert_array_equal(found.ids, brute_force(collection, windows, 2, skip))


@pytest.mark.parametrize("name", SEARCHES)
def test_more_neighbors_than_patches_are_padded(searched, queries, name):
    found = BACKENDS.load(name)(searched[name]).search(Query(queries[:2], 1300))
    assert (found.ids[:, :1200] >= 0).all() and (found.ids[:, 1200:] == -1).all()
    assert np.isinf(found.distances[:, 1200:]).all()


@pytest.mark.parametrize("name", SEARCHES)
def test_threads_and_batches_make_no_difference(searched, queries, name):
    whole = BACKENDS.load(name)(searched[name]).search(Query(queries, 5), threads=1)
    parts = [BACKENDS.load(name)(searched[name]).search(Query(queries[i : i + 7], 5), threads=3).ids for i in range(0, 40, 7)]
    np.testing.assert_array_equal(whole.ids, np.concatenate(parts))


@pytest.mark.parametrize("windows", [np.zeros((3, 5), np.uint8), np.zeros((3, 432), np.float32), np.zeros(432, np.uint8)])
def test_refuses_other_windows(collection, windows):
    with pytest.raises(RequestError, match="query windows"):
        ExactSearch(collection).search(Query(windows))


def test_squared_distances_are_exact_at_any_size():
    black, white = np.zeros((1, 40_000), np.uint8), np.full(40_000, 255, np.uint8)
    assert squared_distances(black, white)[0] == 40_000 * 255**2


def test_ties_go_to_the_smaller_number():
    ids, distances = closest(np.array([9, 4, 7]), np.array([4.0, 4.0, 1.0]), 4)
    np.testing.assert_array_equal(ids, [7, 4, 9, -1])
    np.testing.assert_array_equal(distances, [1, 2, 2, np.inf])


def test_recall_counts_what_was_missed(collection, queries):
    truth = ExactSearch(collection).search(Query(queries, 10))
    assert compare(truth, truth) == (1.0, 1.0, 1.0)
    worse = truth._replace(distances=truth.distances + np.where(np.arange(40)[:, None] < 10, 1e4, 0.0))
    at_1, at_10, ratio = compare(worse, truth)
    assert (at_1, at_10) == (0.75, 0.75) and ratio > 1
