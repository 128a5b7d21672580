"""Runs random small networks, images and flags through `collide`, and a small run in random surroundings.

No exit code but 0, 1 and 2 may appear and no traceback, and what a run says of its corners must be what
Keras predicts of them. A process runs 50 configurations at most, as TensorFlow's memory grows with each network.

python benchmarks/fuzz_runs.py --models=1000 --environments=100
"""

import argparse
import collections
import concurrent.futures
import functools
import multiprocessing
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

BATCH = 50


def fuzz(what: str, rounds: int, seed: int) -> dict[int | str, int]:
    """Runs `rounds` of "configurations" or "surroundings" in this process. Returns how many ended in each way."""
    from tfcollide.runtime.quiet import import_tensorflow

    import_tensorflow()  # Keras comes after its settings
    from tests.recipes.fuzz import fuzz_models
    from tests.recipes.fuzz_surroundings import fuzz_surroundings

    with tempfile.TemporaryDirectory() as name:
        report = functools.partial(print, flush=True)
        return {"configurations": fuzz_models, "surroundings": fuzz_surroundings}[what](Path(name), rounds, seed, report=report)


def main() -> None:
    """Prints the seed, and how many ended in each way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=60)
    parser.add_argument("--environments", type=int, default=15)
    parser.add_argument("--seed", type=int, default=None, help="Default: a random one.")
    parser.add_argument("--processes", type=int, default=1, help="How many run beside each other.")
    arguments = parser.parse_args()
    seed = random.randrange(2**31) if arguments.seed is None else arguments.seed
    print(f"seed {seed}", flush=True)
    batches = [
        (what, min(BATCH, rounds - first), seed + first)
        for what, rounds in (("surroundings", arguments.environments), ("configurations", arguments.models))
        for first in range(0, rounds, BATCH)
    ]
    totals: dict[str, collections.Counter[int | str]] = collections.defaultdict(collections.Counter)
    began, spawn = time.perf_counter(), multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(arguments.processes, mp_context=spawn, max_tasks_per_child=1) as processes:
        jobs = {processes.submit(fuzz, *batch): batch[0] for batch in batches}
        for job in concurrent.futures.as_completed(jobs):
            what = jobs[job]
            totals[what].update(job.result())
            ends = totals[what].items()
            words = ", ".join(f"{count} {f'exit {end}' if isinstance(end, int) else end}" for end, count in ends)
            print(f"{what} so far: {words}; {time.perf_counter() - began:.0f} s", flush=True)
    sys.exit(any(ended["wrong"] for ended in totals.values()))


if __name__ == "__main__":
    main()
