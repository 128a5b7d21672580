import pytest

from tfcollide.errors import RequestError
from tfcollide.models.class_names import read_labels


@pytest.mark.parametrize("content", [b"cat\ndog\n", b"\xef\xbb\xbfcat\r\ndog\r\n", b"cat\n dog "])
def test_labels(tmp_path, content):
    (tmp_path / "labels.txt").write_bytes(content)
    assert read_labels(tmp_path / "labels.txt") == ("cat", "dog")


@pytest.mark.parametrize("content", [b"", b"cat\n\ndog", b"\xef\xbb\xbf", b"\xff\xfec\0a\0t\0"])
def test_no_labels(tmp_path, content):
    (tmp_path / "labels.txt").write_bytes(content)
    with pytest.raises(RequestError, match=r"--labels=.*labels\.txt"):
        read_labels(tmp_path / "labels.txt")
