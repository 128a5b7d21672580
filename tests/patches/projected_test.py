"""The search by products of matrices: what it keeps of a large index, by brute force over the codes."""

import numpy as np
import pytest
from PIL import Image

from tfcollide.errors import RequestError
from tfcollide.patches.backends import projected
from tfcollide.patches.backends.annoy import AnnoySearch
from tfcollide.patches.backends.exact import ExactSearch
from tfcollide.patches.backends.projected import ProjectedSearch
from tfcollide.patches.collection import open_collection
from tfcollide.patches.groups import rounded
from tfcollide.patches.neighbors import Query
from tfcollide.patches.recall import draw_queries, windows_of_image
from tfcollide.recipes.patches.config import IndexConfig
from tfcollide.recipes.patches.index import run

from .groups_test import DENSE


def scores_of(collection, windows):
    """`[items, Q]` by brute force, each window an item."""
    codes = np.concatenate([np.load(path) for path in sorted(collection.path.glob("codes-*.npy"))]).astype(np.float64)
    points = rounded(collection.projection.apply(windows.astype(np.float32) - 128), collection.store.grid).astype(np.float64)
    return ((codes[:, None] - points) ** 2).sum(axis=2) - (points**2).sum(axis=1), points.astype(np.float32)


@pytest.mark.parametrize("skipping", [False, True])
def test_a_sample_says_which_items_are_kept(searched, monkeypatch, skipping):
    """Those with the smallest scores, at least as many as are wanted, and not many times as many."""
    monkeypatch.setattr(projected, "_SAMPLE", 300)
    monkeypatch.setattr(projected, "_AT_ONCE", 70)
    monkeypatch.setattr(projected, "_SCORES", 200)
    collection = searched["projected"]
    windows = collection.store.patches(np.arange(5, 1200, 60))
    skip = np.arange(5, 1200, 60) // 100 if skipping else None
    scores, codes = scores_of(collection, windows)
    near = ProjectedSearch(collection)._near(Query(windows, skip_images=skip), codes, 40, 2)
    np.testing.assert_allclose(near.scores, scores[near.items, near.queries], rtol=1e-4, atol=0.5)
    if skipping:
        scores[np.arange(1200)[:, None] // 100 == skip] = np.inf
    for q in range(len(windows)):
        kept = near.items[near.queries == q]
        assert 40 <= len(kept) == len(set(kept.tolist())) < 200
        order = np.argsort(scores[:, q], kind="stable")
        assert set(order[: len(kept) - 2].tolist()) <= set(kept.tolist())  # but for what rounding exchanges at the end


@pytest.mark.parametrize("search", ["annoy", "projected"])
@pytest.mark.parametrize("count", [1, 5])
def test_a_dense_index_finds_the_true_neighbors(folder, tmp_path, search, count):
    """Groups of windows a pixel apart; an index for Annoy has their codes, too."""
    settings = {key: value for key, value in DENSE.items() if search == "annoy" or key != "num_trees"}
    run(IndexConfig(images=str(folder), held_out=2, search=search, **settings), tmp_path / "patches")
    collection = open_collection(tmp_path / "patches")
    assert (collection.manifest.own or {})["span"] == 3
    backend, exact = ProjectedSearch(collection, candidates=400), ExactSearch(collection)
    queries = draw_queries(collection, 20, seed=1)
    np.testing.assert_array_equal(backend.search(Query(queries, count)).ids, exact.search(Query(queries, count)).ids)


def test_windows_that_are_all_alike_do_not_fill_memory(folder, tmp_path, monkeypatch):
    """Of the windows of blank photographs no more are kept than are wanted, again and again."""
    monkeypatch.setattr(projected, "_AT_ONCE", 50)
    monkeypatch.setattr(projected, "_TOO_MANY", 1)
    for number in range(6):
        Image.fromarray(np.full((48, 48, 3), 90, np.uint8)).save(tmp_path / f"blank{number}.png")
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (48, 48, 3), np.uint8)).save(tmp_path / "noise.png")
    small = {"image_size": 48, "patch_size": 12, "stride": 4, "num_components": 8, "search": "projected"}
    run(IndexConfig(images=str(tmp_path), **small), tmp_path / "patches")
    collection, joined, sizes = open_collection(tmp_path / "patches"), projected._joined, []
    monkeypatch.setattr(
        projected, "_joined", lambda parts: sizes.append(sum(len(part.items) for part in parts)) or joined(parts)
    )
    backend = ProjectedSearch(collection, candidates=4)
    blank = collection.photographs().index("blank3.png")
    windows, skip = windows_of_image(collection.store.image(blank), collection.manifest.grid), np.full(100, blank)
    found = backend.search(Query(windows, 2, skip_images=skip), threads=1)
    truth = ExactSearch(collection).search(Query(windows, 2, skip_images=skip))
    np.testing.assert_array_equal(found.distances, truth.distances)
    assert (found.images != blank).all() and (found.distances == 0).all()
    assert max(sizes) < 100 * (36 + 36 + 50 + 1)  # wanted, before they are cut down, and what one run adds


def test_an_index_without_codes_is_refused_in_one_line(collection):
    with pytest.raises(RequestError, match="which has no codes: expected one built with --search=projected"):
        ProjectedSearch(collection)


def test_no_windows_have_no_neighbors(searched):
    for name, backend in (("annoy", AnnoySearch), ("projected", ProjectedSearch)):
        assert backend(searched[name]).search(Query(np.empty((0, 432), np.uint8), 3)).ids.shape == (0, 3)
