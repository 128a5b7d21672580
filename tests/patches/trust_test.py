"""A damaged index is refused in one line; a whole one is hashed once."""

import json
import shutil

import pytest

from tfcollide.errors import RequestError
from tfcollide.patches import trust
from tfcollide.patches.backends.annoy import AnnoySearch
from tfcollide.patches.collection import open_collection
from tfcollide.patches.manifest import read_manifest, write_manifest
from tfcollide.patches.recall import draw_queries

from .fuzz import fuzz


@pytest.fixture
def copy(index, tmp_path):
    shutil.copytree(index, tmp_path / "copy")
    (tmp_path / "copy" / ".checked").unlink(missing_ok=True)
    return tmp_path / "copy"


@pytest.fixture
def hashed(monkeypatch):
    names = []
    real = trust.checksum
    monkeypatch.setattr(trust, "checksum", lambda path: names.append(path.name) or real(path))
    return names


def test_every_file_is_hashed_on_the_first_opening_only(copy, hashed):
    manifest = open_collection(copy).manifest
    assert set(hashed) == set(manifest.checksums)
    hashed.clear()
    open_collection(copy)
    assert not hashed
    open_collection(copy, rehash=True)
    assert set(hashed) == set(manifest.checksums)


def test_a_stamp_does_not_vouch_for_what_was_changed_later(copy, hashed):
    open_collection(copy)
    path = copy / "trees-00001.ann"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    with pytest.raises(RequestError, match=r"trees-00001\.ann.*checksum"):
        open_collection(copy)


@pytest.mark.parametrize("key", ["stride", "num_components", "num_trees", "seed", "metric", "shard_images"])
def test_a_changed_manifest_is_refused(copy, key):
    path = copy / "manifest.json"
    values = json.loads(path.read_text())
    values[key] = 7
    path.write_text(json.dumps(values))
    with pytest.raises(RequestError, match="checksum"):
        open_collection(copy)


def test_a_manifest_that_contradicts_its_files_is_refused_even_when_signed(copy):
    import dataclasses

    manifest = read_manifest(copy)
    write_manifest(copy, dataclasses.replace(manifest, num_components=9))
    with pytest.raises(RequestError, match="components"):
        open_collection(copy)
    write_manifest(copy, dataclasses.replace(manifest, shard_images=(4, 8), num_images=12))
    with pytest.raises(RequestError, match="do not agree"):
        open_collection(copy)


def test_trees_of_another_count_are_refused(copy):
    import dataclasses

    manifest = read_manifest(copy)
    wrong = dataclasses.replace(manifest, shard_images=tuple(reversed((5, 3, 4))))
    write_manifest(copy, wrong)
    with pytest.raises(RequestError):
        AnnoySearch(open_collection(copy))


def test_another_format_is_refused(copy):
    import dataclasses

    write_manifest(copy, dataclasses.replace(read_manifest(copy), format_version=99))
    with pytest.raises(RequestError, match="format 99"):
        open_collection(copy)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"checksum": 1}'])
def test_no_manifest_crashes_the_reader(copy, content):
    (copy / "manifest.json").write_bytes(content)
    with pytest.raises(RequestError):
        open_collection(copy)


def test_a_folder_that_is_no_index_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(RequestError, match="index"):
            open_collection(path)


def test_random_damage_is_refused_or_harmless(index, collection, tmp_path):
    refused, opened = fuzz(index, tmp_path, draw_queries(collection, 4, seed=0), rounds=60, seed=0)
    assert refused + opened == 60
    assert refused > 30
