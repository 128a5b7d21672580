import pickle

from tfcollide.errors import RequestError, listed


def test_one_line_says_what_came_what_was_expected_and_how_to_mend_it():
    assert str(RequestError("--a=1", "a number above 1")) == "--a=1: expected a number above 1."
    assert str(RequestError("--a=1", "more", "Say --a=2.")) == "--a=1: expected more. Say --a=2."


def test_python_is_told_of_arguments_and_verbs():
    error = RequestError("--a=1 without --b", "--c", "Say --tap=fc1.")
    assert str(error.in_python()) == "a=1 without b: expected c. Say tap=fc1."
    other = RequestError("--a=1", "more", "Say --solver=gradient.", mend_in_python="Take find_corners.")
    assert str(other) == "--a=1: expected more. Say --solver=gradient."
    assert str(other.in_python()) == "a=1: expected more. Take find_corners." == str(other.in_python().in_python())


def test_it_comes_back_from_another_process():
    error = RequestError("--a=1", "more", "Say --solver=gradient.", mend_in_python="Take find_corners.")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), str(again.in_python())) == (str(error), str(error.in_python()))


def test_it_is_one_line_whatever_is_quoted():
    assert str(RequestError("--a=1\n  2", "x", "Do\r\n\tthis.")) == "--a=1 2: expected x. Do this."


def test_what_is_quoted_does_not_steer_a_terminal():
    assert str(RequestError("--a=\x1b[2J\x07", "x")) == "--a=\\x1b[2J\\x07: expected x."


def test_a_list_that_is_cut_says_how_many_more_and_where():
    names = [f"c{i}" for i in range(15)]
    assert listed(names[:3], "nowhere") == "c0, c1, c2"
    assert listed(names, "labels.txt", shown=2) == "c0, c1 and 13 more, all in labels.txt"
