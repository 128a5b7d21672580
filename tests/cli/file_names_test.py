"""Flagfiles and libraries that meet names of files that are no UTF-8."""

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
