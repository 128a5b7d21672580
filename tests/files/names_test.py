import pytest

from tfcollide.errors import visible
from tfcollide.files.names import fits_in_line, is_hidden, readable, to_bytes, to_text

LATIN_1 = "caf\udce9/d\xfcne.png"  # as Python reads the bytes of caf\xe9 in Latin-1, and of d\xfcne in UTF-8


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("plain.png", "plain.png"),
        ("d\xfcne.png", "d\xfcne.png"),
        ("caf\udce9.png", "caf\xe9.png"),
        ("\udcff", "\xff"),
        ("a\nb\x1b[2J.png", "a\\nb\\x1b[2J.png"),
    ],
)
def test_a_name_to_show(name, shown):
    assert readable(name) == shown
    shown.encode()


def test_names_come_back_as_they_are():
    assert to_bytes(LATIN_1) == b"caf\xe9/d\xc3\xbcne.png"
    assert to_text(to_bytes(LATIN_1)) == LATIN_1


def test_the_mark_of_some_editors_is_no_text():
    assert to_text(b"\xef\xbb\xbf--seed=1") == "--seed=1"


@pytest.mark.parametrize("text", ["a b.png", " a.png", "d\xfcne", "caf\udce9", "", "a\u00a0b"])
def test_what_a_line_holds(text):
    assert fits_in_line(text)
    assert visible(text) == text


@pytest.mark.parametrize("text", ["a\nb", "a\r", "a ", "a\t", "\x1b[2J", "a\u2028b", "a\x85b", "a\0"])
def test_what_a_line_does_not_hold(text):
    assert not fits_in_line(text)


@pytest.mark.parametrize("name", [".git", "._a.png", ".ipynb_checkpoints", "__MACOSX", "@eaDir"])
def test_what_is_hidden(name):
    assert is_hidden(name)
    assert not is_hidden(f"a{name}")
