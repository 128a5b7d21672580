"""A sweep on Dask of which workers are killed ends in the bytes of a sweep on one machine.

python benchmarks/kill_workers.py OUT [--pairs=N] [--kills=N]

Needs `pip install "tfcollide[dask]"`. Workers are processes of this one's own; one is killed each time another pair is whole.
"""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
FILES = ("corners.npz", "trace.csv", "run.flags")


def sweep(out, *flags):
    command = [sys.executable, str(ROOT / "bin" / "collide"), *flags, f"--out={out}"]
    return subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(ROOT)})


def workers(process):
    """The processes that have begun to compute."""
    found = []
    for one in psutil.Process(process.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it has ended meanwhile
            found += [one] if one.memory_info().rss > 3e8 else []
    return found


def whole(folder):
    return sorted(path for path in folder.glob("pair_*") if path.suffix != ".partial")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--pairs", type=int, default=6)
    parser.add_argument("--kills", type=int, default=1)
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    flags = [f"--num_pairs={asked.pairs}", "--corners=2", "--interpolations=20", "--worst_starts=2", "--certify_boxes=20"]
    flags += ["--max_steps=200", f"--model_dir={asked.out}/models", "--epochs=5"]
    print("one process: exit code", sweep(asked.out / "local", *flags).wait())
    process, killed, seen = sweep(asked.out / "dask", *flags, "--runner=DaskRunner"), 0, 0
    while process.poll() is None:
        time.sleep(0.2)
        done = len(whole(asked.out / "dask.partial"))
        alive = workers(process)
        if killed < asked.kills and done > seen and alive:
            alive[0].send_signal(signal.SIGKILL)
            killed, seen = killed + 1, done
            print(f"killed worker {alive[0].pid} after {done} pairs")
    print(f"Dask: exit code {process.returncode}, {killed} workers killed")
    pairs = whole(asked.out / "local")
    same = [(one / name).read_bytes() == (asked.out / "dask" / one.name / name).read_bytes() for one in pairs for name in FILES]
    print(f"{len(pairs)} pairs, {sum(same)} of {len(same)} files equal")
    return 0 if all(same) and pairs else 1


if __name__ == "__main__":
    sys.exit(main())
