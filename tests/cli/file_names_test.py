"""Flagfiles and libraries that meet names of files that are no UTF-8."""

import pytest
from PIL import Image

from tfcollide import cli


def refusal(capfd, *flags):
    """The line; pytest shows what is no UTF-8 in it as ?."""
    assert cli.index_patches(["index_patches", *flags]) == 2
    error = capfd.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1
    return error


def test_a_flagfile_with_such_a_name(tmp_path, capfd):
    (tmp_path / "inner.flags").write_bytes(b"\n  --verify=/nowhere/caf\xe9  \n")
    (tmp_path / "outer.flags").write_bytes(b"# caf\xe9\n// more\n--seed=3\n--flagfile=%s/inner.flags\n" % bytes(tmp_path))
    assert "index /nowhere/caf?, which does not exist" in refusal(capfd, f"--flagfile={tmp_path}/outer.flags")


def test_a_flagfile_that_is_no_text(tmp_path, capfd):
    (tmp_path / "a.flags").write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe\x00")
    assert "a text file with a flag a line" in refusal(capfd, f"--flagfile={tmp_path}/a.flags")


def test_a_library_that_cannot_take_such_a_name(capfd):
    assert cli.main(lambda argv: len("/photos/caf\udce9".encode())) == 2
    error = capfd.readouterr().err
    assert "caf\\udce9', which is no UTF-8: expected a name in UTF-8. Rename the file or folder." in error
    assert error.count("\n") == 1


def test_a_flagfile_with_a_byte_order_mark(tmp_path, capfd):
    (tmp_path / "inner.flags").write_bytes(b"\xef\xbb\xbf--verify=/nowhere/at/all\r\n")
    (tmp_path / "outer.flags").write_bytes(
        b"\xef\xbb\xbf# with a mark\r\n--seed=3\r\n--flagfile=%s/inner.flags\r\n" % bytes(tmp_path)
    )
    assert "index /nowhere/at/all, which does not exist" in refusal(capfd, f"--flagfile={tmp_path}/outer.flags")


@pytest.mark.parametrize("name", ["a\n--overwrite", "a.png ", "a\x1b[2J", "a\r", "a\u2028b"])
def test_a_name_that_run_flags_cannot_hold(tmp_path, capfd, name):
    Image.new("L", (28, 28)).save(tmp_path / "image.png")
    (tmp_path / "image.png").rename(tmp_path / name)
    assert (
        cli.collide(["collide", f"--source={tmp_path / name}", f"--out={tmp_path}/run", f"--model_dir={tmp_path}/models"]) == 2
    )
    error = capfd.readouterr().err
    assert error.startswith(f"error: --source={str(tmp_path / name)!r}: expected no line break") and error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == [name]
