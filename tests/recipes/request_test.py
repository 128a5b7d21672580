"""Tables of pairs."""

import pytest

from tfcollide.errors import RequestError
from tfcollide.recipes.collide.request import read_pairs


@pytest.mark.parametrize(
    "content", [b"source,target\n3,7\n", b"\xef\xbb\xbfsource,target\r\n 3,7 \r\n", b"n,target,source\n1,7,3"]
)
def test_pairs(tmp_path, content):
    (tmp_path / "pairs.csv").write_bytes(content)
    assert read_pairs(tmp_path / "pairs.csv") == [("3", "7")]


def test_a_class_in_another_case_is_no_file(tmp_path):
    (tmp_path / "pairs.csv").write_text("source,target\nMR. FOX,cat\n")
    assert read_pairs(tmp_path / "pairs.csv", ("mr. fox", "cat")) == [("MR. FOX", "cat")]


def test_a_name_over_two_lines(tmp_path):
    (tmp_path / "a\n--overwrite.png").touch()
    (tmp_path / "pairs.csv").write_text('source,target\n3,"a\n--overwrite.png"\n')
    with pytest.raises(RequestError, match=r"--pairs=.*, line 3: 'a\\n--overwrite\.png': expected names without line breaks"):
        read_pairs(tmp_path / "pairs.csv")
