import pytest

from tfcollide.errors import RequestError, listed


def test_one_line_says_what_came_what_was_expected_and_how_to_mend_it():
    assert str(RequestError("--a=1", "a number above 1")) == "--a=1: expected a number above 1."
    assert str(RequestError("--a=1", "more", "Say --a=2.")) == "--a=1: expected more. Say --a=2."


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("Take the first ReLU, or --solver=gradient.", "Take the first ReLU, or find_corners."),
        ("Say --solver=gradient.", "Take find_corners."),
        ("Make one with collide --out=DIR.", "Make one with found.save(DIR), or with the program collide."),
        ("Say --tap=fc1.", "Say tap=fc1."),
    ],
)
def test_python_is_told_of_arguments_and_verbs(flags, words):
    assert str(RequestError("--a=1", "more", flags).in_python()) == f"a=1: expected more. {words}"


def test_it_is_one_line_whatever_is_quoted():
    assert str(RequestError("--a=1\n  2", "x", "Do\r\n\tthis.")) == "--a=1 2: expected x. Do this."


def test_what_is_quoted_does_not_steer_a_terminal():
    assert str(RequestError("--a=\x1b[2J\x07", "x")) == "--a=\\x1b[2J\\x07: expected x."


def test_a_list_that_is_cut_says_how_many_more_and_where():
    names = [f"c{i}" for i in range(15)]
    assert listed(names[:3], "nowhere") == "c0, c1, c2"
    assert listed(names, "labels.txt", shown=2) == "c0, c1 and 13 more, all in labels.txt"
