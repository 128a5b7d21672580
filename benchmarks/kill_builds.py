"""Kills builds of an index at random moments, resumes each, and compares the bytes with an uninterrupted build.

python benchmarks/kill_builds.py --images=FOLDER --rounds=20
"""

import argparse
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROGRAM = Path(__file__).resolve().parent.parent / "bin" / "index_patches"


def contents(folder: Path) -> dict[str, bytes]:
    """The bytes of every file but the hidden ones."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")}


def start(images: str, out: Path) -> subprocess.Popen:
    """Starts a build of many small shards."""
    flags = ("--stride=16", "--shard_patches=8000", "--held_out=5")
    command = [sys.executable, str(PROGRAM), f"--images={images}", f"--out={out}", *flags]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def main() -> None:
    """Prints how many builds were killed, and whether all ended alike."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", required=True)
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()
    draw, killed = random.Random(0), 0
    with tempfile.TemporaryDirectory() as name:
        whole, out = Path(name, "whole"), Path(name, "patches")
        began = time.perf_counter()
        start(arguments.images, whole).wait()
        seconds = time.perf_counter() - began
        while killed < arguments.rounds:
            process = start(arguments.images, out)
            time.sleep(draw.uniform(0.15, 0.95) * seconds)
            process.send_signal(signal.SIGKILL)
            if process.wait() == -signal.SIGKILL:
                killed += 1
            else:
                seconds *= 0.8  # it was done already: the first build had a slower machine
            if not out.exists() and start(arguments.images, out).wait() != 0:
                sys.exit("a resumed build failed")
            if contents(out) != contents(whole):
                sys.exit("a resumed build differs")
            shutil.rmtree(out)
    print(f"{killed} builds killed, all resumed to the same bytes")


if __name__ == "__main__":
    main()
