"""Exit codes 1, 2 and 143 around one run directory."""

import json
import re
import signal

import numpy as np

from tests.limits import HANG_SECONDS
from tfcollide.files.run_directory import RunDirectory

from .programs import ENDLESS, checkpoint_of, files_below, run, run_files, started, wait_until


def error_line(text):
    """The one line that a refusal says; progress bars end in a carriage return."""
    (line,) = [line for line in text.splitlines() if line.strip()]
    assert line.startswith("error: ")
    return line


def test_one_worker_a_directory_then_terminated_refused_and_dropped(tmp_path, training, home):
    flags = (*training, *ENDLESS, "--max_steps=2000000000", "--trace_every=100000", "--out=run")
    out, partial = tmp_path / "run", tmp_path / "run.partial"
    place = {"cwd": tmp_path, "home": home}

    # Two at once: one of them is refused, and the other does not notice.
    with (
        started("collide", *flags, **place, said=tmp_path / "a") as a,
        started("collide", *flags, **place, said=tmp_path / "b") as b,
    ):
        wait_until(lambda: a.process.poll() is not None or b.process.poll() is not None, a, b)
        refused, winner = (a, b) if a.process.poll() is not None else (b, a)
        assert refused.process.returncode == 2
        line = error_line(refused.stderr())
        assert str(out) in line and "another process" in line
        wait_until(lambda: checkpoint_of(partial), winner)

        # Terminated in the middle of the descent.
        winner.process.send_signal(signal.SIGTERM)
        assert winner.process.wait(HANG_SECONDS) == 143
        assert "Traceback" not in winner.stderr()
        assert winner.stdout() == ""
    assert not out.exists()
    with np.load(checkpoint_of(partial)) as checkpoint:
        assert checkpoint["step"] > 0

    # Another request finds the partial run of the first, and leaves it alone.
    before = files_below(partial)
    other = (*training, *ENDLESS, "--max_steps=3", "--out=run")
    outcome = run("collide", *other, **place)
    assert outcome.code == 2
    line = error_line(outcome.stderr)
    assert "run.partial" in line and "--overwrite" in line
    assert files_below(partial) == before and not out.exists()

    # With --overwrite it is dropped. The new run does not converge: 1, a whole directory, and what to do about it.
    outcome = run("collide", *other, "--overwrite", **place)
    assert outcome.code == 1
    assert not partial.exists()
    assert files_below(out) == run_files(2)
    summary = json.loads((out / "summary.json").read_text())
    assert summary["converged"] is False
    assert [corner["converged"] for corner in summary["corners"]] == [False, False]
    assert summary["steps"] == 3
    table = (out / "table.md").read_text()
    assert re.search(r"\*\*Not converged\*\*: corner 0, 1;.* after 3 steps.*Raise --max_steps", table)
    assert outcome.stdout.startswith(table.partition("**Not found**")[0])


def test_overwrite_does_not_take_a_directory_from_a_process_at_work(tmp_path, training, home):
    at_work = RunDirectory(tmp_path / "run", "--another=request\n")
    partial = at_work.open()
    (partial / "precious").write_text("work of hours")
    try:
        outcome = run("collide", *training, "--max_steps=3", "--out=run", "--overwrite", cwd=tmp_path, home=home)
        assert (partial / "precious").exists()
        assert outcome.code == 2
        assert "another process" in error_line(outcome.stderr)
    finally:
        at_work.close()
