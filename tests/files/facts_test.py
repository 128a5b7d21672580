import os
import time

import numpy as np
import pytest

from tfcollide.files.facts import Facts, file_states

ABOUT = {"network": "a", "data": ["digits", 3]}


def fact(folder, about, values, **more):
    """The fact "numbers", and whether it was computed."""
    done = []

    def work():
        done.append(1)
        return {"numbers": np.array(values, np.float64)}

    found = Facts(folder, about).find("numbers", work, lambda kept: kept["numbers"].shape == (3,), **more)
    return found["numbers"].tolist(), bool(done)


def test_a_fact_is_found_out_once(tmp_path):
    assert fact(tmp_path / "facts", ABOUT, [1, 2, 0.1]) == ([1, 2, 0.1], True)
    assert fact(tmp_path / "facts", ABOUT, [9, 9, 9]) == ([1, 2, 0.1], False)


@pytest.mark.parametrize("about, more", [({**ABOUT, "network": "b"}, {}), (ABOUT, {"tap": "fc1"})])
def test_a_fact_about_something_else_is_another_one(tmp_path, about, more):
    fact(tmp_path, ABOUT, [1, 2, 3])
    assert fact(tmp_path, about, [4, 5, 6], **more) == ([4, 5, 6], True)


def test_nothing_is_kept_where_nothing_is_asked_for_or_told(tmp_path):
    for facts in (Facts(), Facts(tmp_path, None), Facts(None, ABOUT)):
        assert facts.find("one", lambda: {"value": np.zeros(1)}, lambda kept: True)["value"].shape == (1,)
    assert not list(tmp_path.iterdir())


def damaged(content, place):
    return content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]


def test_a_damaged_file_is_never_trusted(tmp_path):
    fact(tmp_path, ABOUT, [1, 2, 3])
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    for content in [b"", whole[:50], *(damaged(whole, place) for place in range(0, len(whole), 37))]:
        path.write_bytes(content)
        assert fact(tmp_path, ABOUT, [1, 2, 3])[0] == [1, 2, 3]
    assert path.read_bytes() == whole


def test_arrays_of_another_fact_in_the_file_are_not_taken(tmp_path):
    fact(tmp_path, ABOUT, [1, 2, 3])
    fact(tmp_path, {**ABOUT, "network": "b"}, [7, 8, 9])
    one, other = tmp_path.iterdir()
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)
    assert fact(tmp_path, ABOUT, [1, 2, 3]) == ([1, 2, 3], True)


def test_another_shape_than_the_fact_has_is_not_taken(tmp_path):
    Facts(tmp_path, ABOUT).find("numbers", lambda: {"numbers": np.zeros(2)}, lambda kept: True)
    assert fact(tmp_path, ABOUT, [1, 2, 3]) == ([1, 2, 3], True)


def test_a_cache_that_cannot_be_written_is_no_failure(tmp_path):
    (tmp_path / "file").write_text("")
    assert fact(tmp_path / "file" / "facts", ABOUT, [1, 2, 3]) == ([1, 2, 3], True)


def test_states_of_files_change_with_their_content(tmp_path):
    path, later = tmp_path / "data", time.time_ns() + 10**10
    path.write_bytes(b"one")
    before = file_states([path], later)
    assert before == file_states([path], later)
    stamps = path.stat()
    time.sleep(0.02)
    path.write_bytes(b"two")
    os.utime(path, ns=(stamps.st_atime_ns, stamps.st_mtime_ns))  # as if it were the file of before
    assert file_states([path], later) not in (before, None)


def test_files_that_have_just_changed_or_are_missing_are_not_told_apart(tmp_path):
    path = tmp_path / "data"
    path.write_bytes(b"one")
    assert file_states([path], time.time_ns()) is None
    assert file_states([path, tmp_path / "none"], time.time_ns() + 10**10) is None
