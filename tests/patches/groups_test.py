"""Groups of neighboring windows: each window in one of them, codes that tell them apart, the same answers."""

import dataclasses
import shutil

import numpy as np
import pytest

from tfcollide.errors import RequestError
from tfcollide.patches.backends.annoy import AnnoySearch
from tfcollide.patches.backends.exact import ExactSearch
from tfcollide.patches.collection import open_collection
from tfcollide.patches.grid import Grid
from tfcollide.patches.groups import Codes, Groups, rounded, span_of
from tfcollide.patches.manifest import read_manifest, write_manifest
from tfcollide.patches.neighbors import Query
from tfcollide.patches.recall import draw_queries
from tfcollide.patches.store import ImageStore
from tfcollide.recipes.patches.config import IndexConfig
from tfcollide.recipes.patches.index import run

DENSE = {"image_size": 43, "patch_size": 32, "stride": 1, "num_components": 24, "shard_patches": 1000}
DENSE |= {"search": "annoy"}


@pytest.fixture(scope="module")
def dense(folder, tmp_path_factory):
    """An index of several shards whose windows are a pixel apart."""
    out = tmp_path_factory.mktemp("dense") / "patches"
    run(IndexConfig(images=str(folder), held_out=2, **DENSE), out)
    return out


@pytest.mark.parametrize(("patch", "stride", "span"), [(32, 1, 3), (32, 2, 1), (32, 8, 1), (64, 1, 5), (64, 2, 3), (12, 1, 1)])
def test_the_span_reaches_a_thirty_second_of_a_patch(patch, stride, span):
    assert span_of(Grid(224, 224, patch, stride)) == span


@pytest.mark.parametrize(("side", "span"), [(9, 3), (10, 3), (11, 3), (7, 5), (2, 5), (4, 1)])
def test_every_window_is_in_one_group_and_near_its_middle(side, span):
    grid = Grid(side + 1, side + 1, 2, 1)
    images = np.random.default_rng(0).integers(0, 256, (3, side + 1, side + 1, 3), np.uint8)
    groups, store = Groups(grid, span), ImageStore(grid, [images], [images])
    count = 3 * groups.per_image
    np.testing.assert_array_equal(np.sort(groups.members(np.arange(count))), np.arange(store.num_patches))
    middles = np.concatenate([windows for _, windows in groups.middles(store)]) + 128
    assert len(middles) == count
    for group, middle in enumerate(middles):
        members = groups.members(np.array([group]))
        ((at,),) = np.where((store.patches(members) == middle).all(axis=1))
        image, row, column = grid.locate(members)
        assert (image == group // groups.per_image).all()
        assert np.abs(row - row[at]).max() <= span // 2 and np.abs(column - column[at]).max() <= span // 2


def test_codes_keep_distances_and_do_not_overflow(tmp_path):
    grid = Grid(300, 300, 300, 1)  # a projection of up to 255 * 300 * sqrt(3), beyond half precision
    points = np.random.default_rng(0).normal(0, 4e4, (50, 6)).astype(np.float32)
    codes = rounded(points, grid)
    for shard, part in enumerate((codes[:20], codes[20:])):
        np.save(tmp_path / f"{shard}.npy", part)
    opened = Codes([tmp_path / "0.npy", tmp_path / "1.npy"], [20, 30], 6)
    ids = np.array([0, 3, 19, 20, 49])
    found = opened.distances(ids, codes[3]) * grid.values**0.5
    np.testing.assert_allclose(found, np.linalg.norm(points[ids] - points[3], axis=1), rtol=2e-3)
    assert found[1] == 0
    with pytest.raises(RequestError, match="1.npy"):
        Codes([tmp_path / "0.npy", tmp_path / "1.npy"], [20, 31], 6)


@pytest.mark.parametrize("count", [1, 5])
def test_a_dense_index_finds_the_true_neighbors(dense, count):
    collection = open_collection(dense)
    assert collection.manifest.own == {"span": 3} and len(list(dense.glob("codes-*.npy"))) == len(collection.counts) == 2
    queries, exact, backend = (
        draw_queries(collection, 40, seed=1),
        ExactSearch(collection),
        AnnoySearch(collection, candidates=400),
    )
    found, truth = (one.search(Query(queries, count)) for one in (backend, exact))
    np.testing.assert_array_equal(found.ids, truth.ids)
    own = collection.store.patches(np.arange(0, 1728, 150))
    skip = np.arange(0, 1728, 150) // 144
    found, truth = (one.search(Query(own, count, skip_images=skip)) for one in (backend, exact))
    np.testing.assert_array_equal(found.ids, truth.ids)


def test_a_dense_index_holds_fewer_items(dense):
    collection = open_collection(dense)
    assert sum(trees.get_n_items() for trees in AnnoySearch(collection)._shards) == 12 * 16
    assert collection.manifest.num_patches == 12 * 144


def test_an_index_of_the_first_format_is_still_read(index, tmp_path):
    """It has no groups, and differs in nothing else."""
    shutil.copytree(index, tmp_path / "old")
    write_manifest(tmp_path / "old", dataclasses.replace(read_manifest(index), format_version=1))
    collection = open_collection(tmp_path / "old")
    queries = draw_queries(collection, 5, seed=1)
    np.testing.assert_array_equal(
        AnnoySearch(collection).search(Query(queries)).ids, AnnoySearch(open_collection(index)).search(Query(queries)).ids
    )
