"""Tables of pairs."""

import pytest

from tfcollide.data.labeled import LabeledImages
from tfcollide.errors import RequestError
from tfcollide.recipes.collide.request import read_pairs


def names(*class_names):
    return LabeledImages("zoo", class_names=class_names, shape=(8, 8, 1), test_size=9, read=lambda split: None)


@pytest.mark.parametrize(
    "content", [b"source,target\n3,7\n", b"\xef\xbb\xbfsource,target\r\n 3,7 \r\n", b"n,target,source\n1,7,3"]
)
def test_pairs(tmp_path, content):
    (tmp_path / "pairs.csv").write_bytes(content)
    assert read_pairs(tmp_path / "pairs.csv", names("3", "7")) == [("3", "7")]


def test_a_class_in_another_case_is_no_file(tmp_path):
    (tmp_path / "pairs.csv").write_text("source,target\nMR. FOX,cat\n")
    assert read_pairs(tmp_path / "pairs.csv", names("mr. fox", "cat")) == [("MR. FOX", "cat")]


def test_a_name_over_two_lines(tmp_path):
    (tmp_path / "a\n--overwrite.png").touch()
    (tmp_path / "pairs.csv").write_text('source,target\n3,"a\n--overwrite.png"\n')
    with pytest.raises(RequestError, match=r"--pairs=.*, line 3: 'a\\n--overwrite\.png': expected names without line breaks"):
        read_pairs(tmp_path / "pairs.csv", names("3"))


def test_a_misspelled_class_is_refused_by_its_line(tmp_path):
    (tmp_path / "pairs.csv").write_text("source,target\ncat,test:3\ncat,girafe\n")
    with pytest.raises(RequestError, match=r"--pairs=.*, line 3: girafe: expected a class of zoo .* Did you mean giraffe\?"):
        read_pairs(tmp_path / "pairs.csv", names("cat", "giraffe"))


def test_without_a_data_set_only_files_are_named(tmp_path):
    (tmp_path / "a.png").touch()
    (tmp_path / "pairs.csv").write_text("source,target\na.png,a.png\na.png,test:3\n")
    with pytest.raises(RequestError, match="line 3: test:3: expected an image file, where there is no data set"):
        read_pairs(tmp_path / "pairs.csv", names())
