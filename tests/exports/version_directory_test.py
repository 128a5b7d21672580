import pytest

from tfcollide.errors import RequestError
from tfcollide.exports.version_directory import check_version_path, new_version


@pytest.mark.parametrize("name", ["v1", "1.0", "-1", "0", "\uff11", str(2**63), ""])
def test_a_version_is_a_number(tmp_path, name):
    with pytest.raises(RequestError, match=r"BASE/NAME/VERSION|exists"):
        check_version_path(tmp_path / "net" / name)


def test_an_existing_version_stays_and_the_next_is_named(tmp_path):
    (tmp_path / "net" / "7").mkdir(parents=True)
    for name in ("notes", "20261126011511000000", "\uff19"):  # no versions to a server either
        (tmp_path / "net" / name).mkdir()
    with pytest.raises(RequestError, match=r"--out=.*net/8\.$"):
        check_version_path(tmp_path / "net" / "7")


def test_it_appears_whole(tmp_path):
    with new_version(tmp_path / "net" / "1") as folder:
        (folder / "a").write_text("x")
        assert not any(entry.name.isdecimal() for entry in (tmp_path / "net").iterdir())
    assert [entry.name for entry in (tmp_path / "net").iterdir()] == ["1"]
    assert (tmp_path / "net" / "1" / "a").read_text() == "x"


def test_others_may_read_it(tmp_path):
    with new_version(tmp_path / "net" / "1"):
        pass
    ordinary = tmp_path / "ordinary"
    ordinary.mkdir()
    assert (tmp_path / "net" / "1").stat().st_mode == ordinary.stat().st_mode


def test_or_not_at_all(tmp_path):
    with pytest.raises(KeyError), new_version(tmp_path / "net" / "1") as folder:
        (folder / "a").write_text("x")
        raise KeyError("failed midway")
    assert list((tmp_path / "net").iterdir()) == []


def test_of_two_writers_the_first_wins(tmp_path):
    path = tmp_path / "net" / "1"
    with pytest.raises(RequestError, match="meanwhile"), new_version(path):
        path.mkdir()
        (path / "theirs").write_text("x")
    assert [entry.name for entry in path.iterdir()] == ["theirs"]
