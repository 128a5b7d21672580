import importlib
import os

import pytest

from tfcollide.quiet import import_tensorflow, without_chatter


@pytest.fixture
def imported(monkeypatch):
    """Names asked for; each import chatters on the file descriptor, and Keras may fail."""
    names = []

    def import_module(name):
        names.append(name)
        os.write(2, f"chatter of {name}\n".encode())
        if name == "keras" and "broken" in names:
            raise ImportError("no keras")

    monkeypatch.setattr(importlib, "import_module", import_module)
    return names


def test_chatter_is_turned_away_and_stderr_given_back(imported, capfd):
    import_tensorflow()
    assert imported == ["tensorflow", "keras"]
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_chatter_is_shown_where_the_import_fails(imported, capfd):
    imported.append("broken")
    with pytest.raises(ImportError, match="no keras"):
        import_tensorflow()
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "chatter of tensorflow\nchatter of keras\nafter\n"


def test_what_libraries_print_is_dropped_and_what_follows_is_not(capfd):
    with without_chatter():
        os.write(2, b"chatter")
    os.write(2, b"heard")
    with pytest.raises(ValueError), without_chatter():
        raise ValueError
    os.write(2, b" again")
    assert capfd.readouterr().err == "heard again"
