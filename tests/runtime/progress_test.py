import io
import threading
from types import SimpleNamespace

import pytest
from tqdm import tqdm

from tfcollide.runtime.progress import progress, stage, watched


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def log(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr("tfcollide.runtime.progress.sys", SimpleNamespace(stderr=stream))  # pytest minds the real one
    return stream


@pytest.fixture
def clock(monkeypatch):
    """Seconds, as tqdm reads them."""
    now = [1000.0]
    monkeypatch.setattr("tqdm.std.time", lambda: now[0])
    return now


@pytest.mark.parametrize("leave", [False, True])
def test_a_log_gets_a_line_every_ten_seconds(log, clock, leave):
    with progress(total=350, desc="descent", leave=leave) as bar:
        for _ in range(350):
            clock[0] += 0.1
            bar.update()
    lines = log.getvalue().split("\n")
    assert lines.pop() == "" and "\r" not in log.getvalue()
    assert all(line.startswith("descent: ") for line in lines)
    assert len(lines) == 3 + leave  # after 10, 20 and 30 seconds, and what was reached


def test_a_log_gets_nothing_of_short_work(log, clock):
    for _ in progress(range(50), desc="pairs"):
        clock[0] += 0.1
        with progress(total=3, leave=False) as inner:
            inner.update(3)
    assert log.getvalue() == ""


def test_a_bar_within_a_bar_draws_lines_too(log, monkeypatch):
    monkeypatch.setenv("TQDM_MININTERVAL", "0")
    for _ in progress(range(2), desc="pairs"):
        with progress(total=2, desc="descent", leave=False) as inner:
            inner.update(2)
    lines = log.getvalue().splitlines()
    assert {line.partition(":")[0] for line in lines} == {"pairs", "descent"}
    assert "2/2" in lines[-1] and all(line.isprintable() for line in lines)


def test_a_terminal_gets_tqdms_own_bar(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("tfcollide.runtime.progress.sys", SimpleNamespace(stderr=terminal))
    with progress(total=3, desc="descent", leave=False, file=terminal, mininterval=0) as bar:
        bar.update(3)
    assert isinstance(bar, tqdm) and terminal.getvalue().count("\r") >= 3


def test_a_stage_is_named_on_a_terminal_while_it_lasts(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with stage("loading"):
        assert "loading ..." in capsys.readouterr().err
    assert capsys.readouterr().err.strip("\r ") == ""


def test_a_log_gets_nothing_of_a_stage(capsys):
    with stage("loading"):
        pass
    assert capsys.readouterr().err == ""


def test_what_takes_longer_than_a_second_says_how_long_each_takes(log, clock):
    for _ in progress(range(3), desc="pairs", unit=" pairs", leave=True):
        clock[0] += 12.5
    assert log.getvalue().splitlines()[-1].endswith("12.50 s each]")
    assert "/s]" in progress().format_meter(30, 40, 10.0, unit=" steps")


def test_a_bar_over_work_of_others_shows_what_is_done(log, monkeypatch):
    """Asked by a thread; and once more at the end."""
    monkeypatch.setenv("TQDM_MININTERVAL", "0")
    monkeypatch.setattr("tfcollide.runtime.progress._LOOK_EVERY", 0.001)
    asked, counts = threading.Event(), iter([2])

    def done():
        asked.set()
        return next(counts, 3)

    with watched(done, total=3, desc="searches", unit=" searches"):
        assert asked.wait(10)
    assert "2/3" in log.getvalue() and "3/3" in log.getvalue().splitlines()[-1]
