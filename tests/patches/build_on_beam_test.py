"""The Beam pipeline and the local build write the same files."""

import pytest

from tfcollide.errors import RequestError
from tfcollide.recipes.patches.config import IndexConfig
from tfcollide.recipes.patches.index import run

from .conftest import SMALL


def test_without_beam_the_error_says_what_to_install(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "apache_beam", None)
    with pytest.raises(RequestError, match=r'pip install "tfcollide\[beam\]"'):
        run(IndexConfig(images=str(folder), runner="DirectRunner", **SMALL), tmp_path / "patches")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("more", [{}, {"search_size": 24, "stride": 2}])
def test_equals_the_local_build(folder, tmp_path, more):
    pytest.importorskip("apache_beam")
    config = SMALL | more
    run(IndexConfig(images=str(folder), held_out=2, **config), tmp_path / "local")
    run(IndexConfig(images=str(folder), held_out=2, runner="DirectRunner", **config), tmp_path / "beam")
    files = [{path.name: path.read_bytes() for path in (tmp_path / name).glob("[!.]*")} for name in ("local", "beam")]
    assert len(files[0]) > 5
    assert files[0] == files[1]
