"""A sweep, or an audit, on Dask of which workers are killed ends in the bytes of one in one process.

python benchmarks/kill_workers.py OUT [--program=collide|audit] [--pairs=N] [--kills=N]

Needs `pip install "tfcollide[dask]"`. Workers are processes of this one's own; one is killed each time another pair, or another
search of an audit, is whole.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
SWEEP = ["--corners=2", "--interpolations=20", "--worst_starts=2", "--certify_boxes=20", "--max_steps=200"]
AUDIT = ["--dataset=digits", "--budget=quick"]


def started(program, out, *flags):
    command = [sys.executable, str(ROOT / "bin" / program), *flags, f"--out={out}"]
    return subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(ROOT)})


def workers(process):
    """The processes that have begun to compute."""
    found = []
    for one in psutil.Process(process.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it has ended meanwhile
            found += [one] if one.memory_info().rss > 3e8 else []
    return found


def whole(program, folder):
    """What is finished of a run that is at work."""
    return len([path for path in folder.glob("pair_*" if program == "collide" else ".audit/*") if path.suffix != ".partial"])


def contents(program, folder):
    """File -> what has to be equal: bytes, or the numbers of an audit."""
    if program == "collide":
        files = [path for name in ("corners.npz", "trace.csv", "run.flags") for path in folder.glob(f"pair_*/{name}")]
        return {path.relative_to(folder): path.read_bytes() for path in files}
    found = {name: (folder / name).read_bytes() for name in ("pairs.csv", "hulls.csv", "layers.csv", "hulls.npz")}
    audit = json.loads((folder / "audit.json").read_text())
    del audit["seconds"], audit["made_with"]["command"]
    return found | {"audit.json": audit}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--program", choices=("collide", "audit"), default="collide")
    parser.add_argument("--pairs", type=int, default=6)
    parser.add_argument("--kills", type=int, default=1)
    asked = parser.parse_args()
    program, out = asked.program, asked.out
    out.mkdir(parents=True, exist_ok=True)
    flags = [
        f"--num_pairs={asked.pairs}",
        f"--model_dir={out}/models",
        "--epochs=5",
        *(SWEEP if program == "collide" else AUDIT),
    ]
    print("one process: exit code", started(program, out / "local", *flags).wait(), flush=True)
    process, killed, seen = started(program, out / "dask", *flags, "--runner=DaskRunner"), 0, 0
    while process.poll() is None:
        time.sleep(0.2)
        done = whole(program, out / "dask.partial")
        alive = workers(process)
        if killed < asked.kills and done > seen and alive:
            alive[0].send_signal(signal.SIGKILL)
            killed, seen = killed + 1, done
            print(f"killed worker {alive[0].pid} after {done} pairs or searches", flush=True)
    print(f"Dask: exit code {process.returncode}, {killed} workers killed")
    local, dask = (contents(program, out / name) for name in ("local", "dask"))
    same = [name for name in local if local[name] == dask.get(name)]
    print(f"{len(same)} of {len(local)} files equal")
    return 0 if local and len(same) == len(local) else 1


if __name__ == "__main__":
    sys.exit(main())
