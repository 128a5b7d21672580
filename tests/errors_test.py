from tfcollide.errors import RequestError


def test_one_line_says_what_came_what_was_expected_and_how_to_mend_it():
    assert str(RequestError("--a=1", "a number above 1")) == "--a=1: expected a number above 1."
    assert str(RequestError("--a=1", "more", "Say --a=2.")) == "--a=1: expected more. Say --a=2."


def test_it_is_one_line_whatever_is_quoted():
    assert str(RequestError("--a=1\n  2", "x", "Do\r\n\tthis.")) == "--a=1 2: expected x. Do this."
