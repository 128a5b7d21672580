import pytest

from tfcollide.file_names import readable, to_bytes, to_text

LATIN_1 = "caf\udce9/d\xfcne.png"  # as Python reads the bytes of caf\xe9 in Latin-1, and of d\xfcne in UTF-8


@pytest.mark.parametrize(
    ("name", "shown"),
    [("plain.png", "plain.png"), ("d\xfcne.png", "d\xfcne.png"), ("caf\udce9.png", "caf\xe9.png"), ("\udcff", "\xff")],
)
def test_a_name_to_show(name, shown):
    assert readable(name) == shown
    shown.encode()


def test_names_come_back_as_they_are():
    assert to_bytes(LATIN_1) == b"caf\xe9/d\xc3\xbcne.png"
    assert to_text(to_bytes(LATIN_1)) == LATIN_1
