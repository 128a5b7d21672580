"""Exit codes 1, 130 and 143, and what a run that was cut short leaves for the next."""

import json
import re
import signal

import numpy as np

from tfcollide.run_directory import RunDirectory

from .programs import checkpoint_of, files_below, run, run_files, started, wait_until

# Eq. 3 with its weights kept never reaches such a loss, so the descent goes on to --max_steps.
ENDLESS = ("--corners=2", "--stop_loss=1e-30", "--half_life=0", "--checkpoint_seconds=0.2", "--certify_seconds=0")


def error_line(text):
    """The one line that a refusal says; progress bars end in a carriage return."""
    (line,) = [line for line in text.splitlines() if line.strip()]
    assert line.startswith("error: ")
    return line


def last_line(text):
    return [line for line in text.replace("\r", "\n").splitlines() if line.strip()][-1]


def steps_shown(stderr, total):
    """The steps that the progress bar showed, from the first that is not 0."""
    return [int(step) for step in re.findall(rf"\b(\d+)/{total}\b", stderr) if int(step) > 0]


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
        assert winner.process.wait(60) == 143
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
    assert table in outcome.stdout


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


def test_a_run_interrupted_and_killed_ends_in_the_same_bits_as_one_left_in_peace(tmp_path, training, home):
    steps = 15000
    flags = (*training, *ENDLESS, f"--max_steps={steps}", "--trace_every=1000")
    out, partial = tmp_path / "cut", tmp_path / "cut.partial"
    place = {"cwd": tmp_path, "home": home}

    with started("collide", *flags, "--out=cut", **place, said=tmp_path / "1") as first:
        wait_until(lambda: checkpoint_of(partial), first)
        first.process.send_signal(signal.SIGINT)
        assert first.process.wait(60) == 130
    assert last_line(first.stderr()).startswith("Interrupted;")
    assert "Traceback" not in first.stderr()
    assert not out.exists()
    at = int(np.load(checkpoint_of(partial))["step"])
    assert at > 0
    written = checkpoint_of(partial).stat().st_mtime_ns

    with started("collide", *flags, "--out=cut", **place, said=tmp_path / "2") as second:
        wait_until(lambda: checkpoint_of(partial).stat().st_mtime_ns != written, second)
        second.process.kill()
        assert second.process.wait(60) == -signal.SIGKILL
    assert not out.exists()
    # It went on from the first one's checkpoint: a new descent would have shown its first, short chunk.
    assert all(step > at for step in steps_shown(second.stderr(), steps))
    further = int(np.load(checkpoint_of(partial))["step"])
    assert further > at

    resumed = run("collide", *flags, "--out=cut", **place)
    assert resumed.code == 1
    shown = steps_shown(resumed.stderr, steps)
    assert shown and min(shown) > further
    in_peace = run("collide", *flags, "--out=whole", **place)
    assert in_peace.code == 1
    assert min(steps_shown(in_peace.stderr, steps)) < further

    whole = tmp_path / "whole"
    assert files_below(out) == files_below(whole) == run_files(2)
    for name in sorted(run_files(2) - {"summary.json", "figure.png"}):
        assert (out / name).read_bytes() == (whole / name).read_bytes(), name
    first, second = (json.loads((folder / "summary.json").read_text()) for folder in (out, whole))
    del first["seconds"], second["seconds"]
    assert first == second
    assert len((out / "trace.csv").read_text().splitlines()) == 1 + steps / 1000 + 1
    assert not partial.exists()


def test_a_checkpoint_that_cannot_be_read_is_no_obstacle(tmp_path, home, base):
    """Starts again, and ends where `base` did."""
    request = (base.out / "run.flags").read_bytes()
    partial = tmp_path / "run.partial"
    partial.mkdir()
    (partial / "run.flags").write_bytes(request)
    (partial / ".checkpoint.npz").write_text("")
    outcome = run("collide", f"--flagfile={partial / 'run.flags'}", "--out=run", cwd=tmp_path, home=home)
    assert outcome.code == 0
    assert files_below(tmp_path / "run") == run_files(5)
    assert (tmp_path / "run" / "corners.npz").read_bytes() == (base.out / "corners.npz").read_bytes()
