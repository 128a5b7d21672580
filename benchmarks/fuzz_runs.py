"""Runs random small networks, images and flags through `collide`, and a small run in random surroundings.

No exit code but 0, 1 and 2 may appear and no traceback, and what a run says of its corners must be what
Keras predicts of them.

python benchmarks/fuzz_runs.py --models=1000 --environments=100
"""

import argparse
import functools
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tfcollide.runtime.quiet import import_tensorflow

import_tensorflow()

from tests.recipes.fuzz import fuzz_models, fuzz_surroundings  # noqa: E402 - Keras comes after its settings


def main() -> None:
    """Prints the seed, and how many ended in each way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=60)
    parser.add_argument("--environments", type=int, default=15)
    parser.add_argument("--seed", type=int, default=None, help="Default: a random one.")
    arguments = parser.parse_args()
    seed = random.randrange(2**31) if arguments.seed is None else arguments.seed
    print(f"seed {seed}", flush=True)
    wrong = 0
    with tempfile.TemporaryDirectory() as name:
        began = time.perf_counter()
        for what, fuzz, rounds in (
            ("configurations", fuzz_models, arguments.models),
            ("surroundings", fuzz_surroundings, arguments.environments),
        ):
            ended = fuzz(Path(name), rounds, seed, report=functools.partial(print, flush=True))
            wrong += ended.pop("wrong")
            words = ", ".join(f"{count} with {code}" for code, count in ended.items())
            print(f"{rounds} {what}: {words}; {wrong} wrong so far, {time.perf_counter() - began:.0f} s", flush=True)
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
