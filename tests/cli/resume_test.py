"""A run that is cut short goes on where it was, and ends in the same bits."""

import json
import re
import signal

import numpy as np

from tests.limits import HANG_SECONDS

from .programs import ENDLESS, checkpoint_of, files_below, run, run_files, started, wait_until


def last_line(text):
    return [line for line in text.replace("\r", "\n").splitlines() if line.strip()][-1]


def steps_shown(stderr, total):
    """The steps that the progress bar showed, from the first that is not 0."""
    return [int(step) for step in re.findall(rf"\b(\d+)/{total}\b", stderr) if int(step) > 0]


def test_a_run_interrupted_and_killed_ends_in_the_same_bits_as_one_left_in_peace(tmp_path, training, home):
    steps = 3000
    flags = (*training, *ENDLESS, f"--max_steps={steps}", "--trace_every=500")
    out, partial = tmp_path / "cut", tmp_path / "cut.partial"
    place = {"cwd": tmp_path, "home": home, "TQDM_MININTERVAL": "0.1"}

    with started("collide", *flags, "--out=cut", **place, said=tmp_path / "1") as first:
        wait_until(lambda: checkpoint_of(partial), first)
        first.process.send_signal(signal.SIGINT)
        assert first.process.wait(HANG_SECONDS) == 130
    assert last_line(first.stderr()).startswith("Interrupted;")
    assert "Traceback" not in first.stderr()
    assert not out.exists()
    assert json.loads((partial / "status.json").read_text()) == {"ended": "interrupted"}
    at = int(np.load(checkpoint_of(partial))["step"])
    assert at > 0
    checkpoint_name, written = checkpoint_of(partial).name, checkpoint_of(partial).stat().st_mtime_ns

    with started("collide", *flags, "--out=cut", **place, said=tmp_path / "2") as second:
        wait_until(lambda: checkpoint_of(partial).stat().st_mtime_ns != written, second)
        second.process.kill()
        assert second.process.wait(HANG_SECONDS) == -signal.SIGKILL
    assert not out.exists()
    # It went on from the first one's checkpoint: a new descent would have shown its first, short chunk.
    assert all(step > at for step in steps_shown(second.stderr(), steps))
    further = int(np.load(checkpoint_of(partial))["step"])
    assert further > at

    resumed = run("collide", *flags, "--out=cut", **place)
    assert resumed.code == 1
    shown = steps_shown(resumed.stderr, steps)
    assert shown and min(shown) > further

    # Left in peace: what it finds is an empty checkpoint, with which it starts at the beginning.
    (tmp_path / "whole.partial").mkdir()
    (tmp_path / "whole.partial" / "run.flags").write_bytes((out / "run.flags").read_bytes())
    (tmp_path / "whole.partial" / checkpoint_name).write_bytes(b"")
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
    assert len((out / "trace.csv").read_text().splitlines()) == 1 + steps / 500 + 1
    assert not partial.exists()
