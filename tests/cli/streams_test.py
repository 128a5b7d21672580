"""Standard streams that are closed, full, or do not know some letter; nothing here needs TensorFlow."""

import io
import subprocess
import sys

import pytest

from tfcollide import cli

from .programs import ROOT

COLLIDE = f"exec {sys.executable} {ROOT}/bin/collide"


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("--version >&-", 0, ""),
        ("--help <&- >&- 2>&-", 0, ""),
        ("--nonsense 2>&-", 2, ""),
        ("--nonsense 2>/dev/full", 2, ""),
        ("--version >/dev/full", 0, "Standard output cannot be written (No space left on device)\n"),
        ("--help >/dev/full", 0, "Standard output cannot be written (No space left on device)\n"),
    ],
)
def test_streams_that_cannot_be_written(line, code, said):
    done = subprocess.run(["bash", "-c", f"{COLLIDE} {line}"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", said)


def test_a_file_never_takes_the_place_of_a_closed_stream():
    program = "from tfcollide import cli; cli.main(lambda argv: print(open('/dev/null').fileno() > 2) or 0, ['x'])"
    line = f'exec {sys.executable} -c "$1" <&- 2>&-'
    done = subprocess.run(["bash", "-c", line, "bash", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "True\n")


def test_a_letter_that_the_terminal_does_not_know(monkeypatch):
    """What is done is done, and shown as well as it can be."""
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii", errors="surrogateescape"))
    assert cli.main(lambda argv: cli._say("caf\u00e9", "tea") or 0, ["x"]) == 0
    sys.stdout.flush()
    assert written.getvalue() == b"caf\\xe9\ntea\n"


def test_a_variable_that_progress_does_not_take():
    line = f"TQDM_MININTERVAL=soon {COLLIDE.removeprefix('exec ')} --version"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "error: TQDM_MININTERVAL=soon: expected what tqdm takes" in done.stderr
    assert done.stderr.count("\n") == 1
