"""Standard streams that are closed, full or of another encoding: the program goes on, and its files are its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import os, sys
from tfcollide.runtime.streams import make_unfailing
make_unfailing()
with open(sys.argv[1], "w") as file:
    print("said", "x" * 100_000)
    print("said", file=sys.stderr)
    os.write(1, b"by a library") if ">&-" in sys.argv[2] else None
    sys.stdout.flush()
    file.write("mine")
sys.exit(3)
"""


@pytest.mark.parametrize(
    "streams", [">&-", "2>&-", ">&- 2>&- <&-", ">/dev/full", "2>/dev/full", ">/dev/full 2>/dev/full", "| true"]
)
def test_the_exit_code_is_the_program_s(tmp_path, streams):
    script = f'set -o pipefail; "$@" {streams}'
    program = [sys.executable, "-c", PROGRAM, tmp_path / "file", streams]
    done = subprocess.run(
        ["bash", "-c", script, "bash", *program],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 3, done.stderr
    assert (tmp_path / "file").read_text() == "mine"
    assert done.stderr == ("" if "2>" in streams else "said\n")


@pytest.mark.parametrize(
    ("encoding", "said"),
    [("ascii", rb"\xe9 \u65e5 \U0001f600 " + b"\xe9"), ("utf-8", "\xe9 \u65e5 \U0001f600 ".encode() + b"\xe9")],
)
def test_what_the_encoding_lacks_is_escaped(encoding, said):
    program = (
        "from tfcollide.runtime.streams import make_unfailing; make_unfailing(); "
        "print('\\xe9 \\u65e5 \\U0001f600 \\udce9', flush=True)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding},
    )
    assert done.stdout == said + b"\n", done.stderr
