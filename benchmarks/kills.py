"""kill -9 at random moments of a run, then completion, compared with a run left in peace.

    python benchmarks/kills.py --kills=50 -- --model=FILE.keras --dataset=... --source=... --target=...
    python benchmarks/kills.py --kills=20 --program=audit -- --dataset=digits --budget=quick --num_pairs=20

What follows the bare -- goes to bin/collide, beside --checkpoint_seconds=2, or to bin/audit.
"""

import dataclasses
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from absl import flags
from tqdm import tqdm

from tfcollide.errors import RequestError
from tfcollide.files.atomic import to_json
from tfcollide.measure.kept_audit import read_record
from tfcollide.records import Summary

ROOT = Path(__file__).resolve().parent.parent
TIMED = ("summary.json", "audit.json", "figure.png", "report.html")
_KNOWN = flags.FlagValues()
flags.DEFINE_integer("kills", 50, "How many.", flag_values=_KNOWN)
flags.DEFINE_enum("program", "collide", ["collide", "audit"], "What is killed.", flag_values=_KNOWN)
flags.DEFINE_integer("seed", 0, "Of the moments.", flag_values=_KNOWN)
flags.DEFINE_float("earliest", 4.0, "Seconds after the start at which a kill may come.", flag_values=_KNOWN)


def main() -> int:
    rest = _KNOWN(sys.argv)[1:]
    rng = random.Random(_KNOWN.seed)
    with tempfile.TemporaryDirectory() as folder:
        whole, seconds = Path(folder, "whole"), []
        seconds.append(finish(rest, whole))
        out, kills, finished, broken = Path(folder, "cut"), 0, 0, 0
        bar = tqdm(total=_KNOWN.kills, desc="kills")
        while kills < _KNOWN.kills:
            process = started(rest, out)
            try:
                process.wait(rng.uniform(_KNOWN.earliest, max(_KNOWN.earliest + 1, 0.9 * seconds[0])))
                forget(out)  # it was done before the kill: once more from the beginning
                continue
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            kills += 1
            bar.update()
            if out.exists():  # it must be whole: killed on its way out of the process
                finished += 1
                broken += not equal(out, whole)
                forget(out)
        finish(rest, out)
        print(f"{kills} kills, {finished} of them after the directory had its name; uninterrupted {seconds[0]:.1f} s")
        print(f"{broken} directories that looked finished and were not")
        print(f"equal to the run left in peace: {equal(out, whole)}")
        return 0 if equal(out, whole) and not broken else 1


def started(flags_of_run, out):
    command = [sys.executable, str(ROOT / "bin" / _KNOWN.program), *flags_of_run, f"--out={out}"]
    command += ["--checkpoint_seconds=2"] if _KNOWN.program == "collide" else []
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def finish(flags_of_run, out):
    began = time.perf_counter()
    process = started(flags_of_run, out)
    if process.wait() not in (0, 1):
        sys.exit(f"bin/{_KNOWN.program} ended with {process.returncode}")
    return time.perf_counter() - began


def forget(out):
    subprocess.run(["rm", "-rf", str(out)], check=True)


def equal(out, whole):
    """Whether two runs have the same files and, but for seconds, the same numbers."""
    try:
        same = all((out / name).read_bytes() == (whole / name).read_bytes() for name in compared(whole))
        return same and numbers(out) == numbers(whole)
    except (OSError, RequestError):
        return False


def compared(whole):
    """Files without seconds in them."""
    names = (path.relative_to(whole) for path in whole.rglob("*") if path.is_file())
    return [name for name in names if name.name not in TIMED and not name.name.startswith("events")]


def numbers(folder):
    """All that the run has found, but for seconds; the folder's own name is in the command that repeats an audit."""
    if _KNOWN.program == "collide":
        return dataclasses.replace(Summary.read(folder), seconds={})
    return to_json(dataclasses.replace(read_record(folder, flag="out"), seconds={}, made_with={}))


if __name__ == "__main__":
    sys.exit(main())
